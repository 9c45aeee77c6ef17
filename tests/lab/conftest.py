"""A running lab for the tests, and the few objects they are made of."""

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lightkube import Client
from lightkube.codecs import from_dict
from lightkube.resources.core_v1 import Namespace

from lab.cluster.control import Lab

STACK = """\
config:
  llm-inference:cluster:
    context: lab
    nodeLabels: {dialect}
    accelerators:
      {accelerator}: {{available: {available}}}
"""
START_SECONDS, DRAIN_SECONDS = 0.5, 2.0


@pytest.fixture(scope="session")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stack files that declare two nodes with four and one NVIDIA L4 and one with two H100 on GKE."""
    folder = tmp_path_factory.mktemp("stacks")
    l4 = STACK.format(dialect="gpuOperator", accelerator="nvidia-l4", available=5)
    h100 = STACK.format(dialect="gke", accelerator="nvidia-h100", available=2)
    (folder / "Pulumi.one.yaml").write_text(l4)
    (folder / "Pulumi.two.yaml").write_text(h100)
    return folder


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, stacks: Path) -> Iterator[Lab]:
    """One lab for all tests that do not harm it."""
    lab = Lab(tmp_path_factory.mktemp("lab") / "home", stacks=stacks)
    try:
        lab.start(start_seconds=START_SECONDS, drain_seconds=DRAIN_SECONDS)
        yield lab
    finally:
        lab.stop(delete=True)


@pytest.fixture(scope="session")
def client(lab: Lab) -> Iterator[Client]:
    with lab.client() as client:
        yield client


@pytest.fixture
def namespace(client: Client) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    client.create(from_dict({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
    yield name
    client.delete(Namespace, name)


def pod(name: str, **spec: Any) -> dict[str, Any]:
    """Give a pod with one container."""
    resources = spec.pop("resources", {})
    security = spec.pop("security", {})
    container = {"name": "main", "image": "example.invalid/none:1", "resources": resources}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [{**container, "securityContext": security}], **spec},
    }


def gpu_pod(name: str, **spec: Any) -> dict[str, Any]:
    """Give a pod that wants one GPU on the lab's four-GPU node, and tolerates GKE's taint."""
    return pod(
        name,
        resources={"limits": {"nvidia.com/gpu": "1"}},
        tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        nodeSelector={"nvidia.com/gpu.product": "NVIDIA-L4", "nvidia.com/gpu.count": "4"},
        **spec,
    )


def eventually(check: Callable[[], Any], *, seconds: float = 120.0) -> Any:
    """Give check()'s first true result; fail with its last one after that many seconds."""
    deadline = time.monotonic() + seconds
    while not (result := check()):
        assert time.monotonic() < deadline, f"still {result!r} after {seconds} s"
        time.sleep(0.1)
    return result
