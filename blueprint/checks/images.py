"""Images that a stack file names: outside the lab nothing runs whose content can change."""

import re
from collections.abc import Iterator

from blueprint.issues import Issue, KeyPath

_TAG = re.compile(r":[^/:@]+$")


def unpinned(path: KeyPath, image: str, *, in_lab: bool, reads: tuple[KeyPath, ...]) -> Iterator[Issue]:
    """What is wrong with an image without digest. reads: the keys that say where the stack deploys to."""
    if "@" in image:
        return
    if not in_lab:
        yield Issue(
            path=path,
            problem=f"{image} has no digest, and what its tag means can change; it deploys to the lab only",
            remedy="Append @sha256:... as `docker buildx imagetools inspect` shows it.",
            reads=reads,
        )
    elif _TAG.search(image) is None:
        yield Issue(
            path=path,
            problem=f"{image} has neither tag nor digest, and would be whatever is latest",
            remedy="Append :tag, or @sha256:digest.",
        )
