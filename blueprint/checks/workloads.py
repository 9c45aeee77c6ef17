"""One model on the cluster's GPUs: parts that contradict each other."""

from collections.abc import Iterator

from blueprint.accelerators import ACCELERATORS
from blueprint.description import Description
from blueprint.engines import VLLM_VERSIONS
from blueprint.issues import Issue, KeyPath
from blueprint.resources import memory_gib, shm_gib
from blueprint.settings import KubernetesModel


def check(description: Description) -> Iterator[Issue]:
    """Mistakes inside the description of each model with target: kubernetes."""
    cluster = description.settings.cluster
    for name, model in description.kubernetes_models():
        path = ("models", name)
        yield from _engine(path, model)
        if cluster is not None:
            yield from _accelerator(path, model, list(cluster.accelerators))
        yield from _scaling(path, model)
        yield from _cache(path, model)
        yield from _memory(path, model)
        yield from _expose(path, model)
        if model.owner is None and not description.in_lab:
            yield Issue(
                path=(*path, "owner"),
                problem="this key is missing, and the stack is not the lab",
                remedy="Name the team that is called at night about this model.",
                reads=(("cluster", "context"), ("cluster", "id")),
            )


def _engine(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    if model.engine.version not in VLLM_VERSIONS:
        yield Issue(
            path=(*path, "engine", "version"),
            problem=f"vLLM {model.engine.version} is not in the engine registry",
            remedy=f"Use {', '.join(VLLM_VERSIONS)}. CONTRIBUTING.md says how to add a version.",
        )


def _accelerator(path: KeyPath, model: KubernetesModel, declared: list[str]) -> Iterator[Issue]:
    choice = model.accelerator
    if choice.type not in declared:
        known = "" if choice.type in ACCELERATORS else " nor known to the accelerator registry"
        yield Issue(
            path=(*path, "accelerator", "type"),
            problem=f"{choice.type!r} is not declared under cluster.accelerators{known}",
            remedy=f"Use {' or '.join(declared)}, or declare it there with what is available.",
            reads=(("cluster", "accelerators"),),
        )
    elif choice.type in ACCELERATORS and choice.count > ACCELERATORS[choice.type].max_per_node:
        yield Issue(
            path=(*path, "accelerator", "count"),
            problem=f"no machine carries {choice.count} {choice.type}",
            remedy=f"Use at most {ACCELERATORS[choice.type].max_per_node}.",
        )


def _scaling(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    low, high = model.scaling.min, model.scaling.max
    if low > high:
        yield Issue(
            path=(*path, "scaling", "min"),
            problem=f"{low} is above scaling.max, {high}",
            remedy=f"Use min: {high} or less, or max: {low} or more.",
            reads=((*path, "scaling", "max"),),
        )


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


def _memory(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    shm, memory = shm_gib(model), memory_gib(model)
    if shm.value >= memory.value:
        # Shared memory that follows from the GPU count is nothing that somebody wrote.
        key = "shmGiB" if model.resources.shm_gib is not None else "memoryGiB"
        yield Issue(
            path=(*path, "resources", key),
            problem=f"shared memory of {shm.value} GiB counts as memory and leaves nothing of {memory.value} GiB",
            remedy=f"Use shmGiB below {memory.value}, or memoryGiB above {shm.value}.",
            reads=((*path, "resources"), (*path, "accelerator")),
        )


def _expose(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    expose = model.expose
    if expose is None:
        return
    if expose.auth == "none" and not expose.allow_public:
        yield Issue(
            path=(*path, "expose", "auth"),
            problem=f"none lets anybody who finds {expose.host} use the GPUs",
            remedy="Use engineKey or gateway, or confirm with allowPublic: true.",
            reads=((*path, "expose", "allowPublic"),),
        )
    if expose.auth != "none" and expose.allow_public:
        yield Issue(
            path=(*path, "expose", "allowPublic"),
            problem=f"true contradicts auth: {expose.auth}",
            remedy="Remove allowPublic.",
            reads=((*path, "expose", "auth"),),
        )
    if expose.auth == "engineKey" and expose.tls_secret is None:
        yield Issue(
            path=(*path, "expose", "tlsSecret"),
            problem="this key is missing, and engine keys would travel in clear text",
            remedy="Name the Secret that holds the certificate of the host.",
            reads=((*path, "expose", "auth"),),
        )
