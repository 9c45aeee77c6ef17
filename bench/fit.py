"""How far the estimates of memory are from published start-up measurements of real engines.

Run it: ``.venv/bin/python bench/fit.py``; with hf-mem beside it: ``uv run --with hf-mem==0.5.6 python bench/fit.py``.
Rows that were used to choose a constant are counted apart. ``bench/fit/`` has the rows, with their sources.
"""

import argparse
import importlib
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from blueprint.sizing.config import quantized, read_config
from blueprint.sizing.constants import GIB
from blueprint.sizing.engines import Run, request_of
from blueprint.sizing.facts import ModelFacts
from blueprint.sizing.fit import Fit, fit
from blueprint.sizing.memory import weights

DATA = Path(__file__).parent / "fit"

_ANY_MEMORY = 80.0
"""GiB of a GPU whose size the source does not tell: its KV cache is not compared then."""


@dataclass(frozen=True)
class Row:
    """One measurement, and what was estimated for it."""

    given: Mapping[str, Any]
    facts: ModelFacts
    fitted: Fit

    @property
    def chose(self) -> bool:
        """Whether a constant was chosen by it."""
        return "chose" in self.given

    @property
    def failed(self) -> bool:
        """Whether the engine did not start."""
        return self.given.get("outcome") == "failed"

    @property
    def weights_error(self) -> float | None:
        """Of the weights: estimate over measurement, less one."""
        measured = self.given.get("weights")
        estimate = weights(self.facts, tensor=self.given.get("tensor", 1))
        return None if measured is None or estimate is None else estimate.likely / GIB / measured - 1

    @property
    def token_error(self) -> float | None:
        """Of the KV cache's bytes for one token, by what the engine made of its memory."""
        if "kv" not in self.given or "tokens" not in self.given:
            return None
        request = request_of(self.facts, self.fitted.run)
        if request is None:
            return None
        length = self.given["length"]
        return request.bytes(length) / length / (self.given["kv"] * GIB / self.given["tokens"]) - 1

    @property
    def kv(self) -> float | None:
        """Measured KV cache in GiB; from tokens where the log has those alone. None where the GPU is not known."""
        if "memory" not in self.given or ("kv" not in self.given and "tokens" not in self.given):
            return None
        if "kv" in self.given:
            return float(self.given["kv"])
        request, length = request_of(self.facts, self.fitted.run), self.given["length"]
        return self.given["tokens"] / length * request.bytes(length) / GIB if request else None

    def errors(self) -> tuple[float, float] | None:
        """GiB that the estimate and the plain rule are off the measured KV cache."""
        plain = self.plain
        if self.kv is None or self.fitted.kv is None or plain is None:
            return None
        return self.fitted.kv.likely / GIB - self.kv, plain - self.kv

    @property
    def plain(self) -> float | None:
        """Utilisation x memory - weights, in GiB, as planners without overheads have it."""
        run, size = self.fitted.run, weights(self.facts, tensor=self.given.get("tensor", 1))
        return None if size is None else (run.utilisation or 0) * run.memory - size.likely / GIB

    @property
    def inside(self) -> bool | None:
        """Whether the measured KV cache is inside the band."""
        if self.kv is None or self.fitted.kv is None:
            return None
        # Logs are rounded to hundredths.
        return self.fitted.kv.low / GIB - 0.01 <= self.kv <= self.fitted.kv.high / GIB + 0.01


def rows() -> list[Row]:
    """Every measurement, with its estimate."""
    models = yaml.safe_load((DATA / "models.yaml").read_text())
    found = []
    for given in yaml.safe_load((DATA / "measurements.yaml").read_text()):
        facts = read_config(models[given["model"]]["config"])
        if "quantized" in given:
            facts = quantized(facts, *given["quantized"])
        found.append(Row(given, facts, fit(facts, run_of(given))))
    return found


def run_of(given: Mapping[str, Any]) -> Run:
    """The run that a row describes."""
    return Run(
        engine=given["engine"],
        version=given["version"],
        memory=given.get("memory", _ANY_MEMORY),
        accelerator=given.get("accelerator"),
        tensor=given.get("tensor", 1),
        max_model_len=given["length"],
        sequences=given.get("sequences"),
        batched=given.get("batched"),
        utilisation=given.get("utilisation"),
        kv_dtype=given.get("kvDtype"),
        eager=given.get("eager", False),
    )


def wrong_verdicts(found: Iterable[Row]) -> list[Row]:
    """Rows that were called a clear "fits" and failed, or a clear "does not fit" and ran."""
    return [
        row
        for row in found
        if "memory" in row.given
        and ((row.fitted.verdict == "fits" and row.failed) or (row.fitted.verdict == "does not fit" and not row.failed))
    ]


def _share(errors: Sequence[float]) -> str:
    if not errors:
        return "none"
    off = sorted(abs(error) for error in errors)
    return f"median {100 * statistics.median(off):5.1f} %, worst {100 * off[-1]:5.1f} %   ({len(off)} rows)"


def _relative(found: Sequence[Row], side: int) -> list[float]:
    """Errors of the KV cache relative to what was measured, or to a tenth of the budget where that is more.

    A small rest of a large budget would be off by any number of percent.
    """
    errors = []
    for row in found:
        both, budget = row.errors(), row.fitted.budget
        if both is not None and row.kv is not None and budget is not None:
            errors.append(both[side] / max(abs(row.kv), 0.1 * budget.likely / GIB))
    return errors


def _report(title: str, found: Sequence[Row]) -> None:
    inside = [row.inside for row in found if row.inside is not None]
    print(f"\n{title}: {len(found)} rows")
    print(f"  weights                          {_share([e for row in found if (e := row.weights_error) is not None])}")
    print(f"  bytes per token                  {_share([e for row in found if (e := row.token_error) is not None])}")
    print(f"  KV cache                         {_share(_relative(found, 0))}")
    print(f"  KV cache, the plain rule         {_share(_relative(found, 1))}")
    if inside:
        print(f"  measured KV cache inside the band  {sum(inside)} of {len(inside)}")
    for row in wrong_verdicts(found):
        print(f"  WRONG: {row.fitted.verdict}, {row.given['model']} {row.given['source']}")


def _hf_mem(found: Sequence[Row]) -> None:
    """hf-mem's KV cache for the same length, from the same config: it knows neither a GPU nor tensor parallelism.

    Its weights need the headers of the files, and therefore the Hub.
    """
    try:
        theirs = importlib.import_module("hf_mem.safetensors.kv_cache")
    except ImportError:
        print("\nhf-mem is not installed: `uv run --with hf-mem==0.5.6 python bench/fit.py` compares with it.")
        return
    models = yaml.safe_load((DATA / "models.yaml").read_text())
    ratios, refused = [], 0
    for row in found:
        if row.token_error is None:
            continue
        config = models[row.given["model"]]["config"]
        config = config.get("text_config", config)
        measured = row.given["kv"] * GIB / row.given["tokens"] * row.given["length"]
        kind = "F8_E4M3" if row.given.get("kvDtype") == "fp8" else "BF16"
        try:
            size = theirs.compute_safetensors_kv_cache_size(config, kind, row.given["length"])
        except KeyError:
            refused += 1
            continue
        ratios.append(size / row.given.get("tensor", 1) / measured - 1)
    print(f"\nhf-mem, bytes per token, divided by the GPUs for it: {_share(ratios)}, {refused} refused")


def main() -> None:
    """Print each row, then medians and worst, apart for rows that chose a constant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quiet", action="store_true", help="No line for each row.")
    found = rows()
    if not parser.parse_args().quiet:
        print(
            f"{'model':<24}{'engine':<14}{'weights':>8}{'token':>8}{'KV':>8}{'low':>8}{'likely':>8}{'high':>8}  verdict"
        )
        for row in found:
            _print(row)
    _report("Rows that chose a constant", [row for row in found if row.chose])
    _report("Rows that did not", [row for row in found if not row.chose])
    _hf_mem(found)


def _print(row: Row) -> None:
    kv = row.fitted.kv
    known = row.kv is not None and kv is not None
    sides = (row.kv, *(side / GIB for side in (kv.low, kv.likely, kv.high))) if known and kv else ()
    numbers = "".join(f"{side:8.2f}" for side in sides) if sides else " " * 32
    errors = "".join(
        " " * 8 if error is None else f"{100 * error:+7.1f}%" for error in (row.weights_error, row.token_error)
    )
    mark = "*" if row.chose else " "
    verdict = f"{row.fitted.verdict}{', and it failed' if row.failed else ''}" if "memory" in row.given else ""
    engine = f"{row.given['engine']} {row.given['version']}"
    print(f"{row.given['model']:<23}{mark}{engine:<14}{errors}{numbers}  {verdict}")


if __name__ == "__main__":
    main()
