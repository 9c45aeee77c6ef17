"""llm-d beside the other settings: what its chart takes, where it comes from, and what is refused."""

import pytest

from tests.blueprint.llm_d_mistakes import LLM_D
from tests.blueprint.stack_files import PROD, edited, mistakes, resolve
from tests.support import PROJECT


def delivery(llm_d, **edits):
    stack = resolve(
        edited(PROD, {"models.m.llmD": llm_d, **{f"models.m.{key}": value for key, value in edits.items()}})
    )
    (workload,) = (item for item in stack.workloads if item.name == "m")
    return workload.llm_d


@pytest.mark.parametrize(
    ("chart", "expected"),
    [
        (
            {},
            ("llm-d-modelservice", "v0.4.12", "https://llm-d-incubation.github.io/llm-d-modelservice/"),
        ),
        (
            {"repository": "https://charts.example.com/llm-d", "version": "v0.4.12"},
            ("llm-d-modelservice", "v0.4.12", "https://charts.example.com/llm-d"),
        ),
        (
            {"repository": "oci://registry.example.com/charts/"},
            ("oci://registry.example.com/charts/llm-d-modelservice", "v0.4.12", None),
        ),
        ({"path": "charts/modelservice"}, ("charts/modelservice", None, None)),
    ],
)
def test_the_chart_comes_from_a_repository_a_registry_or_a_folder(chart, expected):
    found = delivery({"chart": chart}).value.chart
    assert (found.name, found.version, found.repository) == expected


@pytest.mark.parametrize(
    ("cache", "uri"),
    [
        ({"mode": "shared", "sizeGiB": 10}, "pvc://m-cache/huggingface"),
        ({"mode": "shared", "existingClaim": "weights"}, "pvc://weights/huggingface"),
        ({"mode": "none", "sizeGiB": 10}, "hf://Qwen/Qwen2.5-1.5B-Instruct"),
    ],
)
def test_the_cache_is_said_as_the_charts_uri(cache, uri):
    assert delivery({}, cache=cache).value.uri == uri


def test_a_model_without_llm_d_has_no_chart():
    assert resolve(PROD).workloads[0].llm_d is None


def test_explain_says_which_chart_and_why():
    assert delivery({}).why == "the newest version whose keys were read"
    assert delivery({"chart": {"version": "v0.4.12"}}).why == "given: llmD.chart.version"


@pytest.mark.parametrize(
    ("edit", "key", "problem"),
    [
        ({"scaling": {"min": 1, "max": 4}}, "scaling.min", "1 to 4 replicas need a scaler, and the chart writes"),
        ({"scaling": {"min": 0, "max": 1}}, "scaling.min", "0 to 1 replicas need a scaler"),
        ({"cache": {"mode": "perReplica", "sizeGiB": 10}}, "cache.mode", "the chart mounts one claim"),
        ({"cache": {"mode": "node", "sizeGiB": 10}}, "cache.mode", "the chart mounts one claim"),
    ],
)
def test_what_the_chart_cannot_take_is_refused_with_its_key(edit, key, problem):
    edits = {f"models.m.{name}": value for name, value in edit.items()}
    llm_d, without = (mistakes(edited(base, edits)) for base in (LLM_D, PROD))
    (found,) = (issue for issue in llm_d if issue not in without)
    assert ".".join(found.path) == f"models.m.{key}"
    assert problem in found.problem
    assert "or remove llmD" in found.remedy


def test_the_stack_that_is_broken_here_is_valid():
    assert mistakes(LLM_D) == []


def test_the_documented_example_resolves():
    text = (PROJECT.root / "docs" / "llm-d.md").read_text()
    assert "llmD: {}" in text
    assert "v0.4.12" in text
