"""Hypothesis strategies for models that llm-d delivers."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from blueprint.llm_d import CHART


def deliverable(model: Mapping[str, Any]) -> bool:
    """Whether the chart can take a raw model: vLLM, a fixed number of replicas, one claim or none."""
    scaling = model.get("scaling", {})
    fixed = scaling.get("min", 1) == scaling.get("max", 1)
    one_place = model.get("cache", {}).get("mode", "shared") in ("shared", "none")
    one_node = model.get("parallel", {}).get("nodes", 1) == 1 and "source" not in model
    return fixed and one_place and one_node and model["engine"]["name"] == "vllm"


def llm_d() -> st.SearchStrategy[dict[str, Any]]:
    """Valid values of llmD."""
    fetched = st.fixed_dictionaries(
        {},
        optional={
            "repository": st.sampled_from(
                ["https://charts.example.com/llm-d", "oci://registry.example.com:5000/llm-d"]
            ),
            "version": st.sampled_from(CHART.versions),
        },
    )
    local = st.fixed_dictionaries({"path": st.sampled_from(["chart", "charts/modelservice", "charts/m-v0.4.12.tgz"])})
    return st.fixed_dictionaries({}, optional={"chart": fetched | local})
