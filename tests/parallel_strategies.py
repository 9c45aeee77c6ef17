"""Hypothesis strategies for parallelism: any division that a model may be given."""

import re
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from blueprint.parallel import MULTI_NODE_ENGINES, divisions
from tests.scaling_strategies import scales


@st.composite
def divided(draw: st.DrawFn, model: Mapping[str, Any]) -> dict[str, Any]:
    """A valid model, divided in a way that its GPUs, and its cache, allow; perhaps with KV cache in memory."""
    result = dict(model)
    engine = model["engine"]["name"]
    if engine not in MULTI_NODE_ENGINES:
        return result
    count = model["accelerator"].get("count", 1)
    cache = model.get("cache", {})
    several = (
        cache.get("accessMode") != "ReadWriteOnce"
        and cache.get("mode") not in ("perReplica", "node")
        and not scales(model)
    )
    nodes = draw(st.integers(1, 3)) if several else 1
    parallel: dict[str, Any] = {"nodes": nodes} if nodes > 1 or draw(st.booleans()) else {}
    tensor, pipeline = draw(st.sampled_from(divisions(count, nodes)))
    if (tensor, pipeline) != (count, nodes) or draw(st.booleans()):
        parallel |= {"tensor": tensor, "pipeline": pipeline}
    if parallel or draw(st.booleans()):
        result["parallel"] = parallel
    if engine == "vllm" and not {"memoryGiB", "shmGiB"} & model.get("resources", {}).keys() and draw(st.booleans()):
        result["engine"] = {**model["engine"], "kvOffloadGiB": draw(st.integers(1, 1000))}
    return result


def gpus_of_replica(model: Mapping[str, Any]) -> int:
    """GPUs of one replica of a raw model."""
    if "accelerator" not in model:
        return 0
    return int(model["accelerator"].get("count", 1) * model.get("parallel", {}).get("nodes", 1))


def groups_clash(models: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a raw model has the live name of another one's group."""
    live = {(model.get("formerly") or [name])[0]: model for name, model in models.items()}
    groups = [re.escape(name) for name, model in live.items() if model.get("parallel", {}).get("nodes", 1) > 1]
    return any(re.fullmatch(rf"{group}-\d+", name) for group in groups for name in live)
