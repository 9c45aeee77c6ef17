"""Answers of the simulated models that have to keep to a JSON schema."""

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.dataplane import faults
from lab.hub import simulation

SCHEMAS = st.recursive(
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "integer", "minimum": 3},
            {"type": "number"},
            {"type": "boolean"},
            {"type": ["null", "string"]},
            {"enum": ["a", 1]},
            {"const": "b c"},
        ]
    ),
    lambda inner: (
        st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 2))
        | st.builds(lambda schema: {"anyOf": [schema, {"type": "boolean"}]}, inner)
        | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3).map(
            lambda parts: {
                "type": "object",
                "properties": parts,
                "required": [*parts],
                "additionalProperties": False,
            }
        )
    ),
    max_leaves=6,
)


def body(form):
    return {"messages": [{"role": "user", "content": "hi"}], "response_format": form, "max_tokens": 10_000}


def schema_form(schema):
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}


@given(SCHEMAS)
def test_an_answer_keeps_to_the_schema(schema):
    answer = simulation.question("chat", body(schema_form(schema))).answer()

    jsonschema.validate(json.loads(answer.text), schema)


@pytest.mark.parametrize("form", [None, {"type": "text"}])
def test_without_a_schema_it_is_text(form):
    assert simulation.question("chat", body(form)).answer().text.endswith(" hi")


@pytest.mark.parametrize(
    "form",
    ["json", {}, {"type": "json_schema"}, schema_form([]), schema_form({"type": "colour"}), schema_form({"enum": []})],
)
def test_what_is_no_simple_schema_is_refused(form):
    with pytest.raises(ValueError, match="response_format: expected"):
        simulation.question("chat", body(form))


@pytest.mark.parametrize(
    ("revision", "says"),
    [("lab-silent", ""), ("lab-unstructured", "This is a simulated answer"), ("silent", "{}"), ("lab-x", "{}")],
)
def test_a_bad_revision_answers_badly(revision, says):
    question = simulation.question("chat", body(schema_form({"type": "object"})))

    assert faults.answer(question, faults.of(revision)).text[:26] == says
