"""What every engine resolves to: one process in a container, whatever its name and its flags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EngineProcess:
    """How one replica is run, reached and asked whether it lives.

    name: of the engine in the registry: vllm, sglang, tgi, custom. title: as its makers write it.
    image: repository and tag, without digest; images.lock.yaml has the digest.
    cuda_major: CUDA major of that image; None where it runs without a GPU's driver.
    port: of the inference API; metrics_port: of the metrics, which may be the same.
    environment: variables of this engine, without secrets and without those that every engine gets.
    user_id, home: the image's own user, as a number, and its writable home.
    compile_cache_variables: variables that name the directory of compiled kernels.
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
    compile_cache_variables: Sequence[str] = ()
