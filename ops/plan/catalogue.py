"""A plan's section about endpoints' prices: whether the API's list, as it is now, has what the stack file says."""

from blueprint.cost.amounts import usd
from blueprint.cost.stack import ModelCost
from ops.endpoints.prices import ask
from ops.endpoints.scope import opened
from ops.plan.section import Section, Subject

_HEAD = ("model", "of a replica", "stack file", "catalogue", "")


def section(subject: Subject) -> Section:
    """The price of each endpoint by both. Raises click.ClickException where there is no way to the API."""
    bodies = {endpoint.name: endpoint.body for endpoint in subject.stack.endpoints}
    models = [model for model in subject.stack.cost.models if model.name in bodies]
    if not models:
        return Section(key="catalogue", title="Prices of endpoints", data=[], remarks=["There are no endpoints."])
    prices = ask(opened(subject.stack.name))
    rows, data = [], []
    for model in models:
        now = prices.of(bodies[model.name])
        rows.append((model.name, model.hardware, usd(model.most), usd(now), _said(model, now)))
        data.append({"model": model.name, "stackFile": model.most, "catalogue": now, "askedAt": prices.asked_at})
    return Section(
        key="catalogue",
        title="Prices of endpoints",
        data=data,
        head=_HEAD,
        rows=rows,
        right=(2, 3),
        remarks=[f"Of a replica and hour; the catalogue was asked at {prices.asked_at}."],
    )


def _said(model: ModelCost, now: float | None) -> str:
    if now is None or now == model.most:
        return ""
    than = "unknown to" if model.most is None else "dearer than" if now > model.most else "cheaper than"
    return f"{than} the stack file: huggingface.hourlyUsd.{model.hardware.partition(' ')[0]}"
