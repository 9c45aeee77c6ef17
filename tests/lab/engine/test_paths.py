"""Property paths: Pulumi's syntax, and Pulumi's rules for what is ignored."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.engine import paths
from lab.engine.paths import WILDCARD
from lab.engine.values import Secret

# Pulumi does not escape backslashes, so that it cannot name a key that ends with one.
KEYS = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda key: not key.endswith("\\"))
PATHS = st.lists(KEYS | st.integers(0, 99), max_size=6)


@given(PATHS)
def test_a_printed_path_is_read_back(path):
    assert paths.parse(paths.to_text(path)) == path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("spec.containers[0].args[7]", ["spec", "containers", 0, "args", 7]),
        ('metadata.labels["a/b"]', ["metadata", "labels", "a/b"]),
        ('metadata.annotations["say \\"hi\\""].x', ["metadata", "annotations", 'say "hi"', "x"]),
        ("spec.ports[*].nodePort", ["spec", "ports", WILDCARD, "nodePort"]),
        ("*", [WILDCARD]),
        ("app-name", ["app-name"]),
        ('["root key"][100]', ["root key", 100]),
        ("old.[0]", ["old", 0]),
        ("", []),
    ],
)
def test_paths_are_read_as_pulumi_does(text, path):
    assert paths.parse(text) == path


@pytest.mark.parametrize("text", [".a", "a.", "a..b", "a[", "a[x]", "a[-1]", 'a["b]'])
def test_what_is_no_path_is_refused(text):
    with pytest.raises(ValueError, match="is no property path"):
        paths.parse(text)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("spec", "spec.replicas", True),
        ("spec.replicas", "spec", False),
        ("spec.ports[*].name", "spec.ports[3].name", True),
        ("spec.ports[*].name", "spec.ports[3].port", False),
        ("*", "anything[0]", True),
        ("a[1]", "a[10]", False),
    ],
)
def test_a_pattern_names_what_lies_under_it(pattern, path, expected):
    assert paths.matches(paths.parse(pattern), paths.parse(path)) is expected


def test_a_part_of_a_secret_is_secret():
    assert paths.get({"a": Secret({"b": [1, 2]})}, ["a", "b", 1]) == Secret(2)
    assert paths.set_({"a": Secret({"b": 1})}, ["a", "b"], 2) == {"a": Secret({"b": 2})}


def test_what_is_not_there_is_the_default():
    assert paths.get({"a": Secret([1])}, ["a", 1], "nothing") == "nothing"


@given(PATHS.filter(bool))
def test_what_is_set_is_there_and_what_is_deleted_is_not(path):
    value = paths.set_(None, path, "here")
    assert paths.get(value, path) == "here"
    assert paths.get(paths.delete(value, path), path, "gone") == "gone"


RESETS: list[tuple[str, Any, Any, Any]] = [  # path, old, new, expected
    ("spec.replicas", {"spec": {"replicas": 3}}, {"spec": {"replicas": 1, "x": 2}}, {"spec": {"replicas": 3, "x": 2}}),
    ("spec.replicas", {"spec": {"replicas": 3}}, {"spec": {}}, {"spec": {"replicas": 3}}),
    ("spec.replicas", {"spec": {}}, {"spec": {"replicas": 1}}, {"spec": {}}),
    ("spec.replicas", {}, {"spec": {"replicas": 1}}, {"spec": {"replicas": 1}}),
    (
        "ports[*].node",
        {"ports": [{"node": 1}, {"node": 2}]},
        {"ports": [{}, {}]},
        {"ports": [{"node": 1}, {"node": 2}]},
    ),
    ("ports[1]", {"ports": [1]}, {"ports": [1, 2]}, {"ports": [1, 2]}),
    ("*", {"a": 1, "b": 2}, {"b": 3, "c": 4}, {"a": 1, "b": 2}),
    ("a.*", {"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ("a.b", {"a": Secret({"b": 1})}, {"a": {"b": 2}}, {"a": {"b": Secret(1)}}),
    ("a.b", {"a": Secret({"b": 1})}, {"a": Secret({"b": 2})}, {"a": Secret({"b": 1})}),
]


@pytest.mark.parametrize(("path", "old", "new", "expected"), RESETS)
def test_an_ignored_property_is_as_it_was(path, old, new, expected):
    before = repr(new)
    assert paths.reset(new, old, paths.parse(path)) == expected
    assert repr(new) == before
