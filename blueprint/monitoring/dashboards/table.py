"""Tables: one line per set of labels, one column per query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from blueprint.monitoring.dashboards.panels import Color, Threshold, Unit, frame, steps, target


@dataclass(frozen=True, kw_only=True)
class Column:
    """One query's values. Its series have the table's keys as labels and no others: those would make other lines."""

    expr: str
    title: str
    unit: Unit
    base: Color = "green"
    thresholds: Sequence[Threshold] = ()


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of what is true now.

    keys: labels that stand first, in this order. link: where a line's last key leads, with ${__data.fields.x} for a
    key's value.
    """

    title: str
    description: str
    keys: Sequence[str]
    columns: Sequence[Column]
    link: str = ""
    width: int = 24
    height: int = 9
    no_value: str = "-"

    @property
    def kind(self) -> str:
        """Grafana's panel type."""
        return "table"

    def model(self, number: int, x: int, y: int) -> dict[str, Any]:
        """The panel as Grafana reads it."""
        refs = [chr(ord("A") + index) for index in range(len(self.columns))]
        columns = [self._column(f"Value #{ref}", column) for ref, column in zip(refs, self.columns, strict=True)]
        order = [*self.keys, *(f"Value #{ref}" for ref in refs)]
        hidden = {"Time": True}
        return {
            **frame(number, self.kind, self.title, self.description, (x, y, self.width, self.height)),
            "fieldConfig": {
                "defaults": {
                    "color": {"mode": "thresholds"},
                    "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True},
                    "noValue": self.no_value,
                    "thresholds": steps("green", ()),
                    "unit": "short",
                },
                "overrides": [*self._links(), *columns],
            },
            "options": {"cellHeight": "sm", "showHeader": True, "sortBy": []},
            "targets": [
                target(ref, column.expr, "", instant=True, table=True)
                for ref, column in zip(refs, self.columns, strict=True)
            ],
            "transformations": [
                {"id": "merge", "options": {}},
                {
                    "id": "organize",
                    "options": {
                        "excludeByName": hidden,
                        "indexByName": {name: index for index, name in enumerate(order)},
                        "renameByName": {},
                    },
                },
            ],
        }

    def _links(self) -> list[dict[str, Any]]:
        if not self.link:
            return []
        link = {"targetBlank": False, "title": "Show this one", "url": self.link}
        return [
            {
                "matcher": {"id": "byName", "options": self.keys[-1]},
                "properties": [{"id": "links", "value": [link]}],
            }
        ]

    def _column(self, field: str, column: Column) -> dict[str, Any]:
        properties: list[dict[str, Any]] = [
            {"id": "displayName", "value": column.title},
            {"id": "unit", "value": column.unit},
        ]
        if column.thresholds:
            properties += [
                {"id": "thresholds", "value": steps(column.base, column.thresholds)},
                {"id": "custom.cellOptions", "value": {"type": "color-text"}},
            ]
        # The merge names a lone query's field without its letter.
        names = [field] if len(self.columns) > 1 else ["Value", field]
        return {"matcher": {"id": "byRegexp", "options": f"/^({'|'.join(names)})$/"}, "properties": properties}
