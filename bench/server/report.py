"""What was measured, as tables: a median over the rounds, and from which to which the rounds went."""

import statistics
from collections.abc import Callable
from typing import Any

from bench.server.contestants import BASELINE, OURS

DIRECT = "engine, no HTTP"
Results = dict[int, dict[str, list[dict[str, Any]]]]
"""By streams and contestant: the rounds."""

Number = Callable[[dict[str, Any]], float | None]


def report(results: Results, about: dict[str, Any]) -> None:
    """Print all of it, and how it stands with the aims."""
    print("\n" + "\n".join(f"{name}: {value}" for name, value in about.items()))
    print("Clients, servers and model share the cores: every number holds the clients' work, too.")
    for streams, contestants in results.items():
        _table(streams, contestants)
    print()
    for streams, least in ((1, 1), (32, 8)):
        if streams in results:
            ratio = _ratios(results[streams][OURS], results[streams][BASELINE])
            print(f"aim at {streams} streams, at least {least} times the blocking one: {_spread(ratio, 1)}")
    for streams, contestants in results.items():
        overhead = [100 - 100 * each for each in _ratios(contestants[OURS], contestants[DIRECT])]
        print(f"aim at {streams} streams, at most 10 % lost to HTTP: {_spread(overhead, 1)} %")
    busy = [_milliseconds("health", 0.99)(each) for contestants in results.values() for each in contestants[OURS]]
    print(
        f"aim, /health within 50 ms at p99 while busy: {max(each for each in busy if each is not None):.0f} ms at worst"
    )


def _table(streams: int, contestants: dict[str, list[dict[str, Any]]]) -> None:
    width = 27
    rows: list[tuple[str, int, Number]] = [
        ("tokens/s", 0, lambda measured: measured["tokens_per_second"]),
        *(
            (f"{label} p{share * 100:.0f}, ms", 1, _milliseconds(name, share))
            for label, name, shares in (
                ("TTFT", "ttft", (0.5, 0.95)),
                ("ITL", "itl", (0.5, 0.95)),
                ("/health", "health", (0.5, 0.99)),
                ("asker late", "late", (0.99,)),
            )
            for share in shares
        ),
        ("clients, cores", 2, lambda measured: measured.get("client_cores")),
    ]
    print(f"\n{f'{streams} streams':<20}" + "".join(f"{name:<{width}}" for name in contestants))
    for index, (label, digits, number) in enumerate(rows):
        cells = [_cell([number(each) for each in rounds], digits) for rounds in contestants.values()]
        print(f"{label:<20}" + "".join(f"{cell:<{width}}" for cell in cells))
        if not index:
            ratios = [_ratios(rounds, contestants[BASELINE]) for rounds in contestants.values()]
            print(f"{'of blocking':<20}" + "".join(f"{_spread(each, 2):<{width}}" for each in ratios))
    failures = {name: sum(len(each.get("failures", ())) for each in rounds) for name, rounds in contestants.items()}
    if any(failures.values()):
        print(f"{'failures':<20}" + "".join(f"{count:<{width}}" for count in failures.values()))


def _ratios(ours: list[dict[str, Any]], others: list[dict[str, Any]]) -> list[float]:
    """Round by round: what disturbed one, disturbed the other."""
    return [
        one["tokens_per_second"] / max(other["tokens_per_second"], 1e-9)
        for one, other in zip(ours, others, strict=True)
    ]


def _milliseconds(name: str, share: float) -> Number:
    """A percentile of one round; None where there is nothing of it: a whole answer has no ITL."""

    def number(measured: dict[str, Any]) -> float | None:
        values = sorted(measured.get(name, ()))
        return 1000 * values[min(int(share * len(values)), len(values) - 1)] if values else None

    return number


def _cell(values: list[float | None], digits: int) -> str:
    known = [value for value in values if value is not None]
    return _spread(known, digits) if known else "-"


def _spread(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
