"""Every accelerator in every number that one machine has, and what would become of a model there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from blueprint.accelerators import ACCELERATORS, Accelerator
from blueprint.sizing.advice import changes
from blueprint.sizing.constants import GIB
from blueprint.sizing.engines import Run
from blueprint.sizing.facts import ModelFacts
from blueprint.sizing.fit import TYPICAL, Fit, fit, spread
from blueprint.sizing.memory import Band
from ops.table import table

COUNTS = (1, 2, 4, 8)
UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Option:
    """Some GPUs for one replica. hourly: US dollars for all of them; None when nobody said."""

    accelerator: Accelerator
    count: int
    hourly: float | None
    fitted: Fit

    @property
    def order(self) -> tuple[bool, float, float]:
        """Cheapest first; where no price is known, behind those, by how much memory it is."""
        return self.hourly is None, self.hourly or 0.0, self.count * self.accelerator.memory_gib


def options(
    facts: ModelFacts, run: Run, *, only: Sequence[str], counts: Sequence[int], prices: Mapping[str, float]
) -> list[Option]:
    """Of each accelerator the numbers up to the first with which the model clearly fits, cheapest first.

    run: the engine and its settings; its GPUs are replaced.
    """
    found: list[Option] = []
    for name in only or ACCELERATORS:
        found += _of(ACCELERATORS[name], facts, run, counts, prices.get(name))
    return sorted(found, key=lambda option: option.order)


def _of(
    accelerator: Accelerator, facts: ModelFacts, run: Run, counts: Sequence[int], price: float | None
) -> Iterator[Option]:
    for count in counts:
        if count > accelerator.max_per_node:
            return
        here = replace(run, memory=accelerator.memory_gib, accelerator=accelerator.name, tensor=count)
        fitted = fit(facts, here)
        yield Option(
            accelerator=accelerator, count=count, hourly=None if price is None else price * count, fitted=fitted
        )
        if fitted.verdict == "fits":
            return


def lines(found: Sequence[Option], facts: ModelFacts, *, typical: int) -> list[str]:
    """The options as a table for people."""
    head = ("GPUS", "VERDICT", "WEIGHTS", "KV CACHE", "LONGEST", "AT ONCE", f"OF {typical:,}", "USD/HOUR")
    rows = [head, *(_row(option, facts, typical) for option in found)]
    return table(rows, right=(2,))


def _row(option: Option, facts: ModelFacts, typical: int) -> tuple[str, ...]:
    fitted = option.fitted
    gpus = f"{option.count} x {option.accelerator.name}"
    price = UNKNOWN if option.hourly is None else f"{option.hourly:.2f}"
    if fitted.terms is None or fitted.kv is None:
        return gpus, fitted.verdict, "-", fitted.reason or "-", "-", "-", "-", price
    return (
        gpus,
        fitted.verdict,
        f"{fitted.terms['weights'].likely / GIB:.1f}",
        _span(fitted.kv, GIB, 1),
        _span(fitted.longest(facts.context)),
        _span(fitted.concurrency()),
        _span(fitted.concurrency(typical)),
        price,
    )


def _span(band: Band | None, unit: float = 1.0, places: int = 0) -> str:
    return "-" if band is None else spread(band, unit, places)


def advice(found: Sequence[Option], facts: ModelFacts) -> Iterator[str]:
    """Of each option that does not clearly fit, the settings with which it would."""
    for option in found:
        if option.fitted.verdict not in ("tight", "does not fit") or option.fitted.kv is None:
            continue
        # More GPUs of the kind are rows of the table.
        ways = [change.text for change in changes(facts, option.fitted, counts=())]
        gpus, short = f"{option.count} x {option.accelerator.name}", option.fitted.missing / GIB
        missing = f"{short:.1f} GiB of each GPU are missing" if short else "only if everything takes the least"
        most = f"most of it is {option.fitted.dominant}"
        way = f"fits with {' or '.join(ways)}" if ways else "no single setting helps; use more or larger GPUs"
        yield f"{gpus}: {missing}, {most}; {way}"


def as_json(option: Option, facts: ModelFacts, *, typical: int = TYPICAL) -> dict[str, Any]:
    """An option as plain data: bytes are GiB of each GPU, bands are {low, likely, high}."""
    fitted = option.fitted
    run = fitted.run
    return {
        "accelerator": option.accelerator.name,
        "count": option.count,
        "memoryGiB": option.accelerator.memory_gib,
        "hourlyUsd": option.hourly,
        "verdict": fitted.verdict,
        "reason": fitted.reason,
        "engine": {
            "name": run.engine,
            "version": run.version,
            "maxModelLen": run.max_model_len,
            "maxNumSeqs": run.sequences,
            "maxNumBatchedTokens": run.batched,
            "utilisation": run.utilisation,
        },
        "terms": {name: _band(band, GIB) for name, band in (fitted.terms or {}).items()},
        "kvCache": _band(fitted.kv, GIB),
        "tokens": _band(fitted.tokens),
        "request": None
        if fitted.need is None
        else {
            "GiB": round(fitted.need / GIB, 4),
            "fixedMiB": round((fitted.fixed or 0) / 2**20, 2),
            "perTokenKiB": round((fitted.per_token or 0) / 2**10, 3),
        },
        "longest": _band(fitted.longest(facts.context)),
        "atOnce": {"longest": _band(fitted.concurrency()), "typical": _band(fitted.concurrency(typical))},
        "dominant": fitted.dominant,
        "changes": [change.text for change in changes(facts, fitted)] if fitted.kv is not None else [],
    }


def _band(band: Band | None, unit: float = 1.0) -> dict[str, float] | None:
    if band is None:
        return None
    return {
        "low": round(band.low / unit, 3),
        "likely": round(band.likely / unit, 3),
        "high": round(band.high / unit, 3),
    }
