"""Rules about the ways in."""

from policy.reading import UNKNOWN, each, get, whole
from policy.rule import Found, Properties, Rule, of_kinds


@of_kinds("Service")
def _outside(service: Properties) -> Found:
    kind = get(service, "spec", "type")
    if kind in ("LoadBalancer", "NodePort"):
        yield f"it is of type {kind}"
    for address in each(service, "spec", "externalIPs"):
        yield f"it takes the address {address}"


@of_kinds("Ingress")
def _plain(ingress: Properties) -> Found:
    covered = [host for one in each(ingress, "spec", "tls") for host in each(one, "hosts")]
    if not whole(ingress, "spec", "tls"):
        return
    for rule in each(ingress, "spec", "rules"):
        host = get(rule, "host")
        if host is not UNKNOWN and host not in covered:
            yield f"{host or 'every host'} is served without TLS"


@of_kinds("NetworkPolicy")
def _everybody(policy: Properties) -> Found:
    for rule in each(policy, "spec", "ingress"):
        peers = get(rule, "from")
        if peers is None or (peers is not UNKNOWN and not list(each(rule, "from")) and whole(rule, "from")):
            yield "a rule of ingress names nobody, which lets everybody in"


RULES = (
    Rule(
        name="services-inside",
        description="Services are reached from inside the cluster alone.",
        why="An engine without a door in front answers whoever finds it, and every answer costs GPU time.",
        remedy="Use ClusterIP, and publish the model with expose.",
        mandatory=True,
        of=_outside,
    ),
    Rule(
        name="tls-at-the-door",
        description="Every host of an Ingress has TLS.",
        why="Prompts, answers and callers' keys would cross the network in clear.",
        remedy="Name the host under spec.tls.",
        mandatory=True,
        of=_plain,
    ),
    Rule(
        name="policies-name-peers",
        description="A rule of a NetworkPolicy that lets in says whom.",
        why="An empty list of peers means all of them, which looks like none.",
        remedy="List the peers, or remove the rule.",
        mandatory=True,
        of=_everybody,
    ),
)
