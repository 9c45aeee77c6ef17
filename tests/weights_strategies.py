"""Hypothesis strategies for where the weights are kept."""

from typing import Any

from hypothesis import strategies as st

_CLASSES = {"ReadWriteMany": "lab-rwx", "ReadWriteOnce": "lab-rwo"}
"""The lab's storage classes, by the access mode that each offers."""

_CLAIMS = st.sampled_from(["weights", "weights.of-team", "a"])


@st.composite
def caches(draw: st.DrawFn, replicas: int) -> dict[str, Any]:
    """A valid cache of a model with so many replicas at most."""
    mode = draw(st.sampled_from(["none", "shared", "perReplica"]))
    cache: dict[str, Any] = {"sizeGiB": draw(st.integers(1, 2000))}
    if mode != "shared" or draw(st.booleans()):
        cache["mode"] = mode
    if mode == "none":
        return cache
    if draw(st.booleans()):
        cache["preDownload"] = draw(st.booleans())
    if mode == "shared":
        # Several replicas on several nodes share a claim only when it is ReadWriteMany.
        access = draw(st.sampled_from(["ReadWriteMany", *(["ReadWriteOnce"] if replicas == 1 else [])]))
        if access == "ReadWriteOnce" or draw(st.booleans()):
            cache["accessMode"] = access
        if draw(st.booleans()):
            del cache["sizeGiB"]
            return {**cache, "existingClaim": draw(_CLAIMS)}
        if draw(st.booleans()):
            cache["storageClass"] = _CLASSES[access]
    elif draw(st.booleans()):
        cache["storageClass"] = "lab-rwo"
    return cache
