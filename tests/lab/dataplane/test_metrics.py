"""What a simulated engine exposes is what the registry says of its engine and version."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from blueprint.metrics import METRICS, emitted
from lab.dataplane.load import Load
from lab.dataplane.metrics import exposition

SAME = {
    (engine, tuple(sorted(metric.name for metric in emitted(engine, version).values()))): (engine, version)
    for engine, known in METRICS.items()
    for one in known
    for version in one.versions
}
"""One version of those of an engine that have the same metrics."""

SILENT = {
    "custom": {"llm_gpu_memory_bytes"},  # no CUDA
    # Their series are born with their first event, and nothing is preempted, cached or refused here.
    "sglang": {"sglang:num_retracted_requests_total", "sglang:cached_tokens_total"},
    "tgi": {"tgi_request_failure"},
    "vllm": set(),
}
PATH = "/v1/chat/completions"


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def asked(load, words, finish="stop", path=PATH, streamed=True):
    return load.request(prompt_tokens=10, tokens=words, finish=finish, path=path, streamed=streamed)


def busy(engine, version):
    """Two requests ended, one was aborted, one runs, one waits; each got its token every 0.2 s, after 2 s."""
    load = Load(engine=engine, version=version, model='m"\\', kv_tokens=100, clock=Clock())

    def serve(request, words):
        load.clock.now += 0.5
        request.scheduled()
        load.clock.now += 1.5
        request.produced()
        for _ in range(words - 1):
            load.clock.now += 0.2
            request.produced()

    with asked(load, 6) as request:
        serve(request, 6)
        request.produced()  # the end of the stream, no token
    with asked(load, 2, "length", "/v1/completions", streamed=False) as request:
        serve(request, 2)
    aborted = asked(load, 8)
    serve(aborted.__enter__(), 3)
    aborted.__exit__(ConnectionError, ConnectionError(), None)
    running = asked(load, 40)
    serve(running.__enter__(), 4)
    asked(load, 1).__enter__()
    return load


def parsed(text):
    return {family.name: family for family in text_string_to_metric_families(text)}


def families(engine, version):
    """By the name under which a parser finds it: the metric."""
    known = emitted(engine, version).values()
    return {metric.family or metric.name.removesuffix("_total"): metric for metric in known}


@pytest.mark.parametrize(("engine", "version"), sorted(SAME.values()))
def test_names_types_labels_and_buckets_are_the_registrys(engine, version):
    found, wanted = parsed(exposition(busy(engine, version))), families(engine, version)
    assert found.keys() == wanted.keys()
    for name, family in found.items():
        metric = wanted[name]
        assert family.type == ("histogram" if metric.family else metric.type)
        assert bool(family.samples) == (metric.name not in SILENT[engine])
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
        bounds = {float(sample.labels["le"]) for sample in family.samples if "le" in sample.labels}
        assert bounds == ({*metric.buckets, float("inf")} if family.type == "histogram" else set())


@pytest.mark.parametrize(("engine", "version"), sorted(SAME.values()))
def test_series_have_the_names_that_queries_ask_for(engine, version):
    lines = exposition(busy(engine, version)).splitlines()
    names = {re.split("[{ ]", line)[0] for line in lines if not line.startswith("#")}
    known = [metric for metric in emitted(engine, version).values() if metric.name not in SILENT[engine]]
    of_families = {f"{metric.family}_{end}" for metric in known if metric.family for end in ("bucket", "sum", "count")}
    assert names == {name for metric in known for name in metric.series} | of_families


@pytest.mark.parametrize(("engine", "version"), sorted(SAME.values()))
def test_an_idle_engine_exposes_the_same_names(engine, version):
    load = Load(engine=engine, version=version, model="m", kv_tokens=100)
    assert parsed(exposition(load)).keys() == families(engine, version).keys()


def value(engine, version, meaning, ending="", **labels):
    """What all series of a meaning add up to, those that it selects."""
    metric = emitted(engine, version)[meaning]
    where = {key: {ways} if isinstance(ways, str) else set(ways) for key, ways in metric.where.items()}
    where |= {key: {text} for key, text in labels.items()}
    name = (metric.family or metric.name.removesuffix("_total")) if not ending else metric.name
    return sum(
        sample.value
        for sample in parsed(exposition(busy(engine, version)))[name].samples
        # The parser gives every counter the ending that TGI's lack.
        if sample.name.removesuffix("_total") == (metric.name + ending).removesuffix("_total")
        and all(sample.labels.get(key) in values for key, values in where.items())
    )


@pytest.mark.parametrize(("engine", "version"), sorted(SAME.values()))
def test_the_numbers_are_what_happened(engine, version):
    known = emitted(engine, version)

    def of(meaning, ending="", **labels):
        return value(engine, version, meaning, ending, **labels)

    live = engine in ("vllm", "custom")
    assert (of("requests_running"), of("requests_waiting"), of("requests_waiting_for_capacity")) == (1, 1, 1)
    assert of("requests_ended") == 3
    assert of("generation_tokens") == (6 + 2 + 3 + 4 if live else 6 + 2 + 3)
    assert of("prompt_tokens") == (40 if live else 30)
    if "kv_cache_usage" in known:
        assert of("kv_cache_usage") == 0.5
    for meaning in ("requests_failed", "requests_rejected", "preemptions", "prefix_cache_hits"):
        assert meaning not in known or of(meaning) == 0
    assert (of("queue_time", "_count"), of("queue_time", "_sum")) == (4, pytest.approx(2.0))
    # Those that came to their end: 0.5 + 1.5 + 5 x 0.2, and 0.5 + 1.5 + 0.2.
    assert (of("request_latency", "_count"), of("request_latency", "_sum")) == (2, pytest.approx(3.0 + 2.2))
    if "time_to_first_token" in known:
        assert (of("time_to_first_token", "_count"), of("time_to_first_token", "_sum")) == (4, pytest.approx(8.0))
        edges = [bound for bound in known["time_to_first_token"].buckets if bound < 2]
        assert of("time_to_first_token", "_bucket", le=str(float(edges[-1]))) == 0
    gaps = 3 if engine == "tgi" else 5 + 1 + 2 + 3
    assert of("inter_token_latency", "_count") == gaps
    assert of("inter_token_latency", "_sum") == pytest.approx(gaps * 0.2)


def test_streams_are_counted_apart_where_the_engine_does():
    assert value("sglang", "0.5.23", "requests_ended", is_streaming="true") == 2
    assert value("sglang", "0.5.23", "time_to_first_token", "_count", is_streaming="false") == 1


def test_ends_are_told_in_the_engines_words():
    assert value("vllm", "0.33.0", "requests_ended", finished_reason="abort") == 1
    assert value("custom", "0.1.0", "requests_ended", status="cancelled") == 1
    assert value("custom", "0.1.0", "requests_ended", status="ok") == 2


def test_an_unknown_engine_says_nothing():
    assert exposition(Load(engine="other", version="1", model="m", kv_tokens=1)) == ""
