"""A stack as a tree: its targets, the models on each, and the GPUs that they hold."""

from collections.abc import Iterable, Mapping
from typing import Any

from ops.plan.page import ranges
from ops.plan.page.fits import badge
from ops.plan.page.markup import Markup, element


def figure(stack: str, data: Mapping[str, Any], verdicts: Mapping[str, str]) -> Markup:
    """Stack, targets and models. verdicts: by model, whether it fits."""
    cluster, models = data["cluster"], data["models"]
    targets = []
    if cluster:
        name = f"Kubernetes cluster {cluster['id']}, namespace {cluster['namespace']}"
        here = [one for one in models if one["target"] == "kubernetes"]
        gpus = [element("h4", "GPUs"), ranges.pools(data["pools"])] if data["pools"] else []
        targets.append(_target(name, here, verdicts, gpus))
    rented = [one for one in models if one["target"] == "endpoint"]
    if rented:
        targets.append(_target("Inference Endpoints of Hugging Face", rented, verdicts, []))
    root = element("p", "Stack ", element("strong", stack), class_="root")
    return element("div", root, element("div", *targets, class_="targets"), class_="tree")


def _target(
    name: str, models: Iterable[Mapping[str, Any]], verdicts: Mapping[str, str], below: Iterable[Markup]
) -> Markup:
    listed = element("ul", *(_model(one, verdicts.get(one["model"], "unknown")) for one in models), class_="models")
    return element("section", element("h3", name), listed, *below, class_="target")


def _model(one: Mapping[str, Any], verdict: str) -> Markup:
    replicas = f"{one['min']} to {one['max']}" if one["min"] < one["max"] else f"{one['max']}"
    runs = f"{replicas} {'replica' if replicas == '1' else 'replicas'} of {one['hardware']}"
    return element("li", element("strong", one["model"]), " ", badge(verdict), element("span", runs, class_="runs"))
