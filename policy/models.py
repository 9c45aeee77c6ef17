"""Rules about what stands beside each model: isolation, scraping, alerts."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policy.reading import UNKNOWN, each, get, whole
from policy.stack import Breaches, Resource, Stack, StackRule, together
from policy.workloads import Workload, models, selects

_SCRAPERS = ("PodMonitor", "ServiceMonitor")
_ALERTS = "PrometheusRule"
_NAMES = ("llm-inference/model", "app.kubernetes.io/instance")


def _open(stack: Stack) -> Breaches:
    policies = [one for one in stack.of("NetworkPolicy") if _lets_in_by_list(one)]
    for model in models(stack):
        if not any(_near(one, model) and selects(_pod_selector(one), model.labels) for one in policies):
            yield model.resource, f"no NetworkPolicy selects the pods of {model.resource.called}"


def _lets_in_by_list(policy: Resource) -> bool:
    types = get(policy.properties, "spec", "policyTypes")
    known = list(each(policy.properties, "spec", "policyTypes"))
    return types is None or "Ingress" in known or not whole(policy.properties, "spec", "policyTypes")


def _pod_selector(policy: Resource) -> Any:
    found = get(policy.properties, "spec", "podSelector")
    return {} if found is None else found


def _unseen(stack: Stack) -> Breaches:
    if not _watched(stack):
        return
    for model in models(stack):
        if not any(_scrapes(one, model, stack) for one in stack.of(*_SCRAPERS)):
            yield model.resource, f"no PodMonitor selects the pods of {model.resource.called}"


def _watched(stack: Stack) -> bool:
    """Whether a Prometheus operator is there. Without one, and its kinds, a Prometheus finds pods in its own way."""
    return any(True for _ in stack.of(*_SCRAPERS, _ALERTS))


def _scrapes(monitor: Resource, model: Workload, stack: Stack) -> bool:
    spaces = get(monitor.properties, "spec", "namespaceSelector")
    named = list(each(spaces, "matchNames"))
    if get(spaces, "any") is not True and not (
        any(together(one, model.resource.namespace) for one in named) if named else _near(monitor, model)
    ):
        return False
    selector = get(monitor.properties, "spec", "selector")
    if monitor.kind == "PodMonitor":
        return selects(selector, model.labels)
    return any(selects(selector, _labels(service)) for service in services(stack, model))


def services(stack: Stack, model: Workload) -> Iterator[Resource]:
    """The Services that lead to a model."""
    for service in stack.of("Service"):
        selector = get(service.properties, "spec", "selector")
        exact = UNKNOWN if selector is UNKNOWN else {"matchLabels": selector} if selector else None
        if _near(service, model) and selects(exact, model.labels):
            yield service


@dataclass(frozen=True)
class _Alerts:
    """The alerts of a PrometheusRule: its own labels, those of theirs that name models, what they ask."""

    known: bool
    own: Mapping[str, Any]
    about: frozenset[str]
    asked: str


def _unwatched(stack: Stack) -> Breaches:
    if not _watched(stack):
        return
    told = [found for rules in stack.of(_ALERTS) if (found := _alerts(rules))]
    for model in models(stack):
        if not any(_tells_of(one, model) for one in told):
            yield model.resource, f"no PrometheusRule has an alert about {model.resource.called}"


def _alerts(rules: Resource) -> _Alerts | None:
    """What alerts there are; None where there are none."""
    groups = list(each(rules.properties, "spec", "groups"))
    known = whole(rules.properties, "spec", "groups") and all(whole(group, "rules") for group in groups)
    alerts = [rule for group in groups for rule in each(group, "rules") if get(rule, "alert") is not None]
    if known and not alerts:
        return None
    about = [get(alert, "labels", "model") for alert in alerts]
    return _Alerts(
        known=known and UNKNOWN not in about,
        own=_labels(rules),
        about=frozenset(map(str, about)),
        asked="\n".join(str(get(alert, "expr")) for alert in alerts),
    )


def _tells_of(alerts: _Alerts, model: Workload) -> bool:
    own, name = alerts.own, model.resource.live_name
    if not alerts.known or name is UNKNOWN or str(name) in alerts.about:
        return True
    if any(own.get(key) is not None and own.get(key) == model.labels.get(key) for key in _NAMES):
        return True
    return re.search(rf'["/|(]{re.escape(str(name))}["|)]', alerts.asked) is not None


def _labels(resource: Resource) -> dict[str, Any]:
    """Its own labels."""
    found = get(resource.properties, "metadata", "labels")
    return {key: get(found, key) for key in (list(found) if isinstance(found, Mapping) else [])}


def _near(resource: Resource, model: Workload) -> bool:
    return together(resource.namespace, model.resource.namespace)


RULES = (
    StackRule(
        name="models-isolated",
        description="A NetworkPolicy selects each model's pods.",
        why="Without one every pod of the cluster reaches the engine, and paths beside /v1 ask for no key.",
        remedy="Add a NetworkPolicy with the peers that may come.",
        mandatory=True,
        of=_open,
    ),
    StackRule(
        name="models-scraped",
        description="A PodMonitor or ServiceMonitor selects each model's pods, where a Prometheus operator is used.",
        why="A model that nobody scrapes scales by nothing, and its alerts never fire.",
        remedy="Add a PodMonitor whose selector is among the pods' labels.",
        mandatory=True,
        of=_unseen,
    ),
    StackRule(
        name="models-alerted",
        description="A PrometheusRule has alerts about each model, where a Prometheus operator is used.",
        why="That it stopped answering is told by its users.",
        remedy="Add a PrometheusRule whose alerts name the model.",
        mandatory=True,
        of=_unwatched,
    ),
)
