"""Helm charts as Pulumi's releases name them."""

from typing import Any

from blueprint.charts import Chart


def chart_source(chart: Chart) -> dict[str, Any]:
    """The arguments of a release that say where its chart is."""
    return {
        "chart": chart.name,
        **({"version": chart.version} if chart.version else {}),
        **({"repository_opts": {"repo": chart.repository}} if chart.repository else {}),
    }
