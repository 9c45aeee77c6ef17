"""What is said of simulated models has the names and labels of the registry, and no others."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from blueprint.metrics import dcgm, emitted, keda, kube_state
from lab.simulator.exporters import PREALLOCATED, exporters
from lab.simulator.faults import Faults
from lab.simulator.model import Model, SimulatedModel
from lab.simulator.recording import Recording, record
from lab.simulator.traces import Arrival

TRACE = [Arrival(float(at), 500, 200) for at in range(0, 600, 2)]
NOT_OF_A_DEPLOYMENT = {kube_state.STATEFUL_SET_WANTED.name, kube_state.STATEFUL_SET_READY.name}
NOT_OF_KEDA_HERE = {"keda_scaler_empty_upstream_responses_total"}
"""It counts answers without an element where ignoreNullValues takes them for 0."""


def lived(seconds=900, **changes):
    model = SimulatedModel(Model(name="m", engine="vllm", version="0.33.0", trace=TRACE, **changes), seconds)
    model.advance(seconds)
    return model


def samples(text):
    return [one for family in text_string_to_metric_families(text) for one in family.samples]


def test_exporters_say_all_that_the_registry_has_of_such_models():
    troubled = [
        lived(faults=Faults(since=700, xid=79, crash_seconds=120), replicas=2),
        lived(faults=Faults(gone=True)),
    ]
    found = {}
    for one in (one for model in troubled for one in samples(exporters([model]))):
        found.setdefault(one.name, set()).add(frozenset(one.labels))
    known = {raw.name: raw for raw in (*dcgm.METRICS, *kube_state.METRICS, *keda.METRICS)}
    assert found.keys() == known.keys() - NOT_OF_A_DEPLOYMENT - NOT_OF_KEDA_HERE
    for name, labels in found.items():
        further = {"Hostname"} if name in {raw.name for raw in dcgm.METRICS} else set()
        assert labels == {frozenset({*known[name].labels, *further})}


@pytest.mark.parametrize(("engine", "version"), [("vllm", "0.33.0"), ("sglang", "0.5.23"), ("custom", "0.1.0")])
def test_memory_is_held_from_the_start_or_follows_the_load(engine, version):
    def share(model):
        used, free, reserved = (
            next(one.value for one in samples(exporters([model])) if one.name == raw.name)
            for raw in (dcgm.FB_USED, dcgm.FB_FREE, dcgm.FB_RESERVED)
        )
        return used / (used + free + reserved)

    model = SimulatedModel(Model(name="m", engine=engine, version=version, trace=TRACE), 900)
    model.advance(1)
    before = share(model)
    model.advance(900)
    if engine == "custom":
        assert 0.3 < before < share(model) < 0.5
    else:
        assert (before, share(model)) == pytest.approx((PREALLOCATED, PREALLOCATED))


def test_a_scaler_asks_for_more_and_they_come_where_there_is_a_node():
    model = lived(faults=Faults(requests=40), most=4, nodes=2)
    assert [pod.node is not None for pod in model.pods] == [True, True, False, False]
    assert [pod.engine is not None for pod in model.pods] == [True, True, False, False]
    assert model.desired == 4
    assert len(list(model.scrapes())) == 2


def test_a_recording_marks_what_is_gone_and_misses_what_was_not_there_yet():
    recording = Recording(30)
    recording.scrape([({"job": "a"}, "x 1\n")])
    recording.scrape([({"job": "a"}, "# HELP y\nx 1\ny 2\n"), ({"job": "b"}, None)])
    recording.scrape([({"job": "a"}, None), ({"job": "b"}, 'x{job="own"} 3\n')])
    assert {one["series"]: one["values"] for one in recording.promtool()} == {
        'up{job="a"}': "1x1 0",
        'x{job="a"}': "1x1 stale",
        'y{job="a"}': "_ 2 stale",
        'up{job="b"}': "_ 0 1",
        'x{job="own"}': "_ _ 3",
    }
    lines = list(recording.open_metrics(1000.0))
    assert lines[0] == 'up{job="a"} 1 940.000\n'
    assert 'x{job="own"} 3 1000.000\n' in lines
    assert lines[-1] == "# EOF\n"


@pytest.mark.parametrize(("engine", "version"), [("vllm", "0.11.2"), ("vllm", "0.33.0"), ("sglang", "0.5.23")])
def test_an_engine_is_recorded_under_the_registrys_names_alone(engine, version):
    crowd = Faults(failing=0.1, requests=8, kv_tokens=8000)
    recording = record(
        [Model(name="m", engine=engine, version=version, trace=TRACE, faults=crowd)], seconds=600, every=30
    )
    names = {series.partition("{")[0] for series in recording.series if 'job="llm/m"' in series}
    known = {name for metric in emitted(engine, version).values() for name in metric.series}
    assert names - {"up"} <= known
    # Everything but those that were turned away: no queue is limited here.
    assert {name for name in known - names if "admission" not in name} == set()
