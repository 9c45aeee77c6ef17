"""What is told of an endpoint whose price is another in the catalogue than in the stack file."""

from blueprint.cost.catalogue import another_price
from blueprint.cost.stack import ModelCost


def model(price):
    hardware = "nvidia-l4/x1 at aws us-east-1"
    most = {"name": "m", "owner": None, "target": "endpoint", "hardware": hardware, "doubled": None}
    return ModelCost(least=price, most=price, min=0, max=3, **most)


def asked(usd):
    return {"usdPerHourMin": 0.0, "usdPerHourMax": usd, "source": "", "time": "2026-11-30T00:00:00+00:00"}


def test_another_price_is_told_with_both_and_the_key():
    told = another_price(model(0.8), asked(2.7))
    assert "costs $2.70 an hour" in told
    assert "$1,971.00 a month of 730 hours: dearer than the $2.40 an hour" in told
    assert "Set huggingface.hourlyUsd.nvidia-l4/x1 to 0.9;" in told
    assert "cheaper" in another_price(model(0.8), asked(2.1))


def test_nothing_is_told_of_what_is_the_same_paused_or_unknown():
    assert another_price(model(0.1), asked(0.1 * 3)) is None
    assert another_price(model(0.8), asked(0.0)) is None
    assert another_price(model(0.8), asked(None)) is None
    assert another_price(model(None), asked(2.7)) is None
