"""What went wrong with the cluster, in words that say what to do."""

from lab.engine.cluster.api import ApiError, NoKindError, Object
from lab.engine.cluster.objects import identity, shown
from lab.engine.provider import ProviderError

_WITHOUT = {
    "monitoring.coreos.com": (
        "Install the Prometheus operator's definitions, or take llm-inference:monitoring out of the stack file"
    ),
    "keda.sh": "Install KEDA, or use scaling.by: hpa in the stack file",
}


def unreachable(why: str, context: str | None) -> str:
    """Why a cluster cannot be asked, and the way out."""
    remedy = "`make lab` starts it." if context == "lab" else "Correct cluster.context or KUBECONFIG, or log in."
    return f"The cluster of context {context} cannot be asked: {why} {remedy} What it would refuse was not checked."


def remedy(error: NoKindError) -> str:
    """What to do about a kind that is not there."""
    group = error.api_version.partition("/")[0]
    return _WITHOUT.get(group, f"Install the definitions of {group}")


def refused(error: ApiError | NoKindError, obj: Object) -> ProviderError:
    """The API server's refusal, and the way out."""
    if isinstance(error, NoKindError):
        return ProviderError(f"{error} {remedy(error)}.")
    if error.reason == "AlreadyExists":
        return ProviderError(
            f"{shown(obj)} exists already, and is not this stack's. If it was renamed, give the model `formerly`; "
            f'to take it over, set ResourceOptions(import_="{identity(obj)}"); else delete it.'
        )
    if error.reason == "Conflict" and "conflict" in str(error):
        return ProviderError(
            f"{error}. Somebody else manages these fields. Leave them out, or take them over with the annotation "
            'pulumi.com/patchForce: "true".'
        )
    return ProviderError(f"{shown(obj)}: {error}")
