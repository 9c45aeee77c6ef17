"""Configuration that makes no sense at all: refused like any other, never a traceback."""

import sys
from collections.abc import Mapping
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from blueprint.issues import DescriptionError
from tests.blueprint.stack_files import ENDPOINTS, MODEL, PROD, edited, resolve

FULL = {
    "models.e.scaling": {"min": 0, "max": 1, "pendingRequests": 1.5},
    "models.e.environment": {"KEY": "value"},
    "models.e.secrets": {"HF_TOKEN": "hub-read"},
    "models.e.tags": ["search"],
    "models.e.route": {"domain": "llm.example.com", "path": "/v1"},
    "models.e.privateService": {"accountId": "123456789012", "region": "us-east-1"},
}

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
KNOWN_WORDS = st.sampled_from(
    [
        "cluster",
        "models",
        "m",
        "target",
        "kubernetes",
        "endpoint",
        "engine",
        "name",
        "custom",
        "cache",
        "accelerators",
        "nvidia-l4",
    ]
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = KNOWN_WORDS | st.text(max_size=5) | st.integers() | st.booleans()
    return st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4)


GARBAGE = st.recursive(SCALARS | KNOWN_WORDS, _nested, max_leaves=15)


@settings(max_examples=200, deadline=None)
@given(config=GARBAGE)
@example(config={"models": {"m": {"target": []}}})
@example(config={1: 2, None: None, "models": {3: {}}})
@example(config={"budget": {"monthlyUsd": 10**5000}})
@example(config={"[key]": None, "models": {"[key]": {"[key]": 1}}, "cluster": {"accelerators": {"[key]": 1}}})
def test_garbage_is_refused_and_never_crashes(config):
    _only_refuses(config)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_garbage_in_the_place_of_one_value_is_refused_and_never_crashes(data):
    """Deeper than garbage from scratch ever gets."""
    base = edited(PROD, {f"models.{name}": model for name, model in ENDPOINTS["models"].items()}, FULL)
    keys = sorted(_dotted(base))
    edits = data.draw(st.dictionaries(st.sampled_from(keys), GARBAGE, min_size=1, max_size=3))
    # The outermost first, so that an edit below another one replaces it or is lost in it.
    config = base
    for key in sorted(edits):
        *parents, last = key.split(".")
        at = config
        for parent in parents:
            at = at.get(parent, {}) if isinstance(at, dict) else {}
        if isinstance(at, dict):
            at[last] = edits[key]
    _only_refuses(config)


def test_a_file_that_refers_to_itself_is_refused():
    """YAML anchors can write it."""
    loop: dict[str, Any] = {}
    loop["models"] = loop
    loop["cluster"] = {"accelerators": loop, "namespace": loop}
    _only_refuses(loop)


def test_a_deep_file_is_refused():
    deep: Any = "x"
    for _ in range(5 * sys.getrecursionlimit()):
        deep = [deep]
    _only_refuses({"models": {"m": {**MODEL, "owner": deep}}, "deep": deep})


def _only_refuses(config: Any) -> None:
    try:
        resolve(config)
    except DescriptionError as error:
        lines = str(error).split("\n")
        assert len(lines) == 1 + len(error.issues)  # noqa: PT017  nothing raised is as good
        assert all(len(line) < 2000 for line in lines)


def _dotted(value: Mapping[str, Any], at: str = "") -> list[str]:
    below = [
        key for name, child in value.items() if isinstance(child, Mapping) for key in _dotted(child, f"{at}{name}.")
    ]
    return [f"{at}{name}" for name in value] + below
