"""Hypothesis strategies for scaling: bounds, signals and speeds that belong together."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.engine_strategies import is_own_server

SIGNALS = ("inFlight", "waiting", "kvCache")


def some(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with any of these keys."""
    return st.fixed_dictionaries({}, optional=strategies)


def scales(model: Mapping[str, Any]) -> bool:
    """Whether a raw model has a scaler."""
    scaling = model.get("scaling", {})
    low, high = scaling.get("min", 1), scaling.get("max", 1)
    return bool(low == 0 or high > low)


@st.composite
def scaled(draw: st.DrawFn, model: Mapping[str, Any]) -> dict[str, Any]:
    """The model, or the same with a scaler up to its replicas."""
    most = model.get("scaling", {}).get("max", 1)
    low = draw(st.integers(0, most))
    if low == most:
        return dict(model)
    by = "keda" if low == 0 or not _known(model) else draw(st.sampled_from(["keda", "hpa"]))
    scaling = {"min": low, "max": most, "signals": draw(_signals(model, by, low))}
    if by == "hpa" or draw(st.booleans()):
        scaling["by"] = by
    speed = {"periodSeconds": st.integers(1, 1800), "stabilizationSeconds": st.integers(0, 3600)}
    scaling |= draw(some(up=some(pods=st.integers(1, 9), **speed), down=some(pods=st.integers(1, 9), **speed)))
    if by == "keda":
        replicas = st.integers(max(1, low), most)
        scaling |= draw(
            some(fallback=some(replicas=replicas, failures=st.integers(1, 100)), pollingSeconds=st.integers(1, 600))
        )
    elif draw(st.booleans()) and scaling["signals"].keys() <= {"inFlight", "cpuPercent"}:
        scaling["preset"] = "tutorial"
    if low == 0:
        startup = model.get("lifecycle", {}).get("startupMinutes", 30) * 60
        scaling |= draw(some(cooldownSeconds=st.integers(startup + 1, 86_400)))
    return {**model, "scaling": scaling}


def _known(model: Mapping[str, Any]) -> bool:
    """Whether it is known what a raw model's engine emits."""
    return model["engine"]["name"] in ("vllm", "sglang") or is_own_server(model)


@st.composite
def _signals(draw: st.DrawFn, model: Mapping[str, Any], by: str, low: int) -> dict[str, Any]:
    signals: dict[str, Any] = {}
    used = list(SIGNALS) if _known(model) else []
    if used and draw(st.booleans()):
        used = signals["use"] = draw(st.lists(st.sampled_from(SIGNALS), min_size=1, unique=True))
    engine = model["engine"]
    default = 64 if engine["name"] == "custom" else 256
    most = engine.get("maxNumSeqs" if engine["name"] == "vllm" else "maxRunningRequests", default)
    targets = {
        "inFlight": st.integers(1, most),
        "waiting": st.integers(1, 1000),
        "kvCache": st.integers(1, 900).map(lambda thousandths: thousandths / 1000),
    }
    signals |= draw(some(**{signal: targets[signal] for signal in used}))
    if by == "hpa":
        signals |= draw(some(cpuPercent=st.integers(1, 100)))
    elif low == 0 or not used or draw(st.booleans()):
        signals["external"] = draw(_queues())
    return signals


def _queues() -> st.SearchStrategy[dict[str, Any]]:
    queries = st.sampled_from(["sum(gateway_queue)", 'max(queue_size{model="m", pool=~"a|b"}) or vector(0)'])
    return st.fixed_dictionaries({"name": st.just("httpAddOn"), "route": st.just("m")}) | st.fixed_dictionaries(
        {"name": st.just("prometheus"), "query": queries}, optional={"target": st.sampled_from([0.5, 1.0, 20.0])}
    )


def prometheus_addresses() -> st.SearchStrategy[str]:
    """Where KEDA may ask."""
    return st.sampled_from(["http://prometheus.monitoring:9090", "https://thanos-query.example.com/prefix"])
