"""The process of a server of your own: its environment for one model."""

import re
from collections.abc import Mapping

from blueprint.engines.custom import (
    HEALTH_PATH,
    INFERENCE_PATHS,
    KEYS,
    METRICS_PATH,
    METRICS_PORT,
    OPTIONS,
    PORT,
    READY_PATH,
    SERVER_HOME,
    SERVER_USER,
    SERVER_VERSION,
)
from blueprint.engines.process import UNKNOWN_ENVIRONMENT, UNKNOWN_HOME, UNKNOWN_USER, EngineProcess
from blueprint.settings import KubernetesModel
from blueprint.settings.engine_custom import ClusterCustom
from blueprint.sources import served_from


def process(model: KubernetesModel, engine: ClusterCustom, *, name: str, revision: str, image: str) -> EngineProcess:
    """How a server of your own serves a model.

    name: the model's name in the stack file. revision: its commit. image: as it is known before it is built.
    """
    served, own = engine.served_name or name, engine.is_own_server
    return EngineProcess(
        name="custom",
        title="the custom server",
        version=SERVER_VERSION if own else _version(image),
        image=image,
        cuda_major=None,
        served_name=served,
        port=PORT,
        metrics_port=METRICS_PORT,
        health_path=HEALTH_PATH,
        ready_path=READY_PATH,
        metrics_path=METRICS_PATH,
        user_id=engine.user_id or (SERVER_USER if own else UNKNOWN_USER),
        home=SERVER_HOME if own else UNKNOWN_HOME,
        command=(),
        arguments=(),
        environment={
            **engine.environment,
            **(_options(engine) if own else {}),
            **UNKNOWN_ENVIRONMENT,
            "MODEL_ID": served_from(model) or model.model,
            "MODEL_REVISION": revision,
            "SERVED_NAME": served,
            "PORT": str(PORT),
            "METRICS_PORT": str(METRICS_PORT),
            "DRAIN_SECONDS": str(model.lifecycle.drain_seconds),
        },
        inference_paths=INFERENCE_PATHS,
        keys=KEYS if own else None,
    )


def _options(engine: ClusterCustom) -> Mapping[str, str]:
    """The settings of this project's server, as it is told them."""
    settings = engine.model_dump(by_alias=True)
    return {variable: str(settings[key]) for key, variable in OPTIONS.items() if settings[key] is not None}


def _version(image: str) -> str:
    """A label's value that tells the image from others: its tag, or the beginning of its digest."""
    tag = re.search(r":([A-Za-z0-9_.-]+)(@|$)", image.rpartition("/")[2].replace("@sha256:", "@"))
    found = tag.group(1) if tag else image.rpartition(":")[2][:12]
    return re.sub(r"[^A-Za-z0-9]+$", "", re.sub(r"^[^A-Za-z0-9]+", "", found[:63])) or "unknown"
