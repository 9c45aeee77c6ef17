"""The engine's own comparison of property values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.engine import paths
from lab.engine.compare import compare, equal
from lab.engine.provider import DiffKind
from lab.engine.values import UNKNOWN, Secret
from tests.lab.engine.values import PROPERTY_MAPS


@given(PROPERTY_MAPS)
def test_nothing_differs_from_itself(value):
    assert compare(value, value) == {}


@given(PROPERTY_MAPS, PROPERTY_MAPS)
def test_the_differences_are_all_that_lies_between(old, new):
    """Doing what the differences say turns the old value into the new one. Backwards: deleted list items move up."""
    value = old
    for text, difference in reversed(compare(old, new).items()):
        path = paths.parse(text)
        if difference.kind is DiffKind.DELETE:
            value = paths.delete(value, path)
        else:
            value = paths.set_(value, path, paths.get(new, path))
    assert compare(value, new) == {}


@given(PROPERTY_MAPS, st.integers())
def test_a_secret_is_compared_as_a_whole(value, other):
    changed = {**value, "another": other}
    assert list(compare({"s": Secret(value)}, {"s": Secret(changed)})) == ["s"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (1, 1.0, True),
        (1, True, False),
        ("1", 1, False),
        (UNKNOWN, UNKNOWN, True),
        (UNKNOWN, "known", False),
        (Secret(1), 1, False),
        (Secret([True]), Secret([1]), False),
        ({"a": None}, {}, True),
        ([None], [], False),
    ],
)
def test_equality_is_pulumis(old, new, expected):
    assert equal(old, new) is expected


def test_every_difference_has_its_path_and_kind():
    old = {"gone": 1, "kept": 2, "list": [1, 2, 3], "nested": {"a/b": "x"}, "empty": None}
    new = {"kept": 2, "list": [1, 5], "nested": {"a/b": "y"}, "empty": 0}
    assert {path: str(difference.kind) for path, difference in compare(old, new).items()} == {
        "empty": "add",
        "gone": "delete",
        "list[1]": "update",
        "list[2]": "delete",
        'nested["a/b"]': "update",
    }
