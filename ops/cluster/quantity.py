"""Kubernetes' way of writing amounts: 500m, 16Gi, 1e3."""

import re
from decimal import Decimal

Quantity = Decimal

_FORM = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([numkMGTPE]|[KMGTPE]i)?")
_FACTORS = {
    "": Decimal(1),
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("num", start=-3)},
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}
GIB = _FACTORS["Gi"]


def parse(text: object) -> Quantity:
    """Read an amount.

    Raises ValueError when it is none.
    """
    match = _FORM.fullmatch(str(text))
    if match is None:
        raise ValueError(f"{text!r} is no quantity")
    return Decimal(match[1]) * _FACTORS[match[2] or ""]


def show(value: Quantity) -> str:
    """Write an amount for people: whole GiB where it is one, else the plain number."""
    if value >= GIB:
        return f"{value / GIB:.4g}Gi"
    return f"{value.normalize():f}"
