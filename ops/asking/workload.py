"""The way to a model on Kubernetes: the lab's data plane, the model's own host, or a port-forward."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from blueprint.description import LAB_ID
from blueprint.settings import Cluster
from blueprint.workload import Workload
from ops.asking.targets import Target
from ops.cluster.forwarding import forwarded
from ops.cluster.lab import ADDRESSES, services
from ops.endpoints.outcome import NotSoError, UnusableError

ENGINE_KEY = "LLM_ENGINE_KEY"
"""Environment variable with a key that the engine accepts."""

_ENGINES = {"vllm": "vLLM", "sglang": "sGLang"}
"""Engine of the settings -> what the Inference Endpoints API calls it, as `Target.engine` has it."""


@contextlib.contextmanager
def workload_target(workload: Workload, cluster: Cluster, settings: Mapping[str, Any]) -> Iterator[Target]:
    """A model on a cluster, for as long as the way to it is open. settings: the model's, of the stack file.

    Raises NotSoError when there is no way, UnusableError when it takes something that is not set.
    """
    expose = settings.get("expose") or {}
    key = engine_key()
    if expose.get("auth") == "engineKey" and key is None:
        raise UnusableError(f"{workload.name} takes requests with a key alone: set {ENGINE_KEY} to one of its keys.")
    engine = (settings.get("engine") or {}).get("name", "vllm")

    def target(url: str) -> Target:
        return Target(
            name=workload.name,
            url=url,
            openai_url=f"{url}/v1",
            engine=_ENGINES.get(engine, engine),
            model=None,
            token=key,
            refused=f"{ENGINE_KEY} needs one of the engine's keys.",
            may_sleep=False,
            awake=True,
        )

    if not in_lab(cluster) and expose.get("auth") in ("engineKey", "none"):
        yield target(f"https://{expose['host']}")
    else:  # not exposed, or behind a gateway that asks for what we do not have
        with service_url(workload, cluster) as url:
            yield target(url)


@contextlib.contextmanager
def service_url(workload: Workload, cluster: Cluster) -> Iterator[str]:
    """Where a model's Service is reached from here, for as long as the way is open.

    Raises NotSoError when there is no way, UnusableError when it takes something that is not there.
    """
    if in_lab(cluster):
        yield _in_lab(workload, cluster)
        return
    way = forwarded(
        workload.name,
        context=cluster.context,
        namespace=cluster.namespace.name,
        to=f"service/{workload.object_name}",
        port=80,
    )
    with way as port:
        yield f"http://127.0.0.1:{port}"


def engine_key() -> str | None:
    """The key that the environment has for engines; None without one."""
    return os.environ.get(ENGINE_KEY, "").strip() or None


def in_lab(cluster: Cluster) -> bool:
    """Whether a cluster is this machine's lab."""
    return cluster.context == cluster.id == LAB_ID


def _in_lab(workload: Workload, cluster: Cluster) -> str:
    name = f"{cluster.namespace.name}/{workload.object_name}"
    known = services()
    if known is None:
        raise UnusableError(
            f"{workload.name} is in the lab, and {ADDRESSES}, which says where, is not set. `make lab` starts the lab, "
            f"and `make chat MODEL={workload.name}` sets it."
        )
    if name not in known:
        raise NotSoError(f"{workload.name}: the lab has no Service {name}. `make up` makes it.")
    return known[name]
