"""What a change of a stack does to each of its models."""

from collections.abc import Sequence

from blueprint.stack import Stack
from blueprint.timing.endpoints import Replacing, of_endpoints
from blueprint.timing.interruption import Interruption
from blueprint.timing.replicas import of_workloads


def interruptions(before: Stack, after: Stack, *, replacing: Replacing) -> Sequence[Interruption]:
    """What becomes of each model of either stack, by name. replacing: `endpoints.body.replacing`."""
    found = [*of_workloads(before, after), *of_endpoints(before, after, replacing)]
    return sorted(found, key=lambda one: one.model)
