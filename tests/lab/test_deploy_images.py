"""`make up` of a stack that builds the image its model runs, in a project of its own, with a lab of its own."""

import json
import re
import subprocess
import sys

import pytest
import yaml

from lab.registry import Registry
from lab.tools.build import ensure
from lab.tools.sets import REGISTRY
from tests.lab.test_deploy import deploy, kubectl
from tests.server import docker as d
from tests.support import copy_project

REPOSITORY = "registry.example.com/llm-inference-tests/deployed"
TAGGED = f"{REPOSITORY}:1"
DAEMON = pytest.mark.skipif(
    d.client() is None, reason="needs a docker daemon that answers, and a docker with BuildKit on PATH"
)
WHOLE = pytest.mark.skipif(not d.available(), reason=d.NEEDS)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the project's files whose dev has one model, on this project's server, and an image of one file."""
    root = tmp_path_factory.mktemp("images") / "project"
    copy_project(root)
    (root / "tiny").mkdir()
    (root / "tiny/Dockerfile").write_text(f"FROM scratch\nCOPY file /\nLABEL {d.LABEL}=1\n")
    (root / "tiny/file").write_text("1")
    stack = yaml.safe_load((root / "Pulumi.dev.yaml").read_text())
    models = stack["config"]["llm-inference:models"]
    model = models.pop("qwen-1-5b")
    models.clear()
    models["own"] = {**model, "engine": {"name": "custom", "maxModelLen": 2048}}
    del stack["config"]["llm-inference:huggingface"]
    (root / "Pulumi.dev.yaml").write_text(yaml.safe_dump(stack, sort_keys=False))
    builds(root, {"context": "tiny"})
    yield root
    subprocess.run([sys.executable, "-m", "lab.cluster", "down", "--delete"], cwd=root, check=True)
    if d.client():
        d.remove(TAGGED)


def builds(root, build):
    """How the stack's image is built from now on."""
    path = root / "Pulumi.dev.yaml"
    stack = yaml.safe_load(path.read_text())
    image = {"repository": REPOSITORY, "tag": "1", "build": build}
    stack["config"]["llm-inference:images"] = {"server": image}
    path.write_text(yaml.safe_dump(stack, sort_keys=False))


def deployed(root):
    """The image of the Deployment."""
    path = "-o=jsonpath={.spec.template.spec.containers[0].image}"
    return kubectl(root, "get", "deploy", "-nllm", "own", path)


def digest(root):
    """What the registry has under the image's tag."""
    return Registry(root / ".lab").digest(REPOSITORY, "1")


def up(root, **variables):
    return deploy(root, "up", "--engine=lab", **variables)


def test_elsewhere_it_is_refused_as_nothing_would_find_the_image(checkout):
    said = deploy(checkout, "up", "--engine=lab", "--context=my-kind", succeeds=False)
    assert "dev-my-kind builds server, which the lab's engine pushes to the lab's own registry alone" in said


def test_without_a_daemon_the_model_is_up_with_the_tag_and_it_is_said(checkout):
    said = up(checkout, DOCKER_HOST="unix:///nowhere/docker.sock")
    assert f"Left out: {TAGGED} is neither built nor pushed" in said
    assert "1/1 replicas ready" in said
    # The default provider, which nobody asked for, is counted in neither.
    assert re.search(r"\+ (\d+) created", said)[1] == re.search(r"has (\d+) resources", said)[1]
    assert deployed(checkout) == TAGGED


@DAEMON
def test_what_runs_is_the_digest_that_the_registry_has(checkout):
    ensure(REGISTRY)
    up(checkout)
    assert deployed(checkout) == f"{REPOSITORY}@{digest(checkout)}"
    said = up(checkout)
    assert "Nothing changes" in said
    assert "processes of an earlier start" not in said  # the registry among them
    first = digest(checkout)
    (checkout / "tiny/file").write_text("2")
    up(checkout)
    assert digest(checkout) != first
    assert deployed(checkout) == f"{REPOSITORY}@{digest(checkout)}"


@pytest.mark.prove
@WHOLE
def test_this_projects_server_is_built_and_deployed_by_digest(checkout):
    """The whole image, on a base that was made on this machine."""
    builds(checkout, {"context": "server", "args": {"BASE_IMAGE": d.python_base()}})
    # Gigabytes are built, and packed for the registry.
    up(checkout, seconds=1800)
    assert deployed(checkout) == f"{REPOSITORY}@{digest(checkout)}"
    assert d.inspect(TAGGED)["Config"]["Entrypoint"] == ["python", "-m", "server"]
    preview = json.loads(
        deploy(checkout, "run", "--", "python", "-m", "lab.engine", "preview", "--stack=dev", "--json")
    )
    assert set(preview["changeSummary"]) == {"same"}
    assert "Nothing changes" in up(checkout)


@DAEMON
def test_down_takes_the_registry_along(checkout):
    deploy(checkout, "down", "--engine=lab")
    assert Registry(checkout / ".lab").address is None
