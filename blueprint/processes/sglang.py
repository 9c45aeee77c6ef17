"""SGLang's process: its command line for one model."""

from collections.abc import Callable, Mapping

from blueprint.engines.parallel import Parallel, sglang_arguments
from blueprint.engines.process import UNKNOWN_ENVIRONMENT, UNKNOWN_HOME, UNKNOWN_USER, EngineProcess
from blueprint.engines.sglang import COMMAND, FACTS, HEALTH_PATH, INFERENCE_PATHS, METRICS_PATH, PORT, VERSIONS
from blueprint.processes.adapters import fetched
from blueprint.settings import KubernetesModel
from blueprint.settings.engine_sglang import ClusterSglang
from blueprint.sources import served_from


def process(
    model: KubernetesModel,
    engine: ClusterSglang,
    *,
    name: str,
    revision: str,
    parallel: Parallel,
    pin: Callable[[str, str], str],
) -> EngineProcess:
    """How SGLang serves a model.

    name: the model's name in the stack file. revision: its commit from the lock. pin: the commit of another repository.
    """
    version = VERSIONS[engine.version]
    served = engine.served_name or name
    fetches = fetched(engine.lora, pin)
    arguments = [
        # Else it looks at the Hub, at no certain revision, whether the model makes pictures (sglang/cli/serve.py).
        "--model-type=llm",
        f"--model-path={served_from(model) or model.model}",
        *([] if served_from(model) else [f"--revision={revision}"]),
        f"--served-model-name={served}",
        "--host=0.0.0.0",
        f"--port={PORT}",
        # Without it there are none.
        "--enable-metrics",
        *FACTS.render(engine.model_dump(by_alias=True)),
        *sglang_arguments(parallel),
        *_adapters({adapter: fetch.path for adapter, fetch in fetches.items()}),
        *_draft(engine, pin),
        *engine.extra_args,
    ]
    return EngineProcess(
        name="sglang",
        title=FACTS.title,
        version=engine.version,
        image=engine.image or version.image,
        cuda_major=version.cuda_major if engine.image is None else None,
        served_name=served,
        port=PORT,
        metrics_port=PORT,
        health_path=HEALTH_PATH,
        ready_path=HEALTH_PATH,
        metrics_path=METRICS_PATH,
        user_id=engine.user_id or UNKNOWN_USER,
        home=UNKNOWN_HOME,
        command=COMMAND,
        arguments=arguments,
        worker_arguments=arguments if parallel.nodes > 1 else (),
        environment=UNKNOWN_ENVIRONMENT,
        fetches=list(fetches.values()),
        inference_paths=INFERENCE_PATHS,
    )


def _adapters(paths: Mapping[str, str]) -> list[str]:
    if not paths:
        return []
    return ["--enable-lora", "--lora-paths", *(f"{name}={path}" for name, path in paths.items())]


def _draft(engine: ClusterSglang, pin: Callable[[str, str], str]) -> list[str]:
    chosen = engine.speculative
    if chosen is None or chosen.model is None:
        return []
    return [
        f"--speculative-draft-model-path={chosen.model}",
        f"--speculative-draft-model-revision={pin(chosen.model, chosen.revision)}",
    ]
