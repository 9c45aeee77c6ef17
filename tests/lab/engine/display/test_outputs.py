"""Stack outputs, as the CLI prints them."""

import pytest

from lab.engine.display.outputs import render
from lab.engine.values import Secret
from lab.errors import LabError

OUTPUTS = {"plain": "a b", "models": {"qwen": "http://q", "key": Secret("hidden")}, "num": 3, "token": Secret("t0ken")}


def test_the_table_hides_secrets():
    assert (
        render(OUTPUTS)
        == """\
Current stack outputs (4):
    OUTPUT  VALUE
    models  {"key":"[secret]","qwen":"http://q"}
    num     3
    plain   a b
    token   [secret]"""
    )


def test_json_has_the_same():
    assert render({"b": Secret([1]), "a": {"x": None}}, as_json=True) == (
        '{\n  "a": {\n    "x": null\n  },\n  "b": "[secret]"\n}'
    )


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("plain", {}, "a b"),
        ("plain", {"as_json": True}, '"a b"'),
        ("num", {}, "3"),
        ("token", {}, "[secret]"),
        ("token", {"show_secrets": True}, "t0ken"),
        ("models", {"show_secrets": True}, '{"key":"hidden","qwen":"http://q"}'),
    ],
)
def test_one_output_is_bare_text(name, options, expected):
    assert render(OUTPUTS, name=name, **options) == expected


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(LabError, match=r"no output 'nope'. It has a, b\."):
        render({"b": 1, "a": 2}, name="nope")


def test_a_stack_without_outputs_says_so():
    assert render({}) == "No output values currently in this stack"
