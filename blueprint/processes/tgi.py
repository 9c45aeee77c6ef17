"""The process of Text Generation Inference: its command line and environment for one model."""

from collections.abc import Callable, Mapping

from blueprint.engines.process import UNKNOWN_ENVIRONMENT, UNKNOWN_HOME, UNKNOWN_USER, EngineProcess
from blueprint.engines.tgi import COMMAND, FACTS, HEALTH_PATH, INFERENCE_PATHS, METRICS_PATH, PORT, PYTHON, VERSIONS
from blueprint.processes.adapters import fetched
from blueprint.settings import KubernetesModel
from blueprint.settings.engine_tgi import ClusterTgi
from blueprint.sources import served_from


def process(
    model: KubernetesModel, engine: ClusterTgi, *, name: str, revision: str, pin: Callable[[str, str], str]
) -> EngineProcess:
    """How TGI serves a model.

    name: the model's name in the stack file. revision: its commit from the lock. pin: the commit of another repository.
    """
    version = VERSIONS[engine.version]
    fetches = fetched(engine.lora, pin)
    return EngineProcess(
        name="tgi",
        title=FACTS.title,
        version=engine.version,
        image=engine.image or version.image,
        cuda_major=version.cuda_major if engine.image is None else None,
        # It has no name of its own for a model, and takes any from a client (router/src/server.rs).
        served_name=name,
        port=PORT,
        metrics_port=PORT,
        health_path=HEALTH_PATH,
        ready_path=HEALTH_PATH,
        metrics_path=METRICS_PATH,
        user_id=engine.user_id or UNKNOWN_USER,
        home=UNKNOWN_HOME,
        command=COMMAND,
        arguments=[
            f"--model-id={served_from(model) or model.model}",
            *([] if served_from(model) else [f"--revision={revision}"]),
            "--hostname=0.0.0.0",
            f"--port={PORT}",
            *FACTS.render(engine.model_dump(by_alias=True)),
            *parallel_arguments(tensor=model.gpus_per_pod, pipeline=1, nodes=1),
            *_adapters({adapter: fetch.path for adapter, fetch in fetches.items()}),
            f"--graceful-termination-timeout={model.lifecycle.drain_seconds}",
            "--usage-stats=off",
            *engine.extra_args,
        ],
        environment={
            **UNKNOWN_ENVIRONMENT,
            # The launcher has no flag for it, and reads this (launcher/src/main.rs, resolve_attention).
            **({} if engine.prefix_caching is None else {"PREFIX_CACHING": str(engine.prefix_caching).lower()}),
        },
        fetches=list(fetches.values()),
        python=PYTHON,
        inference_paths=INFERENCE_PATHS,
    )


def parallel_arguments(*, tensor: int, pipeline: int, nodes: int) -> list[str]:
    """How the model is spread: over GPUs that share each layer. TGI has neither stages nor several nodes."""
    if pipeline > 1 or nodes > 1:
        raise ValueError("Text Generation Inference spreads a model over the GPUs of one node only")
    # Without it TGI takes all GPUs that it sees, which is the same until somebody shares them.
    return [f"--num-shard={tensor}"]


def _adapters(paths: Mapping[str, str]) -> list[str]:
    if not paths:
        return []
    return [f"--lora-adapters={','.join(f'{name}={path}' for name, path in paths.items())}"]
