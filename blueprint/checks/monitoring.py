"""Monitoring: settings that the mode has a use for, images that are pinned, alerts that somebody could send."""

from collections.abc import Iterator

from blueprint.checks.charts import chart_mistakes
from blueprint.checks.doors import ranges
from blueprint.description import Description
from blueprint.issues import Issue, KeyPath
from blueprint.locks import IMAGES_LOCK
from blueprint.monitoring.installed import CHART
from blueprint.monitoring.parts import ASKED_FOR, IMAGES, own_parts
from blueprint.settings import Monitoring

_MODE: tuple[KeyPath, ...] = (("monitoring", "mode"),)


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of what is said about monitoring."""
    monitoring = description.settings.monitoring
    if monitoring is None:
        return
    yield from _foreign(monitoring)
    yield from _install(description, monitoring)
    yield from _routes(monitoring)
    yield from _images(description)
    yield from ranges(("monitoring", "standalone", "apiServerRanges"), monitoring.standalone.api_server_ranges)
    yield from ranges(("monitoring", "standalone", "receiverRanges"), monitoring.standalone.receiver_ranges)


def _foreign(monitoring: Monitoring) -> Iterator[Issue]:
    """What belongs to another mode."""
    if monitoring.mode != "standalone" and "standalone" in monitoring.model_fields_set:
        yield Issue(
            path=("monitoring", "standalone"),
            problem=f"with mode: {monitoring.mode} the stack runs no Prometheus whose size this could be",
            remedy="Remove it, or use mode: standalone.",
            reads=_MODE,
        )
    if monitoring.mode == "standalone" and monitoring.labels:
        yield Issue(
            path=("monitoring", "labels"),
            problem="with mode: standalone no operator selects anything by labels",
            remedy="Remove it, or use mode: operator.",
            reads=_MODE,
        )


def _install(description: Description, monitoring: Monitoring) -> Iterator[Issue]:
    """An operator that nobody would use, or that would not come up."""
    if monitoring.install is None:
        return
    path = ("monitoring", "install")
    yield from chart_mistakes((*path, "chart"), CHART, monitoring.install.chart, "docs/monitoring.md", reads=_MODE)
    if monitoring.mode != "operator":
        yield Issue(
            path=path,
            problem=f"with mode: {monitoring.mode} nothing here is for an operator",
            remedy="Remove it, or use mode: operator.",
            reads=_MODE,
        )
    elif description.in_lab:
        yield Issue(
            path=path,
            problem="the lab simulates pods, so that an operator would be installed and do nothing",
            remedy="Remove it: the lab has the operator's kinds. mode: standalone shows a Prometheus at work.",
            reads=(("cluster", "context"), ("cluster", "id")),
        )


def _routes(monitoring: Monitoring) -> Iterator[Issue]:
    """Routes that nothing would take."""
    if monitoring.routes is None:
        return
    reads: tuple[KeyPath, ...] = (*_MODE, ("monitoring", "rules"), ("monitoring", "standalone"))
    if monitoring.mode == "existing":
        problem, remedy = "with mode: existing the Alertmanager is not ours to configure", "give them to its owner"
    elif not monitoring.rules:
        problem, remedy = "with rules: false there is no alert to send", "use rules: true"
    elif monitoring.mode == "standalone" and not monitoring.standalone.alertmanager:
        problem, remedy = "with standalone.alertmanager: false nothing sends alerts", "use alertmanager: true"
    else:
        return
    yield Issue(path=("monitoring", "routes"), problem=problem, remedy=f"Remove it, or {remedy}.", reads=reads)


def _images(description: Description) -> Iterator[Issue]:
    if description.in_lab:
        return
    by_key: dict[KeyPath, list[str]] = {}
    for part in own_parts(description):
        if description.images_lock.pin(IMAGES[part]).digest is None:
            by_key.setdefault(ASKED_FOR[part], []).append(IMAGES[part])
    for key, unresolved in by_key.items():
        yield Issue(
            path=key,
            problem=f"{' and '.join(unresolved)}: unresolved in {IMAGES_LOCK}; it deploys to the lab only",
            remedy=f"Run `llm lock {' '.join(unresolved)}` where the registries can be reached, and commit.",
            reads=(("monitoring", "standalone"), ("cluster", "context"), ("cluster", "id")),
        )
