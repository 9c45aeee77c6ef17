"""Metrics of what surrounds the engines, which dashboards and alerts ask for by their own names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Raw:
    """One metric of an exporter.

    type: what its values are: that of DCGM_EXP_XID_ERRORS_COUNT is not what its exporter calls it.
    labels: those that the exporter gives; the scrape adds its own, and keeps namespace and pod with honorLabels only.
    unit: `bool` is 0 or 1, `count` a number of things.
    help: what one has to know who reads it.
    """

    name: str
    type: Literal["gauge", "counter"]
    labels: Sequence[str]
    unit: Literal["MiB", "percent", "ratio", "watts", "celsius", "seconds", "bool", "count", "code", "USD"]
    help: str = ""
