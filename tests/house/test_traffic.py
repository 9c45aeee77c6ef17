"""Requests through the lab's data plane while the cluster changes: engines, proxy and controllers are real."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from blueprint.lifecycle import outage_seconds
from tests.conftest import SCARCE, Cluster
from tests.support import lab_config, manifests
from tests.traffic import Asking

ROLLED_OUT = "--timeout=300s"
PROVES_SOMETHING = 20
"""Fewer answers than that would say nothing about a change that takes seconds."""


def announced_outage(cluster: Cluster) -> float:
    """What `up` would announce with the lab's times, in seconds: its drain is all of a pod's end."""
    settings = cluster.lab.settings()
    assert settings is not None
    return outage_seconds(pre_stop=0, drain=settings.drain_seconds, load=settings.start_seconds)


@pytest.fixture
def asking(namespace: Cluster) -> Callable[..., Any]:
    """Bring a configuration's models up, then ask model m without pause for as long as the block lasts."""

    @contextmanager
    def ask(config: dict[str, Any]) -> Iterator[Asking]:
        roll(namespace, config)
        services = eventually_read(namespace)
        with Asking(services["llm/m"]) as client:
            client.wait_for_answers(PROVES_SOMETHING)
            yield client
            client.wait_for_answers(PROVES_SOMETHING)

    return ask


def roll(cluster: Cluster, config: dict[str, Any]) -> None:
    cluster.apply(*manifests(config).values())
    settled(cluster)


def settled(cluster: Cluster) -> None:
    """Wait until model m is rolled out, and its old pods are gone."""
    cluster.kubectl("rollout", "status", "deployment/m", "--namespace=llm", ROLLED_OUT)
    until = time.monotonic() + 150
    while cluster.get("pods", "--selector=llm-inference/model=m", ".items[*].metadata.deletionTimestamp"):
        assert time.monotonic() < until
        time.sleep(0.2)


def eventually_read(cluster: Cluster) -> dict[str, str]:
    until = time.monotonic() + 100
    while time.monotonic() < until:
        if cluster.lab.addresses.exists():
            services: dict[str, str] = json.loads(cluster.lab.addresses.read_text())["services"]
            if "llm/m" in services:
                return services
        time.sleep(0.1)
    raise AssertionError("the data plane does not know the Service")


def test_no_request_fails_in_a_rollout_with_a_spare_gpu(namespace, asking):
    with asking(lab_config()) as client:
        roll(namespace, lab_config({"m": {"engine": {"maxModelLen": 4096}}}))
    assert client.failures == []


def test_no_request_fails_in_a_scale_down(namespace, asking):
    with asking(lab_config({"m": {"scaling": {"min": 3, "max": 3}}})) as client:
        namespace.kubectl("scale", "deployment/m", "--namespace=llm", "--replicas=1")
        settled(namespace)
    assert client.failures == []


@pytest.mark.prove
def test_no_request_fails_when_a_node_is_drained(namespace, asking):
    config = lab_config({"m": {"scaling": {"min": 2, "max": 2}}})
    with asking(config) as client:
        node = namespace.get("pods", "--selector=llm-inference/model=m", ".items[0].spec.nodeName")
        try:
            namespace.kubectl("drain", node, "--delete-emptydir-data", "--timeout=300s")
            settled(namespace)
        finally:
            namespace.kubectl("uncordon", node)
    assert client.failures == []


def test_without_a_spare_gpu_the_outage_is_the_announced_one(namespace, asking):
    def config(length: int) -> dict[str, Any]:
        model = {"accelerator": {"type": "nvidia-a10g", "count": 2}, "engine": {"maxModelLen": length}}
        return {**lab_config({"m": model}), **SCARCE}

    with asking(config(8192)) as client:
        roll(namespace, config(4096))
    announced = announced_outage(namespace)
    assert announced / 2 <= client.outage <= announced * 2
    assert {reason.partition(":")[0] for _, reason in client.failures} == {"HTTP 503"}
