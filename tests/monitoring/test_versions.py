"""What is rendered for a version of vLLM asks for names that this version shows.

Old ones are no engine that a stack can have here: before 0.18 none can be told how long to drain. Their metrics are
known, so it is the rules and the scaler that are rendered for them.
"""

import json
import re

import pytest

from blueprint.metrics import emitted, vllm
from blueprint.monitoring.dashboards import dashboards
from components.autoscaler import scaled_object_spec
from lab.simulator.model import NAMESPACE, Model
from tests.monitoring.simulated import stack
from tests.support import MODEL, lab_config, manifests

_NAMES = re.compile(r"\bvllm:\w+")
_SCALING = {"min": 1, "max": 2, "signals": {"use": ["inFlight", "waiting", "kvCache"]}}


def asked(version):
    """The engine's names in a model's rules and in its scaler's queries."""
    model = Model(name="m", engine="vllm", version=version)
    found = stack([model], {"m": {"scaling": _SCALING}})
    spec = scaled_object_spec(found.workloads["m"], NAMESPACE)
    return set(_NAMES.findall(json.dumps([found.specs["m"], spec])))


def removed(version):
    """Names that it does not show, with those of their series."""
    return {name + end for name in vllm.not_shown(version) for end in ("", "_bucket", "_sum", "_count")}


@pytest.mark.parametrize("version", vllm.VERSIONS)
def test_each_version_is_asked_for_what_it_shows(version):
    names = asked(version)
    assert names
    assert names <= {name for metric in emitted("vllm", version).values() for name in metric.series}
    assert names.isdisjoint(removed(version))


def test_an_old_version_is_asked_by_its_old_names():
    """Why requests wait it does not say, nor how many failed or were turned away."""
    old, new = asked("0.11.2"), asked("0.33.0")
    assert old - new == set()
    assert new - old == {"vllm:num_requests_waiting_by_reason", "vllm:admission_rejections_total"}
    waiting = {
        version: next(
            trigger["metadata"]["query"]
            for trigger in scaled_object_spec(
                stack([Model(name="m", engine="vllm", version=version)], {"m": {"scaling": _SCALING}}).workloads["m"],
                NAMESPACE,
            )["triggers"]
            if trigger["name"] == "waiting"
        )
        for version in ("0.11.2", "0.33.0")
    }
    assert "vllm:num_requests_waiting{" in waiting["0.11.2"]
    assert "vllm:num_requests_waiting_by_reason{" in waiting["0.33.0"]


def test_a_whole_stack_has_none_of_the_names_that_are_gone():
    """Not in its rules, its scaler, its dashboards, nor anywhere else."""
    engine = {"name": "vllm", "version": "0.33.0", "maxModelLen": 8192}
    config = lab_config(monitoring={"mode": "operator"})
    rendered = manifests({**config, "models": {"m": {**MODEL, "engine": engine, "scaling": _SCALING}}})
    names = set(_NAMES.findall(json.dumps(rendered)))
    assert names >= asked("0.33.0")
    assert names.isdisjoint(removed("0.33.0"))


def test_dashboards_ask_for_no_engines_names():
    for dashboard in dashboards(monthly_usd=2500):
        assert not re.search(r"\b(vllm|sglang|tgi)[:_]\w+|\bllm_\w+", dashboard.text())
