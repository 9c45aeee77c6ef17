"""vLLM's process: its command line and environment for one model."""

import json
from collections.abc import Callable, Mapping, Sequence

from blueprint.engines.parallel import Parallel, vllm_arguments, vllm_worker_arguments
from blueprint.engines.process import EngineProcess
from blueprint.engines.vllm import (
    COMMAND,
    FACTS,
    HEALTH_PATH,
    HOME,
    INFERENCE_PATHS,
    KEYS,
    METRICS_PATH,
    PORT,
    USER_ID,
    VERSIONS,
)
from blueprint.processes.adapters import fetched
from blueprint.settings import KubernetesModel
from blueprint.settings.engine_vllm import ClusterVllm
from blueprint.sources import served_from, streams


def process(
    model: KubernetesModel,
    engine: ClusterVllm,
    *,
    name: str,
    revision: str,
    parallel: Parallel,
    other_names: Sequence[str],
    pin: Callable[[str, str], str],
) -> EngineProcess:
    """How vLLM serves a model.

    name: the model's name in the stack file. revision: its commit from the lock. other_names: what it answers to, too.
    pin: the commit of another repository.
    """
    version = VERSIONS[engine.version]
    served = engine.served_name or name
    fetches = fetched(engine.lora, pin)
    # One item per flag, so that a change shows as one changed item.
    arguments = [
        served_from(model) or model.model,
        # The tokenizer follows the model's revision by itself (vllm/config/model.py).
        *([] if served_from(model) else [f"--revision={revision}"]),
        # For s3:// and gs:// (vllm/transformers_utils/runai_utils.py); the image has the streamer (docker/Dockerfile).
        *(["--load-format=runai_streamer"] if streams(model) else []),
        "--served-model-name",
        # The first is the name in metrics; clients may use either.
        *dict.fromkeys([served, *other_names, model.model]),
        # The pod has one network interface; the probes and the Service reach it from outside the pod.
        "--host=0.0.0.0",
        f"--port={PORT}",
        *FACTS.render(engine.model_dump(by_alias=True)),
        *vllm_arguments(parallel),
        *_adapters({adapter: fetch.path for adapter, fetch in fetches.items()}),
        *_speculative(engine, pin),
        # Without it SIGTERM aborts every request in flight.
        f"--shutdown-timeout={model.lifecycle.drain_seconds}",
        *engine.extra_args,
    ]
    return EngineProcess(
        name="vllm",
        title=FACTS.title,
        version=engine.version,
        image=version.image,
        cuda_major=version.cuda_major,
        served_name=served,
        port=PORT,
        metrics_port=PORT,
        health_path=HEALTH_PATH,
        ready_path=HEALTH_PATH,
        metrics_path=METRICS_PATH,
        user_id=USER_ID,
        home=HOME,
        command=COMMAND,
        arguments=arguments,
        worker_arguments=vllm_worker_arguments(arguments) if parallel.nodes > 1 else (),
        environment={"VLLM_NO_USAGE_STATS": "1"},
        # Below it vLLM sets the directories of torch's inductor and of triton itself (vllm/compilation, 0.33.0).
        compile_cache_variables=("VLLM_CACHE_ROOT",),
        fetches=list(fetches.values()),
        inference_paths=INFERENCE_PATHS,
        keys=KEYS,
    )


def _adapters(paths: Mapping[str, str]) -> list[str]:
    if not paths:
        return []
    return ["--enable-lora", "--lora-modules", *(f"{name}={path}" for name, path in paths.items())]


def _speculative(engine: ClusterVllm, pin: Callable[[str, str], str]) -> list[str]:
    chosen = engine.speculative
    if chosen is None:
        return []
    config: dict[str, str | int] = {"method": chosen.method, "num_speculative_tokens": chosen.tokens}
    if chosen.model is not None:
        config |= {"model": chosen.model, "revision": pin(chosen.model, chosen.revision)}
    return [f"--speculative-config={json.dumps(config, sort_keys=True)}"]
