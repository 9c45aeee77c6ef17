"""Who may talk to whom, computed from the rendered NetworkPolicies: the flows that are meant, and no other."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blueprint.monitoring.parts import PORTS
from blueprint.stack import resolve_stack
from components.labels import selector
from components.network import policy_spec
from tests.blueprint.stack_files import ENDPOINT
from tests.components.reachability import Host, is_selected, may_connect
from tests.support import PROJECT, lab_config, manifests

TABLE = Path(__file__).with_name("reachability.txt")
OWN_TABLE = Path(__file__).with_name("reachability_standalone.txt")
WEB = {"443": (443, "TCP"), "80": (80, "TCP")}
DNS = {"53": (53, "TCP"), "53/UDP": (53, "UDP")}
HTTP = {"http": (8000, "TCP")}
PART_OF = {"app.kubernetes.io/part-of": "llm-inference"}

CONFIG = lab_config(
    {
        "chat": {
            "expose": {
                "host": "llm.example.com",
                "auth": "engineKey",
                "keys": ["callers"],
                "split": {"chat-next": 10},
            }
        },
        "chat-next": {},
        "inside": {},
        "uncached": {"cache": {"mode": "none"}},
    },
    cluster={"gateway": {"name": "public", "namespace": "gateways", "listener": "https"}},
    monitoring={"mode": "operator"},
)


OWN_CONFIG = {
    **CONFIG,
    "models": {
        **CONFIG["models"],
        "inside": {**CONFIG["models"]["inside"], "scaling": {"min": 1, "max": 2}},
        "answers": ENDPOINT,
    },
    "huggingface": {"namespace": "lab-org", "api": "lab"},
    "images": {"endpoints-exporter": {"repository": "registry.example.com/team/exporter", "tag": "1"}},
    "monitoring": {
        "mode": "standalone",
        "routes": {"others": [{"kind": "slack", "url": "chat"}]},
        "standalone": {
            "receiverRanges": ["192.168.7.0/24"],
            "apiServerRanges": ["10.96.0.1/32"],
            "loki": {},
            "jaeger": {},
        },
        "collector": {},
        "endpoints": {"token": "hf-see"},
        "probes": {},
        "dcgm": {},
    },
}


def model(name: str, number: int) -> Host:
    labels = {"app.kubernetes.io/instance": name, **PART_OF}
    return Host(f"model {name}", f"10.244.1.{number}", "llm", labels, HTTP)


def download(name: str, number: int) -> Host:
    return Host(
        f"download of {name}",
        f"10.244.2.{number}",
        "llm",
        {"app.kubernetes.io/instance": f"{name}-download", **PART_OF},
    )


MODELS = [model(name, number) for number, name in enumerate(("chat", "chat-next", "inside", "uncached"))]
DOWNLOADS = [download(name, number) for number, name in enumerate(("chat", "chat-next", "inside"))]
NEIGHBOUR = Host("a pod of the namespace", "10.244.3.1", "llm", {"app": "notebook"}, {"8888": (8888, "TCP")})
LEFTOVER = Host(
    "a pod of a removed model", "10.244.3.2", "llm", {"app.kubernetes.io/instance": "gone", **PART_OF}, HTTP
)
OWN_PORTS = {
    "prometheus": (9090,),
    "alertmanager": (9093,),
    "grafana": (3000,),
    "loki": (3100, 9095),
    "jaeger": (4317, 16685, 16686, 13133),
    "collector": (4317, 4318, 13133),
    "endpoints": (9840,),
    "blackbox": (9115,),
}
OWN = [
    Host(
        f"our {part}",
        f"10.244.9.{number}",
        "llm",
        {"app.kubernetes.io/name": part, "app.kubernetes.io/instance": f"llm-{part}", **PART_OF},
        {str(port): (port, "TCP") for port in ports},
    )
    for number, (part, ports) in enumerate(OWN_PORTS.items(), 1)
]
OTHERS = [
    Host("the gateway", "10.244.4.1", "gateways", {"app": "envoy"}, WEB),
    Host("Prometheus", "10.244.5.1", "monitoring", {"app.kubernetes.io/name": "prometheus"}, {"9090": (9090, "TCP")}),
    Host("Grafana", "10.244.5.2", "monitoring", {"app.kubernetes.io/name": "grafana"}, {"3000": (3000, "TCP")}),
    Host("the collector", "10.244.5.3", "monitoring", {"app": "otel"}, {"4317": (4317, "TCP"), "8888": (8888, "TCP")}),
    Host("the GPUs' exporter", "10.244.5.4", "gpu-operator", {"app": "nvidia-dcgm-exporter"}, {"9400": (9400, "TCP")}),
    Host("KEDA", "10.244.6.1", "keda", {"app": "keda-operator"}, {"9666": (9666, "TCP")}),
    Host("a pod of another namespace", "10.244.7.1", "team-b", {"app": "shop"}, {"8080": (8080, "TCP")}),
    Host("DNS", "10.244.8.1", "kube-system", {"k8s-app": "kube-dns"}, {**DNS, "9153": (9153, "TCP")}),
    Host("DNS of the node", "169.254.20.10", ports=DNS),
    Host("the API server", "10.96.0.1", ports=WEB),
    Host("a private address", "192.168.7.7", ports=WEB),
    Host("another provider's private address", "100.64.1.1", ports=WEB),
    Host("a private address, IPv6", "fd12:3456::1", ports=WEB),
    Host("metadata", "169.254.169.254", ports=WEB),
    Host("metadata, IPv6", "fd00:ec2::254", ports=WEB),
    Host("a public address", "18.164.174.23", ports={**WEB, "22": (22, "TCP")}),
    Host("a public address, IPv6", "2600:9000:2490::1", ports=WEB),
]


@pytest.fixture(scope="module")
def policies():
    return policies_of(CONFIG)


def policies_of(config: dict[str, Any]) -> list[Any]:
    return [item for key, item in manifests(config).items() if key.startswith("NetworkPolicy/")]


def reachable(policies: Sequence[Any], source: Host, target: Host) -> str:
    return " ".join(port for port in target.ports if may_connect(policies, source, target, port))


HEAD = (
    "Who may talk to whom, computed from the policies that tests/components/test_reachability.py renders.",
    "The model chat is published by a gateway and shares its requests with chat-next; uncached has no cache.",
)
OWN_HEAD = (
    *HEAD,
    "The stack runs its own Prometheus; inside is scaled by KEDA, and alerts go to a public and to a private address.",
    "Its collector sends to its own Loki and Jaeger; agents that hand in logs are in the namespace monitoring.",
    "Its blackbox exporter asks at the public host, and GPUs are watched.",
)
FOOT = ("So KEDA -> Prometheus and Grafana -> Prometheus are up to the policies of Prometheus' own namespace.",)


def table(
    policies: Sequence[Any], parts: Sequence[Host] = (), head: Sequence[str] = HEAD, foot: Sequence[str] = FOOT
) -> str:
    ours = [*MODELS, *DOWNLOADS, LEFTOVER, NEIGHBOUR, *parts]
    pairs = [
        (source, target)
        for source, target in itertools.product([*ours, *OTHERS], repeat=2)
        if source != target and (source in ours or target in ours)
    ]
    lines = [
        f"{source.name:<28} -> {target.name:<28} {ports}".rstrip()
        for source, target in pairs
        if (ports := reachable(policies, source, target))
    ]
    free = [host.name for host in OTHERS if host.namespace and not is_selected(policies, host)]
    tried = sum(len(target.ports) for _, target in pairs)
    return "\n".join(
        [
            *head,
            "",
            *lines,
            "",
            f"Refused: everything else of {tried} connections that were tried.",
            f"No policy of the stack is about: {', '.join(free)}.",
            *foot,
            "",
        ]
    )


def test_the_flows_that_are_meant_and_no_other(policies):
    """When a flow is meant to change, write the new table to the file, and let a person read the difference."""
    assert table(policies) == TABLE.read_text()


def test_every_policy_is_needed(policies):
    """A table that stays the same without a policy would be blind to it."""
    for policy in policies:
        others = [one for one in policies if one is not policy]
        assert table(others) != TABLE.read_text(), policy["metadata"]["name"]


def test_the_stacks_own_monitoring_has_the_flows_that_are_meant_and_no_other():
    policies = policies_of(OWN_CONFIG)
    assert own_table(policies) == OWN_TABLE.read_text()
    for policy in (one for one in policies if one["metadata"]["name"].startswith("llm-")):
        others = [one for one in policies if one is not policy]
        assert own_table(others) != OWN_TABLE.read_text(), policy["metadata"]["name"]


def test_the_table_has_every_pod_of_the_stacks_own_monitoring_with_every_port_that_it_has():
    """What is added to the monitoring has to be added to the table: here, and switched on in OWN_CONFIG."""
    instance = "app.kubernetes.io/instance"
    pods = {}
    for item in manifests(OWN_CONFIG).values():
        if item["kind"] in ("Deployment", "StatefulSet") and item["metadata"]["name"].startswith("llm-"):
            template = item["spec"]["template"]
            listed = (port for container in template["spec"]["containers"] for port in container["ports"])
            pods[template["metadata"]["labels"][instance]] = {
                (port["containerPort"], port["protocol"]) for port in listed
            }
    hosts = {host.labels[instance]: set(host.ports.values()) for host in OWN}
    assert pods.keys() == hosts.keys()
    assert {name for name, ports in pods.items() if not ports <= hosts[name]} == set()
    assert {f"llm-{part}" for part in PORTS} <= pods.keys()


def test_where_the_api_server_is_not_told_prometheus_may_look_for_it_but_not_where_nodes_get_their_identity():
    own = {"mode": "standalone"}
    policies = policies_of({**OWN_CONFIG, "monitoring": own})
    prometheus, reached = OWN[0], {host.name for host in OTHERS if reachable(policies, OWN[0], host)}
    assert reachable(policies, prometheus, next(host for host in OTHERS if host.name == "the API server")) == "443"
    assert "a public address" in reached
    assert not {"metadata", "metadata, IPv6"} & reached


def test_the_stacks_own_prober_is_asked_by_the_operators_prometheus_and_by_nobody_else():
    policies = policies_of({**CONFIG, "monitoring": {"mode": "operator", "probes": {}}})
    (prober,) = (one for one in OWN if one.name == "our blackbox")
    asks = [one.name for one in (*MODELS, LEFTOVER, NEIGHBOUR, *OTHERS) if reachable(policies, one, prober)]
    assert asks == ["Prometheus"]


def test_a_prober_of_others_is_reached_by_the_stacks_own_prometheus():
    service = {"address": "http://prober.team-b.svc", "podPort": 8080}
    outside = {"address": "https://prober.example.com", "ranges": ["192.168.7.0/24"]}
    without = policies_of(OWN_CONFIG)
    before = {one.name for one in OTHERS if reachable(without, OWN[0], one)}
    for prober, names in ((service, {"a pod of another namespace"}), (outside, {"a private address"})):
        own = {**OWN_CONFIG["monitoring"], "probes": {"prober": prober}}
        policies = policies_of({**OWN_CONFIG, "monitoring": own})
        assert {one.name for one in OTHERS if reachable(policies, OWN[0], one)} - before == names


def own_table(policies: Sequence[Any]) -> str:
    return table(policies, OWN, OWN_HEAD, ())


def test_a_private_mirror_is_reached_by_downloads_and_by_nobody_else():
    policies = policies_of({**CONFIG, "huggingface": {"mirrorRanges": ["192.168.7.0/24"]}})
    (mirror,) = [host for host in OTHERS if host.name == "a private address"]
    reached = {one.name: reachable(policies, one, mirror) for one in (*MODELS, *DOWNLOADS, NEIGHBOUR)}
    uncached = MODELS[-1]
    assert reached == {
        **dict.fromkeys(reached, ""),
        **{one.name: "443" for one in (uncached, *DOWNLOADS)},
    }
    assert not any(reachable(policies, uncached, host) for host in OTHERS if host.name.startswith("metadata"))


def test_a_load_balancer_outside_the_cluster_is_let_in_by_its_addresses():
    gateway = {"name": "public", "namespace": "gateways", "listener": "https", "ranges": ["35.191.0.0/16"]}
    policies = policies_of({**CONFIG, "cluster": {**CONFIG["cluster"], "gateway": gateway}})
    balancer, stranger = Host("balancer", "35.191.3.4"), Host("stranger", "18.164.174.23")
    (proxies,) = [host for host in OTHERS if host.name == "the gateway"]
    assert [reachable(policies, one, MODELS[0]) for one in (balancer, stranger, proxies)] == ["http", "", ""]
    assert reachable(policies, balancer, MODELS[2]) == ""


def test_the_nodes_of_one_replica_talk_to_each_other_on_any_port_and_to_no_other_model(policies):
    """NCCL chooses its ports."""
    parts = [model("chat", 1), model("chat", 2), model("inside", 1)]
    leader, worker, other = (replace(one, ports={**HTTP, "nccl": (43210, "TCP")}) for one in parts)
    assert reachable(policies, leader, worker) == ""
    spread = {**CONFIG, "models": {**CONFIG["models"], "chat": {**CONFIG["models"]["chat"], "parallel": {"nodes": 2}}}}
    workloads = resolve_stack("dev", spread, PROJECT.models_lock(), PROJECT.images_lock()).workloads
    (chat,) = [one for one in workloads if one.name == "chat"]
    spec = policy_spec({"matchLabels": selector(chat)}, chat.flows)
    grouped = [{**one, "spec": spec} if one["metadata"]["name"] == "chat" else one for one in policies]
    assert reachable(grouped, leader, worker) == reachable(grouped, worker, leader) == "http nccl"
    assert reachable(grouped, leader, other) == reachable(grouped, other, leader) == ""


def test_in_a_namespace_of_somebody_else_their_pods_keep_what_they_may():
    policies = policies_of({**CONFIG, "cluster": {**CONFIG["cluster"], "namespace": {"name": "llm", "create": False}}})
    assert not is_selected(policies, NEIGHBOUR)
    assert reachable(policies, NEIGHBOUR, MODELS[2]) == "http"
    strangers = [host for host in OTHERS if host.name == "a pod of another namespace"]
    assert [reachable(policies, one, MODELS[2]) for one in strangers] == [""]
