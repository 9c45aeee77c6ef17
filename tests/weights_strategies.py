"""Hypothesis strategies for where the weights are kept."""

from typing import Any

from hypothesis import strategies as st

_CLASSES = {"ReadWriteMany": "lab-rwx", "ReadWriteOnce": "lab-rwo"}
"""The lab's storage classes, by the access mode that each offers."""

_CLAIMS = st.sampled_from(["weights", "weights.of-team", "a"])


@st.composite
def caches(draw: st.DrawFn, replicas: int) -> dict[str, Any]:
    """A valid cache of a model with so many replicas at most."""
    mode = draw(st.sampled_from(["none", "shared", "perReplica", "node"]))
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
    elif mode == "node":
        cache["path"] = draw(st.sampled_from(["/mnt/models", "/a", "/var/lib/models.d/x_1"]))
        cache["nodes"] = draw(st.lists(st.sampled_from(["gpu-1", "gpu-2.example.com", "n"]), min_size=1, unique=True))
    elif draw(st.booleans()):
        cache["storageClass"] = "lab-rwo"
    return cache


def sources(engine: str) -> st.SearchStrategy[dict[str, Any]]:
    """Valid sources, for a model without a cache."""
    digest = "@sha256:" + "0123456789abcdef" * 4
    secret = {"secret": st.just("weights-secret")}
    image = st.fixed_dictionaries({"url": st.just(f"oci://registry.example.com:5000/m/x:1{digest}")}, optional=secret)
    if engine != "vllm":
        return image
    return (
        st.fixed_dictionaries({"url": st.sampled_from(["s3://bucket/a", "s3://b/c/d.e"])}, optional=secret)
        | st.fixed_dictionaries({"url": st.just("gs://bucket/a")})
        | image
    )
