"""Cross-checks: what no single setting can know about itself."""

from collections.abc import Iterator

from blueprint.checks import (
    budget,
    canary,
    cluster,
    collector,
    doors,
    endpoint_engines,
    endpoints,
    engines,
    exposure,
    fit,
    images,
    lifecycle,
    llm_d,
    load,
    locks,
    monitoring,
    names,
    objectives,
    parallel,
    placement,
    probes,
    scaling,
    smoke,
    timing,
    watching,
    weights,
)
from blueprint.description import Description
from blueprint.issues import Issue


def cross_check(description: Description) -> Iterator[Issue]:
    """Every mistake that only shows when settings are read together."""
    for concern in (
        cluster,
        budget,
        engines,
        images,
        placement,
        parallel,
        lifecycle,
        weights,
        scaling,
        doors,
        exposure,
        canary,
        endpoints,
        endpoint_engines,
        llm_d,
        locks,
        monitoring,
        probes,
        names,
        objectives,
        collector,
        watching,
        smoke,
        load,
    ):
        yield from concern.check(description)


def advise(description: Description) -> Iterator[Issue]:
    """What deploys, and somebody should know before it does. Only of a description that passed its checks."""
    for concern in (
        engines,
        endpoint_engines,
        fit,
        timing,
        lifecycle,
        scaling,
        doors,
        exposure,
        canary,
        collector,
        probes,
        load,
    ):
        yield from concern.advise(description)
