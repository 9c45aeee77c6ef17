"""A dashboard: rows of panels, and what a person chooses above them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from blueprint.monitoring.dashboards.panels import PROMETHEUS, Source
from blueprint.monitoring.recorded import TARGETS

COLUMNS = 24
"""Width of Grafana's grid."""

TAG = "llm"
FOLDER = "LLM"

_SCHEMA_VERSION = 39


class Drawn(Protocol):
    """A panel of any kind, in Grafana's grid."""

    @property
    def width(self) -> int:
        """Of 24."""

    @property
    def height(self) -> int:
        """In rows."""

    def model(self, number: int, x: int, y: int) -> dict[str, Any]:
        """The panel as Grafana reads it."""


@dataclass(frozen=True)
class Row:
    """Panels under one heading, side by side as far as they fit."""

    title: str
    panels: Sequence[Drawn]


@dataclass(frozen=True, kw_only=True)
class Variable:
    """What a person chooses: the values of a label of a metric.

    within: variables that narrow the choice, which have the names of their labels. of: the metric.
    """

    name: str
    label: str
    several: bool
    within: Sequence[str] = ()
    of: str = TARGETS

    def model(self) -> dict[str, Any]:
        """The variable as Grafana reads it."""
        matchers = ",".join(f'{other}=~"${other}"' for other in self.within)
        chosen = f"{self.of}{{{matchers}}}" if matchers else self.of
        query = f"label_values({chosen}, {self.name})"
        return {
            **({"allValue": ".+"} if self.several else {}),
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]} if self.several else {},
            "datasource": PROMETHEUS.reference,
            "definition": query,
            "hide": 0,
            "includeAll": self.several,
            "label": self.label,
            "multi": self.several,
            "name": self.name,
            "options": [],
            "query": {"query": query, "refId": f"variable-{self.name}"},
            "refresh": 2,  # when the time range changes, because models come and go
            "regex": "",
            "sort": 1,
            "type": "query",
        }


@dataclass(frozen=True)
class Link:
    """A way to another dashboard, beside the menu of all. It takes along what was chosen and the time range."""

    title: str
    uid: str

    def model(self) -> dict[str, Any]:
        """The link as Grafana reads it."""
        return {
            "asDropdown": False,
            "icon": "doc",
            "includeVars": True,
            "keepTime": True,
            "tags": [],
            "targetBlank": False,
            "title": self.title,
            "tooltip": "",
            "type": "link",
            "url": f"/d/{self.uid}",
        }


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """A dashboard. uid: its address, which never changes, and the name of its file.

    stores: further data sources that its panels ask.
    """

    uid: str
    title: str
    description: str
    variables: Sequence[Variable]
    rows: Sequence[Row]
    hours: int = 6  # shown at first
    stores: Sequence[Source] = ()
    links: Sequence[Link] = ()

    def model(self) -> dict[str, Any]:
        """The dashboard as Grafana reads it. The same for the same description, panel by panel."""
        return {
            "id": None,
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": [TAG],
            "schemaVersion": _SCHEMA_VERSION,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "fiscalYearStartMonth": 0,
            "liveNow": False,
            "refresh": "30s",
            "time": {"from": f"now-{self.hours}h", "to": "now"},
            "timepicker": {},
            "timezone": "browser",
            "weekStart": "",
            "links": [_links(), *(link.model() for link in self.links)],
            "annotations": {"list": []},
            "templating": {
                "list": [
                    *(source.model() for source in (PROMETHEUS, *self.stores)),
                    *(variable.model() for variable in self.variables),
                ]
            },
            "panels": list(self._panels()),
        }

    def panel_id(self, title: str) -> int:
        """The number of the panel with this title, which changes when one is put before it.

        Raises ValueError where no panel or several have it.
        """
        found = [panel["id"] for panel in self._panels() if panel["title"] == title and panel["type"] != "row"]
        if len(found) != 1:
            raise ValueError(f"{self.uid}: {len(found)} panels are called {title!r}")
        return int(found[0])

    def text(self) -> str:
        """The dashboard's file."""
        return json.dumps(self.model(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    def _panels(self) -> Iterator[dict[str, Any]]:
        number, y = 1, 0
        for row in self.rows:
            yield {
                "id": number,
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "panels": [],
                "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
            }
            number, y, x, tallest = number + 1, y + 1, 0, 0
            for panel in row.panels:
                if x + panel.width > COLUMNS:
                    x, y, tallest = 0, y + tallest, 0
                yield panel.model(number, x, y)
                number, x, tallest = number + 1, x + panel.width, max(tallest, panel.height)
            y += tallest


def _links() -> dict[str, Any]:
    return {
        "asDropdown": True,
        "icon": "external link",
        "includeVars": True,
        "keepTime": True,
        "tags": [TAG],
        "targetBlank": False,
        "title": "LLM dashboards",
        "tooltip": "",
        "type": "dashboards",
        "url": "",
    }
