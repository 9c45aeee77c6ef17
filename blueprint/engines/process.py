"""What every engine resolves to: one process in a container, whatever its name and its flags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ADAPTERS = "/cache/adapters"
"""Where adapters lie that an engine reads from a path: beside the weights, in the same volume."""

UNKNOWN_USER = 1000
"""User of an image that nobody said more about: any but root. Only the lab takes it."""

UNKNOWN_HOME = "/home/engine"
"""Home of a user that the image does not know: an empty directory of the pod."""

UNKNOWN_ENVIRONMENT = {"USER": "engine"}
"""torch asks getpass.getuser() for a name, which reads this before it dies on an id that /etc/passwd lacks."""


@dataclass(frozen=True, kw_only=True)
class Fetch:
    """A repository that has to lie at a path before the engine starts, because the engine takes no revision of it.

    revision: the commit from the lock. path: a directory of the cache that only this revision uses.
    """

    repository: str
    revision: str
    path: str


@dataclass(frozen=True, kw_only=True)
class KeyInput:
    """How an engine is told the keys that its callers may use: by one of the three, never in its arguments.

    several: whether more than one is valid at a time, so that callers change to a new key before the old one ends.
    config_flag: names a YAML file with the engine's further arguments, among them ``api-key``.
    variable: environment variable of the one key.
    keys_variable: environment variable that names a file with the keys, one a line.
    """

    several: bool
    config_flag: str | None = None
    variable: str | None = None
    keys_variable: str | None = None


@dataclass(frozen=True, kw_only=True)
class EngineProcess:
    """How one replica is run, reached and asked whether it lives.

    name: of the engine in the registry: vllm, sglang, tgi, custom. title: as its makers write it.
    image: repository and tag, without digest: images.lock.yaml has it; or the stack file's own image or its name, as
        written.
    cuda_major: CUDA major of that image; None where it is not known, or the process needs no GPU.
    served_name: what clients call the model, and what its metrics say.
    port: of the inference API; metrics_port: of the metrics, which may be the same.
    health_path: answers 200 while the process works; ready_path: while it wants requests. Neither asks for a key.
    environment: variables of this engine, without secrets and without those that every engine gets.
    arguments: of the process that answers requests; worker_arguments: of those on the other nodes of a replica that
        spans several, which answer none.
    user_id, home: the image's own user, as a number, and its writable home.
    command: what runs in place of the image's entry point; empty where that one runs.
    fetches: what has to be fetched beside the model, with the interpreter python, which has huggingface_hub.
    inference_paths: what callers outside the cluster may ask for. Everything else (metrics, health, administration,
        documentation) stays inside.
    keys: how it takes callers' keys, all of which must guard every one of inference_paths; None where it takes none.
    compile_cache_variables: variables that name the directory of compiled kernels.
    """

    name: str
    title: str
    version: str
    image: str
    cuda_major: int | None
    served_name: str
    port: int
    metrics_port: int
    health_path: str
    ready_path: str
    metrics_path: str
    user_id: int
    home: str
    command: Sequence[str]
    arguments: Sequence[str]
    worker_arguments: Sequence[str] = ()
    environment: Mapping[str, str]
    fetches: Sequence[Fetch] = ()
    python: str = "python3"
    inference_paths: Sequence[str]
    keys: KeyInput | None = None
    compile_cache_variables: Sequence[str] = ()

    @property
    def metrics_port_name(self) -> str:
        """What the container calls the port with the metrics."""
        return "http" if self.metrics_port == self.port else "metrics"
