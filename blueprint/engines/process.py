"""What every engine resolves to: one process in a container, whatever its name and its flags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class KeyInput:
    """How an engine is told the keys that its callers may use: by one of the two, never in its arguments.

    several: whether more than one is valid at a time, so that callers change to a new key before the old one ends.
    config_flag: names a YAML file with the engine's further arguments, among them ``api-key``.
    variable: environment variable of the one key.
    """

    several: bool
    config_flag: str | None = None
    variable: str | None = None


@dataclass(frozen=True, kw_only=True)
class EngineProcess:
    """How one replica is run, reached and asked whether it lives.

    name: of the engine in the registry: vllm, sglang, tgi, custom. title: as its makers write it.
    image: repository and tag, without digest; images.lock.yaml has the digest.
    cuda_major: CUDA major of that image; None where it runs without a GPU's driver.
    port: of the inference API; metrics_port: of the metrics, which may be the same.
    environment: variables of this engine, without secrets and without those that every engine gets.
    user_id, home: the image's own user, as a number, and its writable home.
    inference_paths: what callers outside the cluster may ask for. Everything else (metrics, health, administration,
        documentation) stays inside.
    keys: how it takes callers' keys, all of which must guard every one of inference_paths; None where it takes none.
    """

    name: str
    title: str
    version: str
    image: str
    cuda_major: int | None
    port: int
    metrics_port: int
    health_path: str
    metrics_path: str
    user_id: int
    home: str
    command: Sequence[str]
    arguments: Sequence[str]
    environment: Mapping[str, str]
    inference_paths: Sequence[str]
    keys: KeyInput | None
