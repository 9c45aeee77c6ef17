"""What a running endpoint costs by Hugging Face's catalogue, against what the stack file counts with."""

from collections.abc import Mapping
from typing import Any

from blueprint.accelerators import HOURS_PER_MONTH
from blueprint.cost.amounts import monthly, usd
from blueprint.cost.stack import ModelCost


def another_price(model: ModelCost, price: Mapping[str, Any] | None) -> str | None:
    """What to tell where the catalogue had another price than the stack file; None where it had none, or the same.

    price: of all of the endpoint's replicas, as it was when the endpoint was last accepted: components.endpoint. None
        where the program runs without an engine, as for `llm plan`.
    """
    if price is None:
        return None
    now, counted = price["usdPerHourMax"], model.hour_max
    if not now or counted is None or round(now, 6) == counted:
        return None
    key = f"huggingface.hourlyUsd.{model.hardware.partition(' ')[0]}"
    return (
        f"{model.name}: at its most replicas it costs {usd(now)} an hour by the catalogue of {price['time']}, "
        f"{usd(monthly(now, 1))} a month of {HOURS_PER_MONTH} hours: {'dearer' if now > counted else 'cheaper'} than "
        f"the {usd(counted)} an hour that the stack file counts with. Set {key} to {now / model.max:g}; budgets are "
        "judged by it."
    )
