"""The prober, its Probes and the monitor of the GPUs' exporter, on a real control plane. Pods are simulated."""

import yaml

from ops.manifests import differences
from tests.support import lab_config, manifests

CONFIG = lab_config(
    {"m": {"expose": {"host": "m.example.com", "auth": "gateway"}}},
    cluster={"gateway": {"name": "public", "namespace": "gateways", "listener": "https"}},
    # An exporter in the stack's own namespace, which a test has for itself.
    monitoring={"mode": "operator", "probes": {"tokens": {"m": "gate"}}, "dcgm": {"namespace": "llm"}},
)
WATCHING = ("llm-blackbox", "llm-stack-dcgm", "Probe/m")


def test_all_are_admitted_and_stand_as_they_were_written(namespace):
    objects = manifests(CONFIG)
    namespace.apply(*objects.values())
    namespace.kubectl("rollout", "status", "deployment/llm-blackbox", "--namespace=llm", "--timeout=300s")
    watching = {key: one for key, one in objects.items() if any(name in key for name in WATCHING)}
    kinds = {key.partition("/")[0] for key in watching}
    assert kinds == {"ConfigMap", "Deployment", "NetworkPolicy", "PodMonitor", "Probe", "Service"}
    for wanted in watching.values():
        resource = f"{wanted['kind'].lower()}/{wanted['metadata']['name']}"
        stored = yaml.safe_load(namespace.kubectl("get", resource, "--namespace=llm", "--output=yaml"))
        assert [line for line in differences(wanted, stored) if ": (absent) ->" not in line] == []
