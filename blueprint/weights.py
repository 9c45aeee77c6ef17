"""Where the weights live between restarts, and who brings them there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from blueprint.engines.process import EngineProcess
from blueprint.resources import Resolved
from blueprint.settings import KubernetesModel
from blueprint.sources import OCI, streams

CACHE_PATH = "/cache"
"""Where replicas and downloads mount the weights' place."""


@dataclass(frozen=True)
class Storage:
    """The weights' place.

    kind: a claim that is made, one that exists, one for each replica, a directory of each node, or an empty directory.
    path, nodes: of kind node: the directory, and the nodes' host names.
    image: reference of an image that holds the weights beside it.
    """

    kind: Literal["claim", "existingClaim", "claimPerReplica", "node", "emptyDir"]
    size_gib: int | None = None
    access_mode: str | None = None
    storage_class: str | None = None
    claim_name: str | None = None
    path: str | None = None
    nodes: Sequence[str] | None = None
    image: str | None = None


@dataclass(frozen=True)
class Weights:
    """Who brings the weights to their place.

    filled_by: a Job before the replicas are rolled out, each pod before its engine starts, the node that pulls an
        image, the engine from a bucket, or the engine from the Hub.
    models: what is fetched before an engine starts, as repository@revision.
    secret: existing Secret with the variables that the engine needs for its source.
    pull_secret: existing Secret with which nodes pull the image.
    """

    filled_by: Literal["job", "pod", "node", "bucket", "engine"]
    models: Sequence[str] = ()
    secret: str | None = None
    pull_secret: str | None = None

    @property
    def asks_hub(self) -> bool:
        """Whether the engine itself fetches from the Hub."""
        return self.filled_by == "engine"

    @property
    def offline(self) -> bool:
        """Whether the engine finds everything in its place, and does not ask the Hub."""
        return not self.asks_hub

    @property
    def downloads_itself(self) -> bool:
        """Whether serving pods need a way to the Hub, or to a bucket."""
        return self.filled_by in ("bucket", "engine") or self.in_pod

    @property
    def in_pod(self) -> bool:
        """Whether something is fetched in each pod before its engine starts."""
        return self.filled_by != "job" and bool(self.models)


def resolve_storage(model: KubernetesModel, live_name: str) -> Resolved[Storage]:
    """The place of the weights of a model whose live objects are called live_name."""
    cache, source = model.cache, model.source
    if source is not None and not streams(model):
        return Resolved(
            Storage("emptyDir", size_gib=cache.size_gib, image=source.url.removeprefix(OCI)),
            "given: source; the node pulls the image and keeps it",
        )
    if cache.mode == "node":
        return Resolved(
            Storage(
                "node",
                size_gib=cache.size_gib,
                # It says how many nodes may mount it; each finds its own disk.
                access_mode="ReadWriteMany",
                claim_name=f"{live_name}-cache",
                path=cache.path,
                nodes=tuple(cache.nodes or ()),
            ),
            f"cache.mode node: {cache.path} of each of {len(cache.nodes or ())} nodes",
        )
    if cache.mode == "none":
        return Resolved(Storage("emptyDir", size_gib=cache.size_gib), "cache.mode none: each start downloads the model")
    if cache.mode == "perReplica":
        return Resolved(
            Storage(
                "claimPerReplica",
                size_gib=cache.size_gib,
                # Any class offers it, and no other pod mounts a replica's claim.
                access_mode="ReadWriteOnce",
                storage_class=cache.storage_class,
            ),
            "cache.mode perReplica: a claim for each replica, ReadWriteOnce",
        )
    if cache.existing_claim is not None:
        return Resolved(
            Storage("existingClaim", access_mode=cache.access_mode, claim_name=cache.existing_claim),
            "given: cache.existingClaim; it outlives this stack",
        )
    return Resolved(
        Storage(
            "claim",
            size_gib=cache.size_gib,
            access_mode=cache.access_mode,
            storage_class=cache.storage_class,
            claim_name=f"{live_name}-cache",
        ),
        f"cache.mode shared: one claim, {cache.access_mode}",
    )


def resolve_weights(model: KubernetesModel, revision: str, beside: Sequence[str]) -> Resolved[Weights]:
    """Who brings the weights.

    revision: the commit from the lock, or a name where the lock has none. beside: adapters and draft models, each as
    repository@revision, or repository@revision=path where the engine reads it from a path.
    """
    cache, source = model.cache, model.source
    models = (f"{model.model}@{revision}", *beside)
    by_path = tuple(one for one in beside if "=" in one)
    if source is not None:
        if streams(model):
            return Resolved(
                Weights("bucket", models=by_path, secret=source.secret),
                "given: source; the engine streams it at each start",
            )
        return Resolved(
            Weights("node", models=by_path, pull_secret=source.secret), "given: source; the node pulls the image"
        )
    if cache.mode == "none":
        return Resolved(Weights("engine", by_path), "cache.mode none: the engine downloads at each start")
    if not cache.pre_download:
        return Resolved(
            Weights("engine", by_path), "given: cache.preDownload false; the engine downloads what the cache lacks"
        )
    if cache.mode == "perReplica":
        return Resolved(
            Weights("pod", models), "each pod fills its replica's own claim and verifies it, then the engine is offline"
        )
    return Resolved(
        Weights("job", models), "a Job fills the cache and verifies it before a rollout; replicas start offline"
    )


def resolve_compile_cache(model: KubernetesModel, engine: EngineProcess) -> Resolved[str | None]:
    """The directory that keeps compiled kernels across restarts, where one can."""
    cache = model.cache
    if not engine.compile_cache_variables:
        return Resolved(None, f"{engine.title} has no compile cache that could be kept")
    if cache.mode == "none":
        return Resolved(None, "cache.mode none: nothing is kept")
    if len(model.gpu_types) > 1:
        return Resolved(None, "replicas may be on several GPU types, and kernels of one fit no other")
    if cache.mode != "perReplica" and model.scaling.max > 1:
        return Resolved(
            None,
            # vllm/compilation 0.33.0: vllm_compile_cache.py is written in place, and temporary files are named by a
            # process id, which is the same in each pod.
            "replicas that share a volume would read half-written files of one another; each compiles at its start",
        )
    return Resolved(
        f"{CACHE_PATH}/compile/{engine.name}-{engine.version}-{model.gpu_types[0]}",
        "kept with the weights, apart by engine version and GPU type, because it fits no other; one replica writes it",
    )
