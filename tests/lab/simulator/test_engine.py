"""The simulated engine keeps its books: what it is asked it answers, in blocks that there are, whenever one looks."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.dataplane.metrics import exposition
from lab.simulator.engine import BLOCK_TOKENS, Engine, Machine
from lab.simulator.faults import HEALTHY, Faults
from lab.simulator.traces import Arrival, answering, read, repeated

CUT = Path(__file__).with_name("azure_conv_2023.csv")
SHARED = Path(__file__).parents[4] / "shared/traces"
SMALL = Machine(batch=8, kv_tokens=2048, cached=0)

arrivals = st.lists(
    st.builds(Arrival, st.floats(0, 60), st.integers(1, 1500), st.integers(1, 400)), min_size=1, max_size=30
).map(lambda found: sorted(found, key=lambda one: one.at))


def made(machine=SMALL, faults=HEALTHY):
    return Engine(engine="vllm", version="0.33.0", model="m", machine=machine, faults=faults, now=0)


def served(engine, trace, *, looks=(), until=10_000):
    """Ask all of it, looking at the engine at some moments between."""
    moments = sorted([*((one.at, one) for one in trace), *((at, None) for at in looks)], key=lambda one: one[0])
    for at, arrival in moments:
        engine.advance(at)
        if arrival:
            engine.ask(arrival)
    engine.advance(until)
    return engine.load


@settings(max_examples=60, deadline=None)
@given(arrivals)
def test_every_request_ends_with_all_its_tokens(trace):
    load = served(made(), trace)
    (ended,) = load.ended.values()
    assert (load.requests_running, load.requests_waiting, load.tokens_held) == (0, 0, 0)
    assert ended.requests == len(trace)
    assert ended.generation_tokens == sum(one.tokens for one in trace)
    assert ended.prompt_tokens == sum(one.prompt_tokens for one in trace)
    assert load.observed("time_to_first_token", streamed=True, bounds=()).cumulative[-1] == len(trace)
    gaps = load.observed("inter_token_latency", streamed=True, bounds=()).cumulative[-1]
    assert gaps == sum(one.tokens - 1 for one in trace)


@settings(max_examples=60, deadline=None)
@given(arrivals, st.lists(st.floats(0, 200), max_size=40))
def test_it_does_the_same_whether_one_looks_or_not(trace, looks):
    """Steps are taken many at once, and a scrape cuts them."""

    def seen(load):
        return [line.rpartition(" ") for line in exposition(load).splitlines() if "_bucket" not in line]

    one, other = (seen(served(made(), trace, looks=moments)) for moments in ((), looks))
    for (name, _, value), (same, _, also) in zip(one, other, strict=True):
        assert name == same
        assert name.startswith("#") or float(value) == pytest.approx(float(also))


@settings(max_examples=40, deadline=None)
@given(arrivals, st.lists(st.floats(0, 100), min_size=1, max_size=40))
def test_no_more_runs_and_no_more_is_held_than_there_is_room_for(trace, looks):
    engine = made()
    for at in sorted(looks):
        while trace and trace[0].at <= at:
            engine.advance(trace[0].at)
            engine.ask(trace.pop(0))
        engine.advance(at)
        assert engine.load.requests_running <= SMALL.batch
        # One alone is let in however long it is.
        assert engine.load.tokens_held <= SMALL.kv_tokens or engine.load.requests_running == 1
        assert engine.load.tokens_held % BLOCK_TOKENS == 0


def test_a_full_cache_takes_requests_out_of_the_batch_and_they_come_back():
    trace = [Arrival(0, 400, 300)] * 6
    load = served(made(), trace)
    assert load.preemptions > 0
    assert served(made(Machine(batch=8, cached=0)), trace).preemptions == 0


def test_it_takes_as_long_as_arithmetic_says():
    """A prompt of 2,800 tokens in two chunks, and 100 further tokens one by one."""
    machine = Machine(cached=0)
    load = served(made(machine), [Arrival(0, 2800, 101)])
    prompt = 2800 / machine.prompt_tokens_per_second + 2 * machine.step_seconds
    first = load.observed("time_to_first_token", streamed=True, bounds=())
    assert first.sum == pytest.approx(prompt)
    whole = load.observed("request_latency", streamed=True, bounds=())
    assert whole.sum == pytest.approx(prompt + 100 * (machine.step_seconds + machine.sequence_seconds))


@pytest.mark.parametrize(
    ("faults", "finish", "share"),
    [(Faults(failing=0.25), "error", 0.25), (Faults(since=1e9, failing=0.25), "error", 0)],
)
def test_failures_are_as_many_as_asked_for(faults, finish, share):
    load = served(made(faults=faults), [Arrival(10.0 * number, 100, 10) for number in range(40)])
    assert sum(totals.requests for kind, totals in load.ended.items() if kind.finish == finish) == 40 * share


def test_a_full_queue_turns_away_and_a_stalled_engine_makes_nothing():
    crowd = [Arrival(1, 100, 10)] * 20
    load = served(made(Machine(batch=1, queue=4)), crowd)
    assert {kind.finish: totals.requests for kind, totals in load.ended.items()} == {"stop": 5, "rejected": 15}
    load = served(made(faults=Faults(stalled=True)), crowd)
    assert (load.requests_running, load.requests_waiting, load.making.generation_tokens) == (8, 12, 0)


def test_the_committed_cut_is_what_its_head_says():
    trace = read(CUT)
    assert len(trace) == 1614
    assert CUT.read_text().startswith("# Every 12th request of azure_conv_2023")
    twice = list(repeated(trace, 2 * trace[-1].at))
    assert len(twice) == pytest.approx(2 * len(trace), abs=5)
    assert [one.at for one in twice] == sorted(one.at for one in twice)


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "arrival_s,prompt_tokens,output_tokens\n", ""])
def test_a_file_that_is_no_trace_is_refused(tmp_path, text):
    file = tmp_path / "trace.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"trace\.csv"):
        read(file)


@pytest.mark.prove
@pytest.mark.parametrize("name", ["azure_conv_2023", "azure_code_2023", "mooncake_conversation"])
def test_whole_traces_are_served(name, capsys):
    """Those that lie beside this checkout; tests/lab/simulator/azure_conv_2023.csv is a part of the first."""
    file = SHARED / f"{name}.csv.gz"
    if not file.exists():
        pytest.skip(f"needs {file}")
    trace = read(file)[::8]
    load = served(made(Machine()), trace, until=trace[-1].at + 3600)
    (ended,) = load.ended.values()
    assert (ended.requests, load.requests_running) == (len(trace), 0)
    assert ended.generation_tokens == sum(one.tokens for one in trace)
    with capsys.disabled():
        print(f"\n{name}: {len(trace)} requests, {load.preemptions} preemptions")  # noqa: T201


def test_answers_can_be_made_one_length():
    assert {one.tokens for one in answering(read(CUT), 500)} == {500}
