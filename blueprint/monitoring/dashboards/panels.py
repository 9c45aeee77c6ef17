"""Panels of a Grafana dashboard, as far as the dashboards here need them.

The classic JSON model: schemaVersion 39 to 41 is read by Grafana 11 to 13, which migrate it when they load it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["timeseries", "stat", "bargauge", "state-timeline"]
Color = Literal["green", "yellow", "orange", "red", "blue"]
Unit = Literal["none", "percentunit", "s", "reqps", "ops", "currencyUSD", "decmbytes", "celsius", "watt", "cps"]
"""Grafana's own identifiers (packages/grafana-data, valueFormats/categories.ts); decmbytes counts in 1000s."""

_REDUCE = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: Mapping[Kind, Mapping[str, Any]] = {
    "timeseries": {
        "legend": {"calcs": ["lastNotNull", "max"], "displayMode": "table", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "colorMode": "value",
        "graphMode": "area",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": _REDUCE,
        "textMode": "auto",
    },
    "bargauge": {"displayMode": "basic", "orientation": "horizontal", "reduceOptions": _REDUCE, "valueMode": "color"},
    "state-timeline": {
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "mergeValues": True,
        "rowHeight": 0.8,
        "showValue": "auto",
        "tooltip": {"mode": "single", "sort": "none"},
    },
}


@dataclass(frozen=True)
class Query:
    """One line, or set of lines, of a panel.

    legend: with {{label}} for a label's value. dashed: a bound that the others are read against.
    """

    expr: str
    legend: str = ""
    dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Source:
    """A data source that is chosen above the panels. kind: Grafana's type of it. name: of the variable."""

    kind: Literal["prometheus", "loki", "jaeger"]
    name: str
    label: str

    @property
    def reference(self) -> dict[str, str]:
        """How panels and queries name it."""
        return {"type": self.kind, "uid": f"${{{self.name}}}"}

    def model(self) -> dict[str, Any]:
        """The variable as Grafana reads it."""
        return {
            "current": {},
            "hide": 0,
            "includeAll": False,
            "label": self.label,
            "multi": False,
            "name": self.name,
            "options": [],
            "query": self.kind,
            "refresh": 1,
            "regex": "",
            "type": "datasource",
        }


PROMETHEUS = Source(kind="prometheus", name="datasource", label="Data source")


@dataclass(frozen=True)
class Threshold:
    """A colour from a value upwards."""

    at: float
    color: Color


@dataclass(frozen=True)
class State:
    """What a number means."""

    value: int
    text: str
    color: Color


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture.

    width: of 24 columns; height: in Grafana's grid rows of 30 pixels.
    base: colour below the first threshold. stacked: the lines add up.
    no_value: what stands there when nothing is measured, which is no zero.
    source: who is asked.
    """

    kind: Kind
    title: str
    description: str
    queries: Sequence[Query]
    unit: Unit
    width: int = 8
    height: int = 8
    base: Color = "green"
    thresholds: Sequence[Threshold] = ()
    states: Sequence[State] = ()
    minimum: float | None = 0
    maximum: float | None = None
    stacked: bool = False
    no_value: str = "No data"
    source: Source = PROMETHEUS

    def model(self, number: int, x: int, y: int) -> dict[str, Any]:
        """The panel as Grafana reads it."""
        instant = self.kind == "bargauge"
        targets = [
            target(chr(ord("A") + i), query.expr, query.legend, instant=instant, source=self.source)
            for i, query in enumerate(self.queries)
        ]
        defaults: dict[str, Any] = {
            # Lines are told apart by colour; their thresholds are drawn behind them.
            "color": {"mode": "palette-classic" if self.kind == "timeseries" else "thresholds"},
            "custom": self._custom(),
            "mappings": mappings(self.states),
            "noValue": self.no_value,
            "thresholds": steps(self.base, self.thresholds),
            "unit": self.unit,
        }
        given = {"min": self.minimum, "max": self.maximum}
        defaults |= {key: value for key, value in given.items() if value is not None}
        return {
            **frame(
                number, self.kind, self.title, self.description, (x, y, self.width, self.height), source=self.source
            ),
            "fieldConfig": {"defaults": defaults, "overrides": self._overrides()},
            "options": dict(_OPTIONS[self.kind]),
            "targets": targets,
        }

    def _custom(self) -> dict[str, Any]:
        if self.kind == "state-timeline":
            return {"fillOpacity": 80, "lineWidth": 0}
        if self.kind != "timeseries":
            return {}
        return {
            "drawStyle": "line",
            "fillOpacity": 20 if self.stacked else 5,
            "lineWidth": 1,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"group": "A", "mode": "normal" if self.stacked else "none"},
            "thresholdsStyle": {"mode": "dashed" if self.thresholds else "off"},
        }

    def _overrides(self) -> list[dict[str, Any]]:
        bound = {"lineStyle": {"dash": [8, 6], "fill": "dash"}, "fillOpacity": 0}
        return [
            {
                "matcher": {"id": "byFrameRefID", "options": chr(ord("A") + number)},
                "properties": [{"id": f"custom.{key}", "value": value} for key, value in bound.items()],
            }
            for number, query in enumerate(self.queries)
            if query.dashed
        ]


def frame(
    number: int,
    kind: str,
    title: str,
    description: str,
    place: tuple[int, int, int, int],
    *,
    source: Source = PROMETHEUS,
) -> dict[str, Any]:
    """What every panel has. place: x, y, width, height."""
    x, y, width, height = place
    return {
        "id": number,
        "type": kind,
        "title": title,
        "description": description,
        "datasource": source.reference,
        "gridPos": {"x": x, "y": y, "w": width, "h": height},
    }


def target(
    ref: str, expr: str, legend: str, *, instant: bool, table: bool = False, source: Source = PROMETHEUS
) -> dict[str, Any]:
    """One query of a panel, of Prometheus or of Loki, which reads the same keys."""
    return {
        "datasource": source.reference,
        "editorMode": "code",
        "expr": expr,
        "format": "table" if table else "time_series",
        "instant": instant,
        "legendFormat": legend or "__auto",
        "range": not instant,
        "refId": ref,
    }


def steps(base: Color, thresholds: Sequence[Threshold]) -> dict[str, Any]:
    """Thresholds as Grafana reads them; the first step has no lower bound."""
    above = [{"color": one.color, "value": one.at} for one in thresholds]
    return {"mode": "absolute", "steps": [{"color": base, "value": None}, *above]}


def mappings(states: Sequence[State]) -> list[dict[str, Any]]:
    """Words and colours for numbers."""
    if not states:
        return []
    options = {
        str(one.value): {"color": one.color, "index": index, "text": one.text} for index, one in enumerate(states)
    }
    return [{"options": options, "type": "value"}]
