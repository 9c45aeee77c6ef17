"""Images under names of the stack's own: what is registered for them, and what runs in them."""

import click
import pytest

from blueprint.settings import Build
from components.buildable import unbuildable
from components.pod.keys import key_data
from ops.program import SECRET, run_with
from tests.blueprint.stack_files import DIGEST, KNOWN, resolve
from tests.support import PROJECT, lab_config, manifests, registered, wire

IMAGE = "docker:index/image:Image"
TAGGED = "registry.example.com/team/server:1.4"
NAMED = {"repository": "registry.example.com/team/server", "tag": "1.4"}
KEYED = {"host": "m.example.com", "auth": "engineKey", "keys": ["callers-2", "callers-1"]}


def stack(build=None, *, engine=None, image=None, **sections):
    """A lab stack of one model in the server of this project; build: of its image, if it is built."""
    named = {**NAMED, **(image or {}), **({} if build is None else {"build": {"context": "server", **build}})}
    config = lab_config(images={"server": named}, **sections)
    config["models"]["m"]["engine"] = {"name": "custom", **(engine or {})}
    return config


def built(config, **secrets):
    """The inputs of the one image that a stack builds."""
    secret = {f"llm-inference-secrets:{name}": value for name, value in secrets.items()}
    found = run_with(PROJECT, "dev", {**wire(config), **secret}, list(secret))
    (image,) = (one for one in found if one.type == IMAGE)
    return image.inputs


def pod_of(objects):
    return objects["Deployment/m"]["spec"]["template"]["spec"]


def test_an_image_is_built_from_relative_paths_for_the_nodes_and_pushed_under_its_tag():
    inputs = built(stack({}))
    assert inputs["imageName"] == TAGGED
    assert inputs["build"] == {"context": "server", "dockerfile": "server/Dockerfile", "platform": "linux/amd64"}
    assert (inputs["buildOnPreview"], inputs["skipPush"]) == (False, False)
    # Who is logged in on this machine pushes.
    assert "registry" not in inputs


def test_a_build_has_its_arguments_target_platform_and_cache():
    cache = f"{NAMED['repository']}:cache"
    options = {"args": {"VERSION": "7"}, "target": "builder", "platform": "linux/arm64", "cacheFrom": [cache]}
    inputs = built(stack({**options, "buildOnPreview": True}))
    assert inputs["build"] == {
        "context": "server",
        "dockerfile": "server/Dockerfile",
        # Else the pushed image has no cache in it for the next build.
        "args": {"BUILDKIT_INLINE_CACHE": "1", "VERSION": "7"},
        "target": "builder",
        "platform": "linux/arm64",
        "cacheFrom": {"images": [cache]},
    }
    assert inputs["buildOnPreview"] is True


def test_the_password_of_the_registry_is_a_secret():
    inputs = built(stack({"registry": {"username": "robot", "password": "push"}}), push="swordfish")
    assert inputs["registry"] == {"server": "registry.example.com", "username": "robot", "password": SECRET}
    assert "swordfish" not in str(inputs)


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ({}, "llm-inference-secrets:push is missing; `pulumi config set --secret llm-inference-secrets:push`"),
        ({"llm-inference-secrets:push": "swordfish"}, "llm-inference-secrets:push is in clear text. Revoke it"),
    ],
)
def test_a_password_that_is_missing_or_in_clear_text_is_told_before_anything_is_touched(secret, said):
    config = stack({"registry": {"username": "robot", "password": "push"}})
    with pytest.raises(click.ClickException) as refused:
        run_with(PROJECT, "dev", {**wire(config), **secret}, [])
    assert said in refused.value.message
    assert "swordfish" not in refused.value.message


DOCKERFILE = "ARG BASE=x\nFROM ${BASE} AS Builder\nARG ONE=1 \\\n    TWO\nFROM scratch\n# ARG THREE\n"


@pytest.mark.parametrize(
    ("build", "key", "said"),
    [
        ({"context": "servr"}, "context", "servr is no directory of"),
        (
            {"dockerfile": "Dockerfil"},
            "dockerfile",
            "Dockerfil cannot be read in {root}: No such file or directory. Name",
        ),
        ({"dockerfile": "here"}, "dockerfile", "here cannot be read in {root}: Is a directory"),
        ({"dockerfile": "here/binary"}, "dockerfile", "here/binary cannot be read in {root}: it is no text"),
        ({"target": "runner"}, "target", "here/Dockerfile has no stage runner. Use builder."),
        (
            {"args": {"THREE": "3"}},
            "args.THREE",
            "here/Dockerfile has no ARG THREE, and Docker would ignore it. Use BASE, ONE",
        ),
    ],
)
def test_what_cannot_be_built_is_told_with_key_value_and_remedy(tmp_path, build, key, said):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "here" / "binary").write_bytes(b"\xff\xfe\x00")
    messages = [issue.render("Pulumi.dev.yaml") for issue in found_in(tmp_path, {"context": "here", **build})]
    assert [message for message in messages if f"images.server.build.{key}: {said.format(root=tmp_path)}" in message]


@pytest.mark.parametrize(
    "build",
    [{}, {"target": "builder"}, {"target": "0"}, {"args": {"BASE": "y", "ONE": "2", "TWO": "", "HTTP_PROXY": "p"}}],
)
def test_what_can_be_built_is_let_through(tmp_path, build):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "Dockerfile").write_text(DOCKERFILE)
    assert not list(found_in(tmp_path, {"context": "here", **build}))


def found_in(root, build):
    (image,) = resolve(stack(build), "lab").images
    assert isinstance(image.build, Build)
    return unbuildable(image, root)


def test_files_that_are_missing_refuse_the_whole_stack():
    with pytest.raises(click.ClickException, match="nothing was touched") as refused:
        manifests(stack({"context": "servr"}))
    assert "Pulumi.dev.yaml: images.server.build.context: servr is no directory of" in refused.value.message


def test_a_model_runs_in_what_was_built_and_so_does_the_job_that_fills_its_cache():
    """Without an engine nothing is pushed, and the tag stands for the digest."""
    objects = manifests(stack({}))
    (engine,) = pod_of(objects)["containers"]
    assert engine["image"] == TAGGED
    (job,) = (item for key, item in objects.items() if key.startswith("Job/m-download-"))
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == TAGGED


def test_without_build_the_digest_of_the_lock_runs_and_nothing_is_built(monkeypatch):
    lock = resolve.__globals__["IMAGES_LOCK"]
    pin = {"digest": DIGEST, "known": KNOWN}
    monkeypatch.setitem(resolve.__globals__, "IMAGES_LOCK", type(lock).model_validate({"images": {TAGGED: pin}}))
    found = resolve(stack(), "lab")
    assert [image.reference.value for image in found.images] == [f"{TAGGED}@{DIGEST}"]
    assert [workload.image.value for workload in found.workloads] == [f"{TAGGED}@{DIGEST}"]
    assert not [one for one in registered(stack()) if one.type == IMAGE]


def test_nodes_pull_with_the_secret_of_the_image():
    accelerators = {"nvidia-l4": {"available": 8}}
    objects = manifests(
        stack({}, image={"pullSecret": "pull"}, cluster={"prePull": True, "accelerators": accelerators})
    )
    (job,) = (item for key, item in objects.items() if key.startswith("Job/"))
    (pulling,) = (item for key, item in objects.items() if key.startswith("DaemonSet/"))
    for item in (objects["Deployment/m"], job, pulling):
        assert item["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "pull"}]
    assert pulling["spec"]["template"]["spec"]["containers"][0]["image"] == TAGGED


def test_the_server_of_this_project_runs_as_its_user_with_its_options():
    options = {"dtype": "bfloat16", "maxModelLen": 4096, "maxRunningRequests": 32, "maxQueuedRequests": 8}
    objects = manifests(stack({}, engine=options))
    pod = pod_of(objects)
    (source,) = pod["containers"][0]["envFrom"]
    environment = objects[f"ConfigMap/{source['configMapRef']['name']}"]["data"]
    told = {"DTYPE": "bfloat16", "MAX_MODEL_LEN": "4096", "MAX_RUNNING_REQUESTS": "32", "MAX_QUEUED_REQUESTS": "8"}
    assert environment.items() >= told.items()
    assert pod["securityContext"]["runAsUser"] == 1000
    assert objects["Deployment/m"]["metadata"]["labels"]["app.kubernetes.io/version"] == "0.1.0"


def test_the_server_of_this_project_scales_on_its_own_metrics():
    config = stack({}, monitoring={"mode": "operator"})
    config["models"]["m"]["scaling"] = {"min": 1, "max": 3}
    triggers = manifests(config)["ScaledObject/m"]["spec"]["triggers"]
    assert [trigger["name"] for trigger in triggers] == ["inFlight", "waiting", "kvCache"]
    assert all("llm_" in trigger["metadata"]["query"] for trigger in triggers)


def test_the_keys_of_callers_come_by_a_file_of_lines():
    config = stack({}, cluster={"gateway": {"name": "g", "namespace": "gateways", "listener": "https"}})
    config["models"]["m"]["expose"] = KEYED
    config["models"]["m"]["lifecycle"] = {"warmUp": True}
    objects = manifests(config)
    pod = pod_of(objects)
    (engine,) = pod["containers"]
    (variable,) = (one for one in engine["env"] if one["name"] == "API_KEYS_FILE")
    (mount,) = (one for one in engine["volumeMounts"] if one["name"] == "keys")
    (volume,) = (one for one in pod["volumes"] if one["name"] == "keys")
    (item,) = volume["secret"]["items"]
    assert variable["value"] == f"{mount['mountPath']}/{item['path']}" == engine["startupProbe"]["exec"]["command"][-1]
    assert not engine.get("args")
    (workload,) = resolve(config, "lab").workloads
    assert key_data(workload, ["one", "two"]) == {item["key"]: "one\ntwo\n"}
    (secret,) = (one.inputs for one in registered(config) if one.type == "kubernetes:core/v1:Secret")
    assert (secret["metadata"]["name"], secret["stringData"]) == (volume["secret"]["secretName"], SECRET)
