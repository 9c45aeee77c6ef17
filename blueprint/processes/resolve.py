"""From a model's settings to the process that serves it, whichever engine it is."""

from collections.abc import Iterator, Sequence

from blueprint.description import Description
from blueprint.engines.process import EngineProcess
from blueprint.images import image_of
from blueprint.monitoring.tracing import sends_traces, traced
from blueprint.parallel import resolve_parallel
from blueprint.pins import pinned_image, pinned_revision
from blueprint.processes import custom, sglang, tgi, vllm
from blueprint.resources import Resolved
from blueprint.settings import KubernetesModel
from blueprint.settings.engine_custom import ClusterCustom
from blueprint.settings.engine_sglang import ClusterSglang
from blueprint.settings.engine_tgi import ClusterTgi
from blueprint.settings.engine_vllm import ClusterVllm


def resolve_engine(
    description: Description, model: KubernetesModel, *, name: str, revision: str, other_names: Sequence[str]
) -> EngineProcess:
    """The process of a model called name, at a commit of its repository. Of a description that passed its checks.

    other_names: what it answers to, too, where its engine takes several names.
    """
    engine = _untraced(description, model, name=name, revision=revision, other_names=other_names)
    collector = description.collector_name
    if collector is None or not sends_traces(description):
        return engine
    return traced(engine, name=name, collector=collector)


def _untraced(
    description: Description, model: KubernetesModel, *, name: str, revision: str, other_names: Sequence[str]
) -> EngineProcess:

    def pin(repository: str, wanted: str) -> str:
        return pinned_revision(description, repository, wanted).value

    engine, parallel = model.engine, resolve_parallel(model).value
    if isinstance(engine, ClusterVllm):
        return vllm.process(
            model, engine, name=name, revision=revision, parallel=parallel, other_names=other_names, pin=pin
        )
    if isinstance(engine, ClusterSglang):
        return sglang.process(model, engine, name=name, revision=revision, parallel=parallel, pin=pin)
    if isinstance(engine, ClusterTgi):
        return tgi.process(model, engine, name=name, revision=revision, pin=pin)
    named = image_of(description, model)
    image = named.tagged if named else engine.image or ""
    return custom.process(model, engine, name=name, revision=revision, image=image)


def served_name(name: str, model: KubernetesModel) -> str:
    """What clients call the model that the stack file calls name."""
    engine = model.engine
    return name if isinstance(engine, ClusterTgi) else engine.served_name or name


def resolve_image(description: Description, model: KubernetesModel, process: EngineProcess) -> Resolved[str]:
    """The image that runs: the stack file's own as written or named, the engine's as the lock has it."""
    named = image_of(description, model)
    if named is not None:
        return Resolved(named.reference.value, f"images.{named.name}: {named.reference.why}")
    if not isinstance(model.engine, ClusterVllm) and model.engine.image is not None:
        return Resolved(model.engine.image, "given: engine.image")
    return pinned_image(description, process.image)


def fetched_beside(description: Description, model: KubernetesModel, process: EngineProcess) -> Sequence[str]:
    """What has to be there beside the model before an engine starts offline, as the download takes it.

    An adapter is found at the path that the engine is given; a draft model in the cache, as the model itself.
    """
    paths = {(one.repository, one.revision): one.path for one in process.fetches}
    found = []
    for _, repository, revision in beside(model):
        pinned = pinned_revision(description, repository, revision).value
        path = paths.get((repository, pinned))
        found.append(f"{repository}@{pinned}" + (f"={path}" if path else ""))
    return found


def beside(model: KubernetesModel) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Repositories that an engine reads beside the model: key path below the model, repository, revision."""
    engine = model.engine
    if isinstance(engine, ClusterCustom):
        return
    for name, adapter in (engine.lora.adapters if engine.lora else {}).items():
        yield ("engine", "lora", "adapters", name), adapter.model, adapter.revision
    if not isinstance(engine, ClusterTgi) and engine.speculative is not None and engine.speculative.model is not None:
        yield ("engine", "speculative"), engine.speculative.model, engine.speculative.revision
