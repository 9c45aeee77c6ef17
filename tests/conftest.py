"""A running lab for the tests of rendered stacks and of the tools that look at a cluster."""

import os
import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpcore2
import pytest
import yaml

from lab.cluster.control import Lab
from ops.manifests import to_yaml
from tests.support import LAB_CLUSTER, PROJECT

SCARCE = {"cluster": {**LAB_CLUSTER, "accelerators": {"nvidia-a10g": {"available": 2}}}}
"""A stack of a cluster with two GPUs of a type that no other stack of the tests uses."""

TWO_NODES = {"cluster": {**LAB_CLUSTER, "accelerators": {"nvidia-l40s": {"available": 8}}}}
"""A stack of a cluster with two nodes of four GPUs, again of a type of its own."""

STANDARD_RWX = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "standard-rwx"},
    "provisioner": "lab.llm-inference/rwx",
}
"""The class that prod asks for, which GKE brings along."""


@pytest.fixture(scope="session", autouse=True)
def _interrupts_are_heard() -> None:
    """A shell without job control starts what follows an `&` deaf to SIGINT, and all its children with it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _certificates_read_once() -> Iterator[None]:
    """httpx2 reads the machine's certificates anew for each client, in about 30 ms, also where it speaks plain HTTP."""
    read = httpcore2.default_ssl_context

    @cache
    def once(_files: tuple[str | None, ...], *, trust: bool) -> ssl.SSLContext:
        return read(_trust_env=trust)

    def context(*, _trust_env: bool = True) -> ssl.SSLContext:
        return once(tuple(map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR"))), trust=_trust_env)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpcore2, "default_ssl_context", context)
        yield


@dataclass(frozen=True)
class Cluster:
    """The lab, as a person with kubectl sees it."""

    lab: Lab

    @property
    def kubeconfig(self) -> Path:
        return self.lab.kubeconfig

    def kubectl(self, *arguments: str, stdin: str | None = None, seconds: float = 400) -> str:
        """What kubectl prints; fails the test with its complaint, and on any warning of admission."""
        command = [str(self.lab.kubectl), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=seconds, check=False)
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr, done.stderr
        return done.stdout

    def apply(self, *manifests: Mapping[str, Any], dry_run: bool = False) -> str:
        """Apply objects, written as `llm render` writes them, to a strict server: unknown fields are errors."""
        mode = ["--dry-run=server"] if dry_run else []
        text = "---\n".join(map(to_yaml, manifests))
        return self.kubectl("apply", "--server-side", "--validate=strict", *mode, "-f", "-", stdin=text)

    def get(self, kind: str, name: str, path: str) -> str:
        """One field of a live object of the namespace llm."""
        return self.kubectl("get", kind, name, "--namespace=llm", f"--output=jsonpath={{{path}}}")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A lab with the GPUs of our own stacks, and those of SCARCE and TWO_NODES."""
    stacks = tmp_path_factory.mktemp("stacks")
    for stack in PROJECT.stacks():
        shutil.copy(PROJECT.root / f"Pulumi.{stack}.yaml", stacks)
    for name, stack in {"scarce": SCARCE, "two-nodes": TWO_NODES}.items():
        values = {f"llm-inference:{key}": value for key, value in stack.items()}
        (stacks / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": values}))
    lab = Lab(tmp_path_factory.mktemp("cluster") / "home", stacks=stacks)
    try:
        lab.start(start_seconds=0.5, drain_seconds=2)
        cluster = Cluster(lab)
        cluster.apply(STANDARD_RWX)
        yield cluster
    finally:
        lab.stop(delete=True)


def clean(cluster: Cluster) -> None:
    """Delete what is ours in the namespace llm, and wait until it is gone."""
    kinds = (
        "deployment,statefulset,daemonset,leaderworkerset,job,persistentvolumeclaim,service,podmonitor,prometheusrule,"
        "networkpolicy,resourcequota,configmap,serviceaccount,poddisruptionbudget,role,rolebinding,alertmanagerconfig,"
        "probe"
    )
    ours = "--selector=app.kubernetes.io/part-of=llm-inference"
    cluster.kubectl("delete", kinds, ours, "--namespace=llm", "--cascade=foreground", "--wait=true", seconds=600)
    # What was refused here is nothing to the next test.
    cluster.kubectl("delete", "events", "--all", "--namespace=llm")
    cluster.kubectl("delete", "persistentvolume", ours)


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, whose namespace llm holds nothing of ours afterwards. (To delete it takes a quarter of a minute.)"""
    yield cluster
    clean(cluster)
