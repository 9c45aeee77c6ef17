"""Inputs in the form that the state keeps, which the real provider would have given them."""

import base64

import pytest

from lab.engine.cluster.diff import difference
from lab.engine.cluster.forms import dashed, normalized, underscored
from lab.engine.values import UNKNOWN, Secret

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
HUSH = base64.b64encode(b"hush").decode()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"stringData": {"t": Secret("hush")}}, {"data": {"t": Secret(HUSH)}}),
        ({"stringData": Secret({"t": "hush"})}, {"data": Secret({"t": HUSH})}),
        ({"stringData": {"t": "hush"}, "data": {"t": "b2xk", "u": "b2xk"}}, {"data": {"t": HUSH, "u": "b2xk"}}),
        ({"stringData": {"t": UNKNOWN}}, {"stringData": {"t": UNKNOWN}}),
    ],
    ids=["one key secret", "all secret", "over data", "not known yet"],
)
def test_a_secrets_clear_text_is_encoded_as_the_server_will(given, kept):
    assert normalized({**SECRET, **given}) == {**SECRET, **kept}


def test_a_state_that_still_has_the_clear_text_is_no_change():
    """States written before this form was kept."""
    old = {**SECRET, "stringData": {"t": Secret("hush")}}
    assert not difference(normalized(old), normalized(old), ()).changes


def test_what_means_nothing_is_left_out_of_builtin_kinds_only():
    spec = {"env": [], "resources": {}, "nothing": None, "args": [{"list": []}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": spec}
    assert normalized(pod)["spec"] == {"resources": {}, "args": [{}]}
    own = {"apiVersion": "test.example/v1", "kind": "Gadget", "spec": spec}
    assert normalized(own)["spec"] == {"env": [], "resources": {}, "args": [{"list": []}]}


def test_keys_that_sdks_cannot_spell_go_both_ways():
    schema = {"schema": [{"x-kubernetes-preserve-unknown-fields": True, "x-other": 1}]}
    assert underscored(schema) == {"schema": [{"x_kubernetes_preserve_unknown_fields": True, "x-other": 1}]}
    assert dashed(underscored(schema)) == schema
