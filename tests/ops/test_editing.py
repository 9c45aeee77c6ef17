"""Edits of stack and lock files: one value changes, and nothing else in the text does."""

import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint.text import load
from ops.editing import EditError, model_keys, read_text, replace_texts, with_value, without

STACK = """\
# The first line.
config:
  llm-inference:cluster:   # where
    namespace: {name: "llm",   create: true} # inner

  llm-inference:models:
    # The small one.
    small:
      model: 'org/small'   # its name
      engine: {name: vllm, maxModelLen: 8192}

      # Kept for a while.
      scaling:
        min: 1   # never none
        # at night, too
        max: 4
    big:
      model: org/big
      revision: v1 # the good one
# The last line.
"""


def test_a_replaced_value_is_all_that_differs():
    edited = with_value(STACK, model_keys("big", "revision"), "v2")

    assert edited == STACK.replace("revision: v1 #", "revision: v2 #")


def test_a_new_key_goes_behind_its_neighbour():
    edited = with_value(STACK, model_keys("small", "revision"), "v2", after="model")

    assert edited == STACK.replace("# its name\n", "# its name\n      revision: v2\n")


def test_a_new_key_goes_last_before_the_comments_of_what_follows():
    edited = with_value(STACK, model_keys("big", "canary"), {"revision": "v2", "share": 10})

    assert edited == STACK.replace("# the good one\n", "# the good one\n      canary: {revision: v2, share: 10}\n")


def test_a_new_mapping_is_written_as_its_neighbours_are():
    edited = with_value(STACK, model_keys("small", "canary"), {"revision": "v2", "engine": {"maxNumSeqs": 8}})

    block = "      canary:\n        revision: v2\n        engine:\n          maxNumSeqs: 8\n"
    assert edited == STACK.replace("max: 4\n", f"max: 4\n{block}")


def test_a_key_goes_into_braces():
    edited = with_value(STACK, model_keys("small", "engine", "maxNumSeqs"), 8)

    assert edited == STACK.replace("maxModelLen: 8192}", "maxModelLen: 8192, maxNumSeqs: 8}")


@pytest.mark.parametrize(
    ("keys", "gone"),
    [
        (model_keys("big", "revision"), "      revision: v1 # the good one\n"),
        (model_keys("small", "engine", "name"), "name: vllm, "),
        (model_keys("small", "engine", "maxModelLen"), ", maxModelLen: 8192"),
        (model_keys("small", "scaling", "min"), "        min: 1   # never none\n"),
        (model_keys("small", "nothing"), ""),
    ],
)
def test_a_removed_key_takes_its_line_and_no_other(keys, gone):
    assert without(STACK, keys) == STACK.replace(gone, "")


def test_the_last_key_of_a_mapping_leaves_an_empty_one():
    text = "config:\n  a:\n    b: 1 # c\n  d: {e: f}\n"

    assert without(text, ("config", "a", "b")) == "config:\n  a:\n    {} # c\n  d: {e: f}\n"
    assert without(text, ("config", "d", "e")) == "config:\n  a:\n    b: 1 # c\n  d: {}\n"


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "a:\n", "a: {}\n", "a: # none\nb: 1", "b: 1"])
def test_what_is_missing_on_the_way_is_made(text):
    edited = with_value(text, ("a", "b", "c"), 1)

    assert load(edited) == {**(load(text) or {}), "a": {"b": {"c": 1}}}
    assert set(re.findall("#.*", text)) == set(re.findall("#.*", edited))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [1]\n", "a.b cannot be edited: b has no mapping around it but [1]"),
        ("a: {b: 1\n", "a.b cannot be edited: this is not YAML"),
        ("a: {b: 1, b: 2}\n", "stands twice"),
        ("c: &c {b: 1}\na: *c\n", "Edit it by hand"),
    ],
)
def test_what_would_change_more_is_refused(text, why):
    with pytest.raises(EditError) as refused:
        with_value(text, ("a", "b"), 2)
    assert why in refused.value.message


def test_files_change_together_or_not_at_all(tmp_path):
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_bytes(b"a: 1\r\nb: 2\r\n")
    two.write_text("a: 1\n")
    texts = {path: read_text(path) for path in (one, two)}
    changes = {path: (text, with_value(text, ("c",), 3)) for path, text in texts.items()}

    two.write_text("a: 2\n")
    with pytest.raises(EditError, match=r"two\.yaml was changed by somebody else"):
        replace_texts(changes)
    assert one.read_bytes() == b"a: 1\r\nb: 2\r\n"

    two.write_text("a: 1\n")
    replace_texts(changes)
    assert (one.read_bytes(), two.read_text()) == (b"a: 1\r\nb: 2\r\nc: 3\r\n", "a: 1\nc: 3\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.yaml", "two.yaml"]


NAMES = st.sampled_from(["a", "model", "llm-inference:models", "x/y@main", "on", "1", "k.l", "- odd", "#no", "ü"])
SCALARS = st.one_of(
    st.text(max_size=12), st.integers(), st.booleans(), st.none(), st.sampled_from(["1e3", "{a: b}", "a, b", "x: y #z"])
)
TREES = st.recursive(SCALARS, lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=10)
MAPPINGS = st.dictionaries(NAMES, TREES, min_size=1, max_size=4)


@st.composite
def texts(draw):
    """A file with comments at lines' ends and between lines, in block, brace or mixed form."""
    text = yaml.safe_dump(
        draw(MAPPINGS), default_flow_style=draw(st.sampled_from([None, True, False])), sort_keys=False, width=40
    )
    lines = []
    for number, line in enumerate(text.splitlines()):
        if draw(st.booleans()):
            lines.append(f"{' ' * draw(st.integers(0, 4))}# above {number}")
        lines.append(f"{line}  # beside {number}" if draw(st.booleans()) else line)
    commented = "\n".join([*lines, ""])
    try:
        same = load(commented) == load(text)
    except Exception:  # noqa: BLE001  a comment inside a string of several lines is none
        same = False
    return commented if same else text


def found(text, keys):
    """What stands at a place; Ellipsis where nothing does."""
    values = load(text)
    for key in keys:
        values = values.get(key, ...) if isinstance(values, dict) else ...
    return values


def comments(text):
    return re.findall(r"# (?:above|beside) \d+", text)


@st.composite
def cases(draw):
    """A text, and a place in it or beside what is in it."""
    text, keys = draw(texts()), []
    while isinstance(here := found(text, keys), dict) and (not keys or draw(st.booleans())):
        keys.append(draw(st.sampled_from([*here, "new"])))
    return text, tuple(keys)


@settings(deadline=None, max_examples=60)
@given(cases(), TREES)
def test_all_but_the_value_stays_byte_for_byte(case, value):
    text, keys = case
    before = found(text, keys)

    edited = with_value(text, keys, value)

    assert found(edited, keys) == value
    if not isinstance(before, dict):
        assert comments(edited) == comments(text)
    if before is ... and found(text, keys[:-1]):
        assert is_insertion(text, edited)
        assert load(without(edited, keys)) == load(text)


@settings(deadline=None, max_examples=60)
@given(cases())
def test_a_removal_takes_nothing_else(case):
    text, keys = case

    edited = without(text, keys)

    assert found(edited, keys) is ...
    assert load(edited) == removed(load(text), keys)
    assert [note for note in comments(text) if "above" in note and not isinstance(found(text, keys), dict)] == [
        note for note in comments(edited) if "above" in note and not isinstance(found(text, keys), dict)
    ]


def removed(values, keys):
    key, *rest = keys
    if key not in values:
        return values
    inner = {key: removed(values[key], rest)} if rest else {}
    return {**{other: value for other, value in values.items() if other != key}, **inner}


def is_insertion(text, edited):
    """Whether a text is another with something put in at one place."""
    head = next((at for at, pair in enumerate(zip(text, edited, strict=False)) if pair[0] != pair[1]), len(text))
    tail = len(text) - head
    return edited[:head] == text[:head] and (not tail or edited.endswith(text[head:]))


def test_a_replaced_mapping_keeps_the_comments_of_what_stays():
    edited = with_value(STACK, model_keys("small", "scaling"), {"max": 8, "signals": {"waiting": 2}})

    old = "        min: 1   # never none\n        # at night, too\n        max: 4\n"
    assert edited == STACK.replace(old, "        # at night, too\n        max: 8\n        signals: {waiting: 2}\n")
