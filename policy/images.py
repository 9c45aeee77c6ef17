"""Rules about images."""

from policy.pods import Pod, called, pods
from policy.reading import UNKNOWN, get
from policy.rule import Found, Properties, Rule, of_pods
from policy.settings import StackRules


def _unpinned(pod: Pod) -> Found:
    for container in pod.containers:
        image = get(container, "image")
        # Built in this very deployment: the digest is judged when it is known, before the pod is made.
        if image is not UNKNOWN and "@sha256:" not in str(image or ""):
            yield f"{called(container)} runs {image or 'no image'}, which is not named by digest"


def _foreign(kind: str, properties: Properties, allowed: StackRules) -> Found:
    if not allowed.registries:
        return
    for pod in pods(kind, properties):
        for container in pod.containers:
            image = get(container, "image")
            if image is not UNKNOWN and not _spelled_out(str(image or "")).startswith(allowed.registries):
                places = ", ".join(allowed.registries)
                yield f"{called(container)} runs {image or 'no image'}, which is in none of {places}"


def _spelled_out(image: str) -> str:
    """An image with its registry, which Docker's own need not have."""
    first, slash, _ = image.partition("/")
    if not slash:
        return f"docker.io/library/{image}"
    return image if "." in first or ":" in first or first == "localhost" else f"docker.io/{image}"


RULES = (
    Rule(
        name="image-from-allowed-registry",
        description="Images come from the registries that the stack allows.",
        why="What runs beside prompts and keys was reviewed in some places, and in others by nobody.",
        remedy="Mirror it, or add its registry to policy/stacks.yaml.",
        mandatory=True,
        of=_foreign,
    ),
    Rule(
        name="image-by-digest",
        description="Images are named by digest.",
        why="A tag moves, and a pod that restarts may get another engine than its neighbours.",
        remedy="Resolve it in images.lock.yaml with `llm lock`.",
        # The lab runs unresolved locks, and the program itself refuses them elsewhere.
        mandatory=False,
        of=of_pods(_unpinned),
    ),
)
