"""Helm charts of others: where one is, at which version."""

from collections.abc import Sequence
from dataclasses import dataclass

from blueprint.resources import Resolved
from blueprint.settings.charts import HelmChart


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart as Helm finds it.

    name: its name, its address at an OCI registry, or its path below the project's folder.
    version: None for a path, whose Chart.yaml says it. repository: None where the name says all.
    """

    name: str
    version: str | None
    repository: str | None


@dataclass(frozen=True, kw_only=True)
class KnownChart:
    """A chart whose values are known here.

    repository: its makers'. versions: those whose keys were read; the newest last.
    """

    name: str
    repository: str
    versions: Sequence[str]


def resolve_chart(known: KnownChart, given: HelmChart, key: str) -> Resolved[Chart]:
    """The chart that is meant. key: the setting that says so."""
    if given.path is not None:
        chart = Chart(name=given.path, version=None, repository=None)
        return Resolved(chart, f"given: {key}.path; its Chart.yaml says the version")
    version = given.version or known.versions[-1]
    why = f"given: {key}.version" if given.version else "the newest version whose keys were read"
    source = given.repository or known.repository
    if source.startswith("oci://"):
        # An OCI registry has no index: the chart's address is its name.
        return Resolved(Chart(name=f"{source.rstrip('/')}/{known.name}", version=version, repository=None), why)
    return Resolved(Chart(name=known.name, version=version, repository=source), why)
