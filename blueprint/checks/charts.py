"""A Helm chart: said in one way, and at a version whose keys are known."""

from collections.abc import Iterator

from blueprint.charts import KnownChart
from blueprint.issues import Issue, KeyPath
from blueprint.settings.charts import HelmChart


def chart_mistakes(
    path: KeyPath, known: KnownChart, chart: HelmChart, page: str, *, reads: tuple[KeyPath, ...] = ()
) -> Iterator[Issue]:
    """Mistakes of the chart at a path. page: says how a version is added, and tried. reads: what makes it wanted."""
    if chart.path is not None:
        for key, value in (("repository", chart.repository), ("version", chart.version)):
            if value is not None:
                yield Issue(
                    path=(*path, key),
                    problem=f"{value} says where to fetch the chart, and path says that it is here",
                    remedy=f"Remove {key}, or remove path.",
                    reads=((*path, "path"), *reads),
                )
    elif chart.version is not None and chart.version not in known.versions:
        yield Issue(
            path=(*path, "version"),
            problem=f"the keys of {chart.version} have not been read, and a chart ignores many that it does not know",
            remedy=f"Use {' or '.join(known.versions)}. {page} says how to add a version, and how to try one by path.",
            reads=((*path, "path"), *reads),
        )
