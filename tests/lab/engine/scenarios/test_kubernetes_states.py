"""Kubernetes objects under both engines, where both are there: the same steps, and the same state."""

import json
import os
import shutil
import subprocess

import pytest

from tests.lab.engine.scenarios.engines import cli_engine, lab_engine
from tests.lab.engine.test_awaits import PROGRAM as AWAITED
from tests.lab.engine.test_kubernetes import DEFINITION, GADGET, PREAMBLE

PROGRAMS = ("pulumi", "pulumi-language-python", "pulumi-resource-kubernetes")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]

pytestmark = [
    pytest.mark.prove,
    pytest.mark.skipif(MISSING != [], reason=f"needs {', '.join(PROGRAMS)} on PATH"),
]

MAP = 'k8s.core.v1.ConfigMap("m", metadata=named("m"), data={{"a": "{0}"}}, opts=O({1}))\n'
SERVICE = (
    'k8s.core.v1.Service("s", metadata=named("s", annotations={{"pulumi.com/skipAwait": "true"}}), '
    'spec={{"selector": {{"app": "d"}}, "ports": [{{"port": {0}}}]}}, opts=O())\n'
)
SECRET = 'k8s.core.v1.Secret("t", metadata=named("t"), string_data={"t": pulumi.Output.secret("hush")}, opts=O())\n'
READ = (
    'k8s.core.v1.ConfigMap.get("theirs", "engines/theirs", opts=O())\n'
    'k8s.core.v1.ConfigMap("ours", metadata=named("theirs"), data={"a": "1"}, opts=O(import_="engines/theirs"))\n'
)
SCENARIOS = {
    "created, changed, gone": [
        "deployment(replicas=1)\n" + SERVICE.format(80),
        'deployment("b", replicas=2)\n' + SERVICE.format(81),
        SERVICE.format(81),
    ],
    "replaced": [MAP.format(1, ""), MAP.format(2, "")],
    "replaced, deleted first": [
        MAP.format(1, "delete_before_replace=True"),
        MAP.format(2, "delete_before_replace=True"),
    ],
    "not touched": ["deployment(replicas=1)\n", 'deployment(replicas=3, ignore=["spec.replicas"])\n'],
    "secret": [SECRET],
    "read and imported": [READ],
    "definition and object": [DEFINITION + GADGET],
    "awaited": [AWAITED + 'made["stateful"]()\nmade["job"]()\nmade["claim"]()\n'],
}
# Differ from one creation to the next.
VOLATILE = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "__fieldManager", "clusterIP", "clusterIPs")
UIDS = ("controller-uid", "batch.kubernetes.io/controller-uid", "volumeName")  # generated ids under other names
PASSING = ("status", "generation")  # what is seen of it depends on the moment


@pytest.fixture(scope="module")
def venv(tmp_path_factory):
    """An environment for the CLI's projects, of the versions that this project locks."""
    root = tmp_path_factory.mktemp("venv")
    (root / "pyproject.toml").write_text(
        '[project]\nname = "scenario"\nversion = "0"\nrequires-python = ">=3.11"\n'
        'dependencies = ["pulumi>=3.272.0", "pulumi-kubernetes>=4.34.2"]\n'
    )
    subprocess.run(["uv", "sync", "--quiet"], cwd=root, check=True)
    return root


@pytest.fixture(scope="module")
def namespace(cluster):
    cluster.kubectl("create", "namespace", "engines")
    cluster.kubectl("create", "configmap", "theirs", "--namespace=engines", "--from-literal=a=1")
    yield cluster
    cluster.kubectl("delete", "namespace", "engines", "--wait=false")


def stable(value):
    """A state without what no two runs have in common."""
    if isinstance(value, dict):
        return {key: stable(item) for key, item in value.items() if key not in (*VOLATILE, *UIDS, *PASSING)}
    if isinstance(value, list):
        return [stable(item) for item in value]
    if isinstance(value, str) and value.startswith("{"):
        try:
            return stable(json.loads(value))
        except ValueError:
            return value
    return value


def differences(ours, theirs, at=""):
    """Where two states are not the same, one line each."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = sorted({*ours, *theirs})
        return [line for key in keys for line in differences(ours.get(key), theirs.get(key), f"{at}/{key}")]
    return [] if ours == theirs else [f"{at}: {ours!r} != {theirs!r}"]


def run(engine, programs, cluster):
    """Bring the programs up one after the other: the steps that each preview shows, the states that each leaves."""
    engine.environment["KUBECONFIG"] = str(cluster.kubeconfig)
    preamble = PREAMBLE.replace('"engine"', '"engines"')
    seen = []
    try:
        for program in programs:
            engine.write(program, preamble)
            steps = engine.steps()
            engine.run("up", "--yes", "--skip-preview")
            seen.append((steps, stable(engine.resources())))
            engine.run("preview", "--expect-no-changes")
            engine.run("refresh", "--yes", "--skip-preview")
            engine.run("preview", "--expect-no-changes")
    finally:
        engine.run("destroy", "--yes", "--skip-preview")
    return seen


@pytest.mark.parametrize("name", SCENARIOS)
def test_both_engines_take_the_same_steps_and_leave_the_same_state(name, tmp_path, venv, namespace):
    assert os.environ.get("PULUMI_BACKEND_URL") is None
    ours = run(lab_engine(tmp_path), SCENARIOS[name], namespace)
    if name == "read and imported":
        # Destroyed with the stack: an imported object is the stack's own.
        namespace.kubectl("create", "configmap", "theirs", "--namespace=engines", "--from-literal=a=1")
    theirs = run(cli_engine(tmp_path, venv), SCENARIOS[name], namespace)
    for (our_steps, our_state), (their_steps, their_state) in zip(ours, theirs, strict=True):
        assert our_steps == their_steps
        assert differences(our_state, their_state) == []
