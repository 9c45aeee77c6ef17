"""`make up` and its kin on stacks whose endpoints are the lab's: what the engine gets, and what is told."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lab import own_server
from lab.cluster.control import Lab
from lab.deploy import _tell
from lab.errors import LabError
from lab.stacks import forget_lab, read_endpoints, read_resources
from lab.target import Target, target

HUB = "http://127.0.0.1:23456"
VARIABLES = ("LLM_LAB_HUB", "LLM_LAB_HUB_TOKEN", "LLM_LAB_HUB_INVOKE_TOKEN")
LAB = {"namespace": "lab-org", "api": "lab"}
CLUSTER = {"context": "lab", "id": "lab", "namespace": {"name": "llm"}, "accelerators": {"nvidia-l4": {"available": 8}}}
MODELS = {"on-gpus": {"target": "kubernetes"}, "on-endpoints": {"target": "endpoint"}}
# Says what it got. The state is made up by the tests.
PULUMI = '#!/bin/sh\necho "$1: hub=$LLM_LAB_HUB token=$LLM_LAB_HUB_TOKEN invoke=$LLM_LAB_HUB_INVOKE_TOKEN"\n'


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in (*VARIABLES, "PULUMI_BACKEND_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(tmp_path):
    """A folder that is a project, with the stack `dev`."""

    def project(**sections):
        (tmp_path / "Pulumi.yaml").write_text("name: llm-inference\nruntime: python\n")
        config = {f"llm-inference:{name}": section for name, section in sections.items()}
        (tmp_path / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))
        return tmp_path

    return project


def endpoint(model, *, api="lab", outputs=None):
    """The resources of one endpoint: as made, and as seen ready when there are outputs."""
    component = f"urn:pulumi:dev::llm-inference::llm:index:HostedModel::{model}"
    kinds = {"hf:Endpoint": {}, **({"hf:EndpointReady": outputs} if outputs else {})}
    return [
        {
            "urn": f"urn:pulumi:dev::llm-inference::llm:index:HostedModel$pulumi-python:dynamic/{kind}::{model}-x",
            "type": f"pulumi-python:dynamic/{kind}",
            "parent": component,
            "inputs": {"api": api, "__provider": {"secret": "by its signature"}},
            "outputs": seen,
        }
        for kind, seen in kinds.items()
    ]


def provider(cluster):
    return {"urn": "u::p", "type": "pulumi:providers:kubernetes", "inputs": {"clusterIdentifier": cluster}}


def write_state(root, *resources, stack="dev"):
    path = root / f".lab/state/.pulumi/stacks/llm-inference/{stack}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": list(resources)}}}))
    return path


def variables(found):
    return {name: found.environment[name] for name in VARIABLES if name in found.environment}


RUNNING = {"state": "running", "status": "scaledToZero", "url": f"{HUB}/e/abc", "openaiUrl": f"{HUB}/e/abc/v1"}


@pytest.mark.parametrize("engine", ["lab", "pulumi"])
def test_either_engine_is_led_to_the_running_stand_in(project, monkeypatch, engine):
    monkeypatch.setattr(Lab, "hub", lambda _: HUB)
    found = Target("dev", engine, project(huggingface=LAB))
    assert variables(found) == dict(zip(VARIABLES, (HUB, "lab-manage", "lab-invoke"), strict=True))


def test_what_the_person_has_set_wins(project, monkeypatch):
    monkeypatch.setattr(Lab, "hub", lambda _: HUB)
    monkeypatch.setenv("LLM_LAB_HUB", "http://127.0.0.1:1")
    assert variables(Target("dev", "lab", project(huggingface=LAB)))["LLM_LAB_HUB"] == "http://127.0.0.1:1"


@pytest.mark.parametrize("section", [{"namespace": "acme"}, {"namespace": "acme", "api": "huggingface"}, None, "text"])
def test_a_stack_of_hugging_face_gets_nothing_of_the_lab(project, monkeypatch, section):
    monkeypatch.setattr(Lab, "hub", lambda _: HUB)
    found = Target("dev", "lab", project(cluster=CLUSTER, **({"huggingface": section} if section else {})))
    assert variables(found) == {}
    assert found.uses_lab  # for its cluster


def test_a_stack_whose_endpoints_are_still_in_the_lab_can_delete_them(project, monkeypatch):
    """`api: lab` has gone from the file together with the models; the endpoints have not gone yet."""
    monkeypatch.setattr(Lab, "hub", lambda _: HUB)
    root = project(huggingface={"namespace": "acme"})
    write_state(root, *endpoint("old"))
    found = Target("dev", "lab", root)
    assert found.uses_lab
    assert variables(found)["LLM_LAB_HUB"] == HUB


def test_without_a_running_stand_in_nothing_is_set(project):
    assert variables(Target("dev", "lab", project(huggingface=LAB))) == {}


def test_another_context_leaves_endpoints_to_dev(project):
    root = project(cluster=CLUSTER, huggingface=LAB, models=MODELS)
    found = target(root, "dev", "my-kind", "lab")
    assert found.left_out == ("on-endpoints",)
    assert list(found.config["models"]) == ["on-gpus"]
    assert found.config["huggingface"] == {"namespace": "lab-org"}
    assert not found.uses_lab
    assert "api" in target(root, "dev", "", "lab").config["huggingface"]


@pytest.mark.parametrize(
    ("python", "told"),
    [
        (sys.executable, "Behind container, own: the server itself, over a tiny model.\n"),
        ("/nonexistent", "Behind container, own: simulated; `make server` installs what the real one needs.\n"),
    ],
    ids=["installed", "missing"],
)
def test_the_end_of_up_tells_what_stands_behind_the_custom_engine(project, capsys, monkeypatch, python, told):
    monkeypatch.setattr(own_server, "_PYTHON", Path(python))
    custom = {"name": "custom", "image": "registry.example.com/team/server:1"}
    models = {
        **MODELS,
        "container": {"target": "endpoint", "engine": custom, "environment": {"MODEL_ID": "/repository"}},
        "embeddings": {"target": "endpoint", "engine": custom},
        "own": {"target": "kubernetes", "engine": custom},
    }
    root = project(cluster=CLUSTER, huggingface=LAB, models=models)
    write_state(root)
    _tell(Target("dev", "lab", root))
    assert told in capsys.readouterr().out


def test_another_context_needs_a_cluster_to_replace(project):
    with pytest.raises(LabError, match=r"Pulumi\.dev\.yaml has no cluster"):
        target(project(huggingface=LAB), "dev", "my-kind", "lab")


def test_the_end_of_up_tells_endpoints_and_how_to_talk_to_them(project, capsys):
    root = project(huggingface=LAB)
    write_state(
        root, *endpoint("asleep", outputs={"state": "paused", "status": "paused", "url": None}), *endpoint("young")
    )
    _tell(Target("dev", "lab", root))
    told = capsys.readouterr().out
    assert "  asleep                   endpoint, paused\n" in told
    assert "  young                    endpoint, not seen ready yet\n" in told
    assert "make chat" not in told
    assert "make endpoints\n" in told
    assert "kubectl" not in told

    write_state(root, *endpoint("talks", outputs=RUNNING))
    _tell(Target("dev", "lab", root))
    told = capsys.readouterr().out
    assert f"  talks                    endpoint, scaledToZero at {HUB}/e/abc\n" in told
    assert "the answers are made up" in told
    assert "make chat MODEL=talks PROMPT=" in told


def test_the_end_of_up_tells_nothing_of_endpoints_where_there_are_none(project, capsys):
    root = project(cluster=CLUSTER)
    write_state(root, provider("lab"))
    _tell(Target("dev", "lab", root))
    assert "endpoint" not in capsys.readouterr().out


def test_endpoints_are_named_by_their_models(tmp_path):
    alone = {**endpoint("x")[0], "parent": "", "urn": "urn:pulumi:dev::llm-inference::t::lonely-endpoint"}
    write_state(tmp_path, *endpoint("b", outputs=RUNNING), *endpoint("a", api="huggingface"), alone)
    found = read_endpoints(f"file://{tmp_path}/.lab/state", "dev")
    assert [(item.model, item.api, item.state) for item in found] == [
        ("a", "huggingface", ""),
        ("b", "lab", "scaledToZero"),
        ("lonely", "lab", ""),
    ]
    assert read_endpoints("s3://somewhere", "dev") == []


def test_a_deleted_lab_takes_the_states_that_lived_there_alone(tmp_path):
    """An endpoint at Hugging Face costs money: the state that knows it stays."""
    states = {
        "endpoints": endpoint("m"),
        "both": [provider("lab"), *endpoint("m")],
        "paid": [provider("lab"), *endpoint("m", api="huggingface")],
        "moved": [provider("kind"), *endpoint("m")],
        "elsewhere": endpoint("m", api="huggingface"),
    }
    for stack, resources in states.items():
        write_state(tmp_path, *resources, stack=stack)
    assert forget_lab(tmp_path / ".lab/state") == ["moved", "paid"]
    left = (tmp_path / ".lab/state/.pulumi/stacks/llm-inference").iterdir()
    assert sorted(path.stem for path in left) == ["elsewhere", "moved", "paid"]


def deploy(root, *arguments, succeeds=True):
    environment = {**os.environ, "PATH": f"{root}/bin{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-m", "lab.deploy", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    output = done.stdout + done.stderr
    assert (done.returncode == 0) is succeeds, output
    return output


def test_a_stack_of_endpoints_alone_starts_the_lab_and_ends_it(project):
    root = project(huggingface=LAB)
    (root / "bin").mkdir()
    (root / "bin/pulumi").write_text(PULUMI)
    (root / "bin/pulumi").chmod(stat.S_IRWXU)
    lab = Lab(root / ".lab", stacks=root, say=lambda _: None)
    show = ("run", "--", "python", "-c", "import os; print(os.environ['LLM_LAB_HUB'])")
    try:
        assert "preview: hub= token= invoke=\n" in deploy(root, "preview")
        assert lab.hub() is None
        assert "`make lab` starts it" in deploy(root, *show, succeeds=False)

        told = deploy(root, "up")
        given = f"hub={lab.hub()} token=lab-manage invoke=lab-invoke\n"
        assert lab.hub()
        assert f"up: {given}" in told
        assert f"preview: {given}" in deploy(root, "preview")
        assert deploy(root, *show) == f"{lab.hub()}\n"
        lab.stop()
        assert f"refresh: {given}" in deploy(root, "refresh")

        lab.stop()
        write_state(root, *endpoint("m"))
        assert f"destroy: {given}" in deploy(root, "down")
        assert lab.hub() is None
    finally:
        lab.stop(delete=True)
    assert not (root / ".lab/state/.pulumi/stacks/llm-inference/dev.json").exists()


def test_what_only_watches_the_models_is_no_model(project):
    def deployment(name, labels):
        inputs = {"metadata": {"name": name, "namespace": "n", "labels": labels}, "spec": {"replicas": 1}}
        return {"urn": f"u::{name}", "type": "kubernetes:apps/v1:Deployment", "inputs": inputs, "outputs": {}}

    root = project()
    write_state(root, deployment("m", {"llm-inference/model": "m"}), deployment("llm-grafana", {}))
    found = read_resources(f"file://{root / '.lab/state'}", "dev")
    assert [one.name for one in found if one.serves] == ["m"]


def test_a_release_is_a_model_only_where_it_delivers_one(project):
    def release(name, values):
        inputs = {"name": name, "namespace": "n", "values": values}
        return {"urn": f"u::{name}", "type": "kubernetes:helm.sh/v3:Release", "inputs": inputs, "outputs": {}}

    root = project()
    write_state(root, release("m", {"decode": {"replicas": 2}}), release("kube-prometheus-stack", {"grafana": {}}))
    found = read_resources(f"file://{root / '.lab/state'}", "dev")
    assert [(one.kind, one.name, one.replicas, one.serves) for one in found] == [
        ("Release", "m", 2, True),
        ("", "kube-prometheus-stack", 0, False),
    ]
