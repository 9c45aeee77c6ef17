"""What a Prometheus keeps of simulated models: scraped as often as it does, in the forms that promtool reads."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from blueprint.metrics.queries import matchers
from lab.simulator.door import door
from lab.simulator.exporters import exporters
from lab.simulator.model import Model, SimulatedModel

_MISSING, _STALE = "_", "stale"
_EXPORTERS = {"job": "exporters", "instance": "exporters:8080"}


@dataclass
class Recording:
    """Series, by their text. Each has one value per scrape: as text, missing, or stale where Prometheus marks it so."""

    seconds: float  # between two scrapes
    series: dict[str, list[str]] = field(default_factory=dict)
    scrapes: int = 0
    _known: dict[tuple[str, str], str] = field(default_factory=dict)
    _there: dict[str, set[str]] = field(default_factory=dict)  # by target, the series of its last scrape

    def scrape(self, targets: Iterable[tuple[Mapping[str, str], str | None]]) -> None:
        """All targets that there are now, each with its text, or None where it does not answer."""
        found: dict[str, set[str]] = {}
        for labels, text in targets:
            own = matchers(labels)
            self._add(f"up{{{own}}}", str(int(text is not None)))
            found[own] = {f"up{{{own}}}"}
            seen = set()
            for line in (text or "").splitlines():
                if not line.startswith("#"):
                    name, _, value = line.rpartition(" ")
                    series = self._known.get((own, name)) or self._labelled(own, labels, name)
                    self._add(series, value)
                    seen.add(series)
            found[own] |= seen
        for own, before in self._there.items():
            for series in before - found.get(own, set()):
                self._add(series, _STALE)
        self._there = found
        self.scrapes += 1

    def promtool(self) -> list[dict[str, str]]:
        """As input_series of its unit tests, a sample a scrape."""
        return [{"series": name, "values": " ".join(_runs(values))} for name, values in self.series.items()]

    def open_metrics(self, last: float) -> Iterator[str]:
        """As lines of OpenMetrics with times, for `promtool tsdb create-blocks-from`. last: time of the last scrape."""
        first = last - (self.scrapes - 1) * self.seconds
        for number in range(self.scrapes):
            at = first + number * self.seconds
            for name, values in self.series.items():
                # Nothing in this format says that a series is stale.
                if number < len(values) and values[number] not in (_MISSING, _STALE):
                    yield f"{name} {values[number]} {at:.3f}\n"
        yield "# EOF\n"

    def _add(self, series: str, value: str) -> None:
        values = self.series.setdefault(series, [])
        values.extend([_MISSING] * (self.scrapes - len(values)))
        values.append(value)

    def _labelled(self, own: str, labels: Mapping[str, str], name: str) -> str:
        """With the target's labels. Where both have one, its own stays: relabelling sees to it."""
        metric, _, rest = name.partition("{")
        given = rest.removesuffix("}")
        further = {key: value for key, value in labels.items() if f',{key}="' not in f",{given}"}
        series = f"{metric}{{{','.join(filter(None, (given, matchers(further))))}}}"
        self._known[own, name] = series
        return series


def record(models: Sequence[Model], *, seconds: float, every: float) -> Recording:
    """Let models live for so long, scraped every so many seconds."""
    simulated = [SimulatedModel(model, seconds) for model in models]
    recording = Recording(every)
    for number in range(int(seconds / every) + 1):
        targets: list[Any] = []
        for model in simulated:
            model.advance(number * every)
            targets += [*model.scrapes(), door(model)]
        recording.scrape([*targets, (_EXPORTERS, exporters(simulated))])
    return recording


def _runs(values: Sequence[str]) -> Iterator[str]:
    """Equal values as one word."""
    begin = 0
    for end in range(1, len(values) + 1):
        if end < len(values) and values[end] == values[begin]:
            continue
        times, value = end - begin, values[begin]
        if times > 1 and value not in (_MISSING, _STALE):
            yield f"{value}x{times - 1}"
        else:
            yield from [value] * times
        begin = end
