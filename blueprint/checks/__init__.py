"""Cross-checks: what no single setting can know about itself."""

from collections.abc import Iterator

from blueprint.checks import (
    cluster,
    endpoint_engines,
    endpoints,
    engines,
    exposure,
    llm_d,
    locks,
    names,
    pending,
    placement,
    scaling,
    weights,
)
from blueprint.description import Description
from blueprint.issues import Issue


def cross_check(description: Description) -> Iterator[Issue]:
    """Every mistake that only shows when settings are read together."""
    for concern in (
        cluster,
        engines,
        placement,
        weights,
        scaling,
        exposure,
        endpoints,
        endpoint_engines,
        llm_d,
        locks,
        names,
        pending,
    ):
        yield from concern.check(description)
