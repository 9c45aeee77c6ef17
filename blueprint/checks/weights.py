"""Weights: a place for them that all replicas can use."""

from collections.abc import Iterator

from blueprint.description import Description
from blueprint.issues import Issue, KeyPath
from blueprint.settings import KubernetesModel


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of each model's cache."""
    for name, model in description.kubernetes_models():
        yield from _cache(("models", name), model)


def _cache(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    cache = model.cache
    at = (*path, "cache")
    if cache.existing_claim is not None:
        for key, value in (("sizeGiB", cache.size_gib), ("storageClass", cache.storage_class)):
            if value is not None:
                yield Issue(
                    path=(*at, key),
                    problem=f"{value} would change the existing claim {cache.existing_claim}, which is not ours",
                    remedy=f"Remove {key}, or remove existingClaim to have a claim made.",
                    reads=((*at, "existingClaim"),),
                )
    elif cache.size_gib is None:
        yield Issue(
            path=(*at, "sizeGiB"),
            problem="this key is missing",
            remedy="Give the size of the weights with room for the next revision, in GiB, or name existingClaim.",
            reads=((*at, "existingClaim"),),
        )
    if cache.mode == "perReplica" and cache.existing_claim is not None:
        yield Issue(
            path=(*at, "existingClaim"),
            problem="perReplica makes a claim for each replica, and this is one claim",
            remedy="Use mode: shared, or remove existingClaim and give sizeGiB.",
            reads=((*at, "mode"),),
        )
    if cache.mode == "perReplica" and "access_mode" in cache.model_fields_set and cache.access_mode != "ReadWriteOnce":
        yield Issue(
            path=(*at, "accessMode"),
            problem=f"{cache.access_mode} is for sharing; one replica alone mounts each of the claims of perReplica",
            remedy="Remove accessMode, or use mode: shared.",
            reads=((*at, "mode"),),
        )
    if cache.mode == "none" and cache.pre_download and "pre_download" in cache.model_fields_set:
        yield Issue(
            path=(*at, "preDownload"),
            problem="nothing is kept with mode: none, so nothing can be downloaded before",
            remedy="Remove preDownload, or use another mode.",
            reads=((*at, "mode"),),
        )
    if cache.mode == "none" and (cache.existing_claim or cache.storage_class):
        yield Issue(
            path=(*at, "mode"),
            problem="none has no claim, but existingClaim or storageClass is given",
            remedy="Use mode: shared, or remove them.",
            reads=((*at, "existingClaim"), (*at, "storageClass")),
        )
    if cache.mode == "shared" and cache.access_mode == "ReadWriteOnce" and model.scaling.max > 1:
        yield Issue(
            path=(*at, "accessMode"),
            problem=f"ReadWriteOnce mounts on one node only, and up to {model.scaling.max} replicas share the claim",
            remedy="Use accessMode: ReadWriteMany with a storage class that offers it, or scaling.max: 1.",
            reads=((*at, "mode"), (*path, "scaling", "max")),
        )
