"""Which pods have an engine behind them, what that engine is, and when it is told to end."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Literal

from blueprint.metrics import METRICS, emitted
from blueprint.monitoring.parts import PORTS
from lab.dataplane import faults
from lab.own_server import ENGINE

PART_OF = "app.kubernetes.io/part-of"
PROJECT = "llm-inference"

_DEFAULT_GRACE = 30
"""Kubernetes' own, in seconds."""
_MAX_NUM_SEQS = 256
_KEY_VARIABLES = ("VLLM_API_KEY", "API_KEY")
"""vLLM's, then TGI's and the own server's: vllm/envs.py; launcher/src/main.rs of text-generation-inference."""
_KEYS_FILE = "API_KEYS_FILE"
_FAILING = re.compile("lab-fails-([0-9]{1,3})")
"""A revision that is bad on purpose: an engine that serves it answers so many per cent of its requests with 500."""

Pod = Mapping[str, Any]
Variables = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class KeySource:
    """Where a pod has callers' keys from: a value, or an entry of a Secret.

    form: of the entry: the key itself, vLLM's YAML file, or a file with a key in each line.
    """

    value: str | None = None
    secret: str = ""
    entry: str = ""
    form: Literal["key", "yaml", "lines"] = "key"


@dataclass(frozen=True, kw_only=True)
class Served:
    """What a container is told. engine: name in the registry of engines; version: one whose metrics are known.

    fails: per cent of the requests that its revision makes it fail. fault: of faults.FAULTS, that its revision has.
    """

    engine: str
    version: str
    models: Sequence[str]
    max_model_len: int | None
    max_num_seqs: int
    fails: int = 0
    fault: str | None = None


@dataclass(frozen=True, kw_only=True)
class End:
    """The end of an engine, in the lab's time: seconds from deletion to SIGTERM, and from there to its own end.

    The pod is gone, and the engine killed, when the lab's drain time is over.
    """

    before_signal: float
    drain: float


def has_engine(pod: Pod) -> bool:
    """Whether a pod serves a model: it is this project's, has a port named http, and is no part of the monitoring."""
    labels = pod["metadata"].get("labels") or {}
    return labels.get(PART_OF) == PROJECT and engine_of(pod) not in PORTS and _serving(pod) is not None


def runs(pod: Pod) -> bool:
    """Whether a pod has a node, and is not at its end."""
    return bool(pod["spec"].get("nodeName")) and not pod["metadata"].get("deletionTimestamp")


def engine_of(pod: Pod) -> str:
    """Name of a pod's engine, or of the program of the monitoring that it runs; empty where no label says it."""
    return str((pod["metadata"].get("labels") or {}).get("app.kubernetes.io/name", ""))


def _version(pod: Pod) -> str:
    """The version that a pod's label says, else the newest of its engine whose metrics are known; empty without one."""
    engine = engine_of(pod)
    said = str((pod["metadata"].get("labels") or {}).get("app.kubernetes.io/version", ""))
    if emitted(engine, said):
        return said
    known = [version for metric in METRICS.get(engine, ()) for version in metric.versions]
    return known[-1] if known else ""


def ports(pod: Pod) -> Mapping[str, int]:
    """The ports of a pod's containers, by name."""
    listed = (port for container in pod["spec"]["containers"] for port in container.get("ports") or [])
    return {port.get("name", ""): port["containerPort"] for port in listed}


def ready_path(pod: Pod) -> tuple[int, str]:
    """Port and path by which the kubelet would ask whether a pod's one container is ready.

    Raises ValueError where it asks in another way.
    """
    (container,) = pod["spec"]["containers"]
    asked = (container.get("readinessProbe") or {}).get("httpGet")
    if asked is None:
        raise ValueError(f"container {container['name']} is not asked by HTTP whether it is ready")
    port = asked["port"]
    return (port if isinstance(port, int) else ports(pod)[port]), asked.get("path", "/")


def own_variables(pod: Pod) -> tuple[list[str], dict[str, str]]:
    """The ConfigMaps from which a pod's container has its variables, and those that it has in clear text."""
    container = _serving(pod) or {}
    maps = [source["configMapRef"]["name"] for source in container.get("envFrom") or [] if "configMapRef" in source]
    return maps, {item["name"]: item["value"] for item in container.get("env") or [] if item.get("value")}


def variables_of_fields(pod: Pod) -> Mapping[str, str]:
    """By variable of a pod's container, the path of the pod's field that it has the value of."""
    container = _serving(pod) or {}
    sources = {item["name"]: item.get("valueFrom") or {} for item in container.get("env") or []}
    return {name: source["fieldRef"]["fieldPath"] for name, source in sources.items() if "fieldRef" in source}


def served(pod: Pod, told: Variables = MappingProxyType({})) -> Served:
    """What the engine of a pod serves. told: its variables, where they say it."""
    arguments = _arguments(pod)
    engine = engine_of(pod)
    names = [told["SERVED_NAME"]] if told.get("SERVED_NAME") else []
    names = (
        names
        or _values(arguments, "--served-model-name")
        or _values(arguments, "--model-path", "--model-id", "--model")
    )
    if not names:
        words = [word for word in arguments if word not in ("vllm", "serve")]
        names = [words[0]] if words and not words[0].startswith("-") else [engine or "model"]
    return Served(
        engine=engine,
        version=_version(pod),
        models=names,
        max_model_len=_number(arguments, "--max-model-len", "--context-length", "--max-total-tokens"),
        max_num_seqs=_number(arguments, "--max-num-seqs", "--max-running-requests", "--max-concurrent-requests")
        or _MAX_NUM_SEQS,
        fails=_fails(arguments),
        fault=next(filter(None, map(faults.of, _values(arguments, "--revision"))), None),
    )


def end(pod: Pod, drain_seconds: float, told: Variables = MappingProxyType({})) -> End:
    """When the engine of a pod ends, where the lab keeps a deleted pod for drain_seconds.

    told: its variables, where one of them says how long it drains.

    The wait before SIGTERM covers the time until nobody sends requests any more. That takes as long in the lab as on a
    cluster, so it is not shortened in proportion, but leaves half to the drain, which is.
    """
    grace = float(pod["spec"].get("terminationGracePeriodSeconds") or _DEFAULT_GRACE)
    before = min(_pre_stop(pod), drain_seconds / 2)
    rest = drain_seconds - before
    own = _number(_arguments(pod), "--shutdown-timeout")
    if engine_of(pod) == ENGINE and told.get("DRAIN_SECONDS", "").isdigit():
        own = int(told["DRAIN_SECONDS"])
    if own is None:
        # vLLM aborts what is in flight; the others finish it: https://github.com/vllm-project/vllm/pull/36666
        return End(before_signal=before, drain=0.0 if engine_of(pod) == "vllm" else rest)
    after = max(grace - _pre_stop(pod), 1.0)
    return End(before_signal=before, drain=rest * min(1.0, own / after))


def key_sources(pod: Pod, told: Variables = MappingProxyType({})) -> list[KeySource]:
    """Where the keys of a pod's callers are from; none where anybody may call it. told: its variables."""
    container = _serving(pod) or {}
    sources = []
    for variable in container.get("env") or []:
        if variable["name"] not in _KEY_VARIABLES:
            continue
        reference = (variable.get("valueFrom") or {}).get("secretKeyRef")
        if reference:
            sources.append(KeySource(secret=reference["name"], entry=reference["key"]))
        elif variable.get("value"):
            sources.append(KeySource(value=variable["value"]))
    files = [_mounted(pod, container, path, "yaml") for path in _values(_arguments(pod), "--config")]
    if path := told.get(_KEYS_FILE):
        files.append(_mounted(pod, container, path, "lines"))
    return [*sources, *(source for source in files if source is not None)]


def _serving(pod: Pod) -> Mapping[str, Any] | None:
    for container in pod["spec"]["containers"]:
        if any(port.get("name") == "http" for port in container.get("ports") or []):
            return dict(container)
    return None


def _mounted(pod: Pod, container: Mapping[str, Any], path: str, form: Literal["yaml", "lines"]) -> KeySource | None:
    """The entry of a Secret that a container has at a path."""
    secrets = {item["name"]: item["secret"] for item in pod["spec"].get("volumes") or [] if "secret" in item}
    for mount in container.get("volumeMounts") or []:
        secret, inside = secrets.get(mount["name"]), path.removeprefix(mount["mountPath"].rstrip("/") + "/")
        if secret is None or (inside == path and path != mount["mountPath"]):
            continue
        wanted = mount.get("subPath") or inside
        entry = next((item["key"] for item in secret.get("items") or [] if item["path"] == wanted), wanted)
        return KeySource(secret=secret["secretName"], entry=entry, form=form)
    return None


def _pre_stop(pod: Pod) -> float:
    """Seconds of the hook before SIGTERM: of its sleep, or of a command that is one."""
    hook = ((_serving(pod) or {}).get("lifecycle") or {}).get("preStop") or {}
    if "sleep" in hook:
        return float(hook["sleep"]["seconds"])
    words = " ".join((hook.get("exec") or {}).get("command") or []).split()
    for word, following in pairwise(words):
        if word.endswith("sleep") and following.isdigit():
            return float(following)
    return 0.0


def _arguments(pod: Pod) -> list[str]:
    container = _serving(pod) or {}
    return [str(item) for item in [*(container.get("command") or []), *(container.get("args") or [])]]


def _values(arguments: Sequence[str], *flags: str) -> list[str]:
    """All values of the first of the flags that is there: `--flag a b` or `--flag=a`."""
    for flag in flags:
        for index, argument in enumerate(arguments):
            if argument.startswith(f"{flag}="):
                return [argument.partition("=")[2]]
            if argument == flag:
                values = []
                for value in arguments[index + 1 :]:
                    if value.startswith("-"):
                        break
                    values.append(value)
                return values
    return []


def _fails(arguments: Sequence[str]) -> int:
    found = (_FAILING.fullmatch(revision) for revision in _values(arguments, "--revision"))
    return next((min(int(match[1]), 100) for match in found if match), 0)


def _number(arguments: Sequence[str], *flags: str) -> int | None:
    values = _values(arguments, *flags)
    return int(values[0]) if values and values[0].isdigit() else None
