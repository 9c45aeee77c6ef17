"""The profile restricted, held to the cases that Kubernetes publishes with its own implementation."""

import subprocess
from pathlib import Path

import pytest
import yaml

from lab.tools.sets import CLUSTER
from policy.pod_security import broken
from policy.pods import pods

MODULE = "k8s.io/pod-security-admission"


@pytest.fixture(scope="module")
def cases():
    """The newest version's folder with `pass` and `fail`, in the cache of Go's modules."""
    command = ["go", "list", "-m", "-f", "{{.Dir}}", MODULE]
    told = subprocess.run(command, cwd=CLUSTER.folder, capture_output=True, text=True, check=False)
    if told.returncode or not told.stdout.strip():
        pytest.skip(f"{MODULE} is not in the cache of Go's modules")
    versions = Path(told.stdout.strip(), "test/testdata/restricted").glob("v1.*")
    return max(versions, key=lambda path: int(path.name.removeprefix("v1.")))


def read(folder):
    for path in sorted(folder.glob("*.yaml")):
        manifest = yaml.safe_load(path.read_text())
        (pod,) = pods("Pod", manifest)
        yield path.name, list(broken(pod))


def test_every_case_that_kubernetes_refuses_is_refused(cases):
    judged = dict(read(cases / "fail"))
    assert [name for name, found in judged.items() if not found] == []
    assert len(judged) > 50


def test_every_case_that_kubernetes_lets_pass_passes(cases):
    judged = dict(read(cases / "pass"))
    assert {name: found for name, found in judged.items() if found} == {}
    assert len(judged) > 15
