"""Rules about what must not be deleted by mistake, where a stack says so."""

from blueprint.canary import TRACK
from policy.endpoints import KIND
from policy.reading import get
from policy.stack import Breaches, Resource, Stack, StackRule


def _loose_claims(stack: Stack) -> Breaches:
    if not stack.allowed.protected:
        return
    for claim in stack.of("PersistentVolumeClaim"):
        if claim.protected is False and not _is_tried(claim):
            yield claim, f"{claim.called} is not protected"
    for replicas in stack.of("StatefulSet"):
        spec = get(replicas.properties, "spec")
        gone = get(spec, "persistentVolumeClaimRetentionPolicy", "whenDeleted") == "Delete"
        if get(spec, "volumeClaimTemplates") and gone and not replicas.protected and not _is_tried(replicas):
            yield replicas, f"the claims of {replicas.called} are deleted with it"


def _is_tried(resource: Resource) -> bool:
    """Whether it is a canary's, which goes as a whole."""
    key, track = TRACK
    return bool(get(resource.properties, "metadata", "labels", key) == track)


def _loose_endpoints(stack: Stack) -> Breaches:
    if stack.allowed.protected:
        for endpoint in stack.of(KIND):
            if endpoint.protected is False:
                yield endpoint, "it is not protected"


RULES = (
    StackRule(
        name="claims-protected",
        description="Claims with weights are protected, where the stack asks for it.",
        why="A renamed model deletes its claim, and loads hundreds of gigabytes again before it answers.",
        remedy="Set deletion.protect; of a StatefulSet, whenDeleted: Retain.",
        mandatory=True,
        of=_loose_claims,
    ),
    StackRule(
        name="endpoints-protected",
        description="Endpoints are protected, where the stack asks for it.",
        why="An endpoint that is deleted and made anew has another address, which its callers do not know.",
        remedy="Set deletion.protect.",
        mandatory=True,
        of=_loose_endpoints,
    ),
)
