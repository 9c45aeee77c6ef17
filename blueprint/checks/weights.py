"""Weights: a place for them that all replicas can use."""

from collections.abc import Iterator

from blueprint.description import Description
from blueprint.issues import Issue, KeyPath
from blueprint.settings import KubernetesModel
from blueprint.settings.weights import Cache, Source
from blueprint.sources import OCI, streams


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of each model's cache, and of where its weights come from."""
    for name, model in description.kubernetes_models():
        path = ("models", name)
        yield from _cache(path, model)
        yield from _node((*path, "cache"), model.cache)
        if model.source is not None:
            yield from _source(path, model, model.source, in_lab=description.in_lab)


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


def _node(at: KeyPath, cache: Cache) -> Iterator[Issue]:
    mode = (*at, "mode")
    for key, value, what in (
        ("path", cache.path, "Name the directory of each node that keeps the weights."),
        ("nodes", cache.nodes, "List the nodes by their label kubernetes.io/hostname."),
    ):
        if cache.mode == "node" and value is None:
            yield Issue(path=(*at, key), problem="this key is missing, and mode is node", remedy=what, reads=(mode,))
        if cache.mode != "node" and value is not None:
            yield Issue(
                path=(*at, key),
                problem=f"mode {cache.mode} knows no nodes",
                remedy=f"Remove {key}, or use mode: node.",
                reads=(mode,),
            )
    if cache.nodes is not None and len(set(cache.nodes)) < len(cache.nodes):
        twice = sorted({name for name in cache.nodes if cache.nodes.count(name) > 1})
        yield Issue(
            path=(*at, "nodes"),
            problem=f"{', '.join(twice)}: given more than once",
            remedy="Give each node once.",
        )
    if cache.mode == "node":
        given = {"storageClass": cache.storage_class, "existingClaim": cache.existing_claim}
        for key, name in given.items():
            if name is not None:
                yield Issue(
                    path=(*at, key),
                    problem=f"mode node keeps weights in a directory of the nodes, and {name} is something else",
                    remedy=f"Remove {key}, or use mode: shared.",
                    reads=(mode,),
                )


def _source(path: KeyPath, model: KubernetesModel, source: Source, *, in_lab: bool) -> Iterator[Issue]:
    at, kept = (*path, "source"), (*path, "cache", "mode")
    scheme = source.url.partition(":")[0]
    if model.cache.mode != "none":
        yield Issue(
            path=kept,
            problem=f"{model.cache.mode} keeps what comes from the Hub, and these weights come from {scheme}://",
            remedy="Use mode: none, with a sizeGiB for what the engine writes.",
            reads=(at,),
        )
    if streams(model) and model.engine.name != "vllm":
        yield Issue(
            path=(*at, "url"),
            problem=f"{model.engine.name} cannot stream weights from a bucket",
            remedy="Use engine vllm, an oci:// image, or the Hub.",
            reads=((*path, "engine"),),
        )
    if scheme == "gs" and source.secret is not None:
        yield Issue(
            path=(*at, "secret"),
            problem="credentials of gs:// are a file, and a Secret's variables are none",
            remedy="Let the nodes' identity read the bucket, or use s3:// with HMAC keys and AWS_ENDPOINT_URL.",
            reads=((*at, "url"),),
        )
    if source.url.startswith(OCI) and "@sha256:" not in source.url and not in_lab:
        yield Issue(
            path=(*at, "url"),
            problem=f"{source.url} names no digest, and what a tag means may change; it deploys to the lab only",
            remedy="Append @sha256: and the digest that `docker buildx imagetools inspect` shows.",
            reads=(("cluster", "context"), ("cluster", "id")),
        )
    if "revision" in model.model_fields_set:
        yield Issue(
            path=(*path, "revision"),
            problem=f"{model.revision} is a revision of the Hub, and {scheme}:// has none",
            remedy="Remove revision; name the version in the source's path or digest.",
            reads=(at,),
        )
