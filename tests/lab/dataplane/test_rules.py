"""How objects are read: pods, routes, endpoints. Envoy itself is asked in test_dataplane.py."""

import asyncio

import httpx2
import pytest

from lab.dataplane.endpoints import endpoints
from lab.dataplane.engine import Engine, Options
from lab.dataplane.pods import KeySource, end, has_engine, key_sources, served
from lab.dataplane.routes import ServiceName, seconds_of, table

OURS = {"app.kubernetes.io/part-of": "llm-inference", "app.kubernetes.io/name": "vllm"}


def pod(*arguments, labels=OURS, ports=("http",), grace=90, **container):
    listed = [{"name": name, "containerPort": 8000} for name in ports]
    engine = {"name": "engine", "args": list(arguments), "ports": listed, **container}
    spec = {"containers": [engine], "terminationGracePeriodSeconds": grace}
    return {"metadata": {"name": "p", "namespace": "llm", "labels": labels}, "spec": spec}


@pytest.mark.parametrize(
    ("given", "serves"),
    [
        (pod(), True),
        (pod(ports=("metrics",)), False),
        (pod(ports=()), False),
        (pod(labels={"app.kubernetes.io/part-of": "another"}), False),
        (pod(labels=None), False),
    ],
    ids=["a model", "no inference port", "a download", "another project", "no labels"],
)
def test_an_engine_is_behind_models_pods_alone(given, serves):
    assert has_engine(given) is serves


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["org/m", "--served-model-name", "m", "org/m", "--port=1"], ["m", "org/m"]),
        (["org/m", "--served-model-name=m"], ["m"]),
        (["org/m", "--port=1"], ["org/m"]),
        (["--model-id=org/m"], ["org/m"]),
        (["python", "-m", "x", "--model-path", "org/m", "--port", "1"], ["org/m"]),
        ([], ["vllm"]),
    ],
)
def test_the_served_names_are_those_of_the_arguments(arguments, names):
    assert served(pod(*arguments)).models == names


@pytest.mark.parametrize(
    ("revision", "fails"), [("lab-fails-30", 30), ("lab-fails-400", 100), ("main", 0), ("lab-fails-", 0)]
)
def test_a_revision_that_is_bad_on_purpose_says_how_bad(revision, fails):
    assert served(pod("org/m", f"--revision={revision}")).fails == fails


@pytest.mark.parametrize("fails", [0, 30, 100])
def test_an_engine_fails_the_share_that_it_is_told_evenly_and_counts_it(fails):
    about = Options(
        engine="vllm", version="0.31.0", models=["m"], max_model_len=None, max_num_seqs=64, drain=0, fails=fails
    )

    async def ask():
        transport = httpx2.ASGITransport(Engine(about, []))
        async with httpx2.AsyncClient(transport=transport, base_url="http://engine") as client:
            body = {"messages": [{"role": "user", "content": "hi"}]}
            answers = await asyncio.gather(*(client.post("/v1/chat/completions", json=body) for _ in range(20)))
            return [answer.status_code for answer in answers], (await client.get("/metrics")).text

    statuses, metrics = asyncio.run(ask())
    assert statuses.count(500) == 20 * fails // 100
    assert statuses[:10].count(500) == 10 * fails // 100
    assert f'finished_reason="{"error" if fails else "stop"}"}} {20 * (fails or 100) // 100}' in metrics


@pytest.mark.parametrize(
    ("arguments", "hook", "drain_seconds", "before", "drain"),
    [
        (["--shutdown-timeout=60"], {"sleep": {"seconds": 15}}, 2.0, 1.0, 0.8),
        (["--shutdown-timeout=60"], {"sleep": {"seconds": 15}}, 90.0, 15.0, 60.0),
        (["--shutdown-timeout=60"], {"exec": {"command": ["/bin/sh", "-c", "sleep 15"]}}, 90.0, 15.0, 60.0),
        (["--shutdown-timeout=60"], None, 3.0, 0.0, 2.0),
        ([], {"sleep": {"seconds": 15}}, 2.0, 1.0, 0.0),
    ],
    ids=["short", "in full", "by a command", "no hook", "vLLM aborts"],
)
def test_the_end_keeps_its_order_in_the_labs_time(arguments, hook, drain_seconds, before, drain):
    lifecycle = {"lifecycle": {"preStop": hook}} if hook else {}
    found = end(pod(*arguments, **lifecycle), drain_seconds)
    assert (found.before_signal, found.drain) == pytest.approx((before, drain))


def test_other_engines_finish_what_is_in_flight():
    labels = {**OURS, "app.kubernetes.io/name": "sglang"}
    assert end(pod(labels=labels), 2.0).drain == 2.0


def test_the_own_server_drains_for_its_variables_share_of_the_grace_period():
    own = pod(labels={**OURS, "app.kubernetes.io/name": "custom"}, lifecycle={"preStop": {"sleep": {"seconds": 15}}})
    found = end(own, 2.0, {"DRAIN_SECONDS": "60"})
    assert (found.before_signal, found.drain) == pytest.approx((1.0, 0.8))
    assert served(own, {"SERVED_NAME": "m"}).models == ["m"]


def test_a_file_of_keys_is_found_by_its_variable():
    given = pod(volumeMounts=[{"name": "k", "mountPath": "/etc/callers"}])
    given["spec"]["volumes"] = [{"name": "k", "secret": {"secretName": "callers"}}]
    told = {"API_KEYS_FILE": "/etc/callers/keys"}
    assert key_sources(given, told) == [KeySource(secret="callers", entry="keys", form="lines")]


def test_keys_come_from_a_variable_or_from_a_file_of_a_secret():
    variables = [
        {"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "one"}}},
        {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}},
    ]
    given = pod(
        "--config=/etc/engine/keys.yaml", env=variables, volumeMounts=[{"name": "k", "mountPath": "/etc/engine"}]
    )
    given["spec"]["volumes"] = [{"name": "k", "secret": {"secretName": "files"}}]
    assert key_sources(given) == [
        KeySource(secret="keys", entry="one"),
        KeySource(secret="files", entry="keys.yaml", form="yaml"),
    ]
    assert key_sources(pod()) == []


def route(*rules, name="r", hosts=("h",), at="2026-01-01T00:00:00Z"):
    metadata = {"name": name, "namespace": "n", "creationTimestamp": at}
    return {"metadata": metadata, "spec": {"hostnames": list(hosts), "rules": list(rules)}}


def rule(kind, path, service, **more):
    match = {"path": {"type": kind, "value": path}, **more.pop("match", {})}
    return {"matches": [match], "backendRefs": [{"name": service, "port": 80}], **more}


def test_the_more_exact_match_decides_then_the_older_route():
    new = route(rule("PathPrefix", "/", "new"), name="a", at="2026-02-01T00:00:00Z")
    old = route(
        rule("PathPrefix", "/", "old"),
        rule("PathPrefix", "/v1", "longer"),
        rule("Exact", "/v1", "exact"),
        rule("PathPrefix", "/v1", "method", match={"method": "POST"}),
        name="b",
    )
    decided = [found.backends[0][0].name for found in table([new, old], [])["h"]]
    assert decided == ["exact", "method", "longer", "old", "new"]


def test_what_the_gateway_does_not_do_is_known():
    rewriting = rule("Exact", "/v1", "s", filters=[{"type": "URLRewrite"}])
    querying = rule("Exact", "/v1", "s", match={"queryParams": [{"name": "a", "value": "b"}]})
    assert [found.undone for found in table([route(rewriting, querying)], [])["h"]] == [
        "filter URLRewrite",
        "query parameters",
    ]


def test_time_outs_are_those_of_the_route_or_of_the_kind_of_gateway():
    timed = rule("Exact", "/a", "s", timeouts={"request": "1m30s"})
    found = {item.path: item for item in table([route(timed, rule("Exact", "/b", "s"))], [ingress()])["h"]}
    assert (found["/a"].seconds, found["/b"].seconds) == (90.0, 15.0)
    assert (found["/i"].seconds, found["/i"].idle) == (0.0, 300.0)


def ingress():
    path = {"path": "/i", "pathType": "Exact", "backend": {"service": {"name": "s", "port": {"number": 80}}}}
    annotations = {"nginx.ingress.kubernetes.io/proxy-read-timeout": "300"}
    metadata = {"name": "i", "namespace": "n", "annotations": annotations}
    return {"metadata": metadata, "spec": {"rules": [{"host": "h", "http": {"paths": [path]}}]}}


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0.0), ("500ms", 0.5), ("1h", 3600.0), ("5m", 300.0), ("1m30s", 90.0)]
)
def test_durations(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("states", "used"),
    [
        ({"a": "ready", "b": "ready"}, [1, 2]),
        ({"a": "ready", "b": "ending"}, [1]),
        ({"a": "starting", "b": "ending"}, [2]),
        ({"a": "ending", "b": "ending"}, [1, 2]),
        ({"a": "starting"}, []),
        ({"c": "ready", "b": "ending"}, [2]),
    ],
    ids=["all", "not the ending one", "the ending one alone", "both ending", "none", "one that does not answer"],
)
def test_ending_engines_serve_while_there_is_no_other(states, used):
    conditions = {
        "ready": {"ready": True, "serving": True, "terminating": False},
        "starting": {"ready": False, "serving": False, "terminating": False},
        "ending": {"ready": False, "serving": True, "terminating": True},
    }
    listed = [{"targetRef": {"uid": uid}, "conditions": conditions[state]} for uid, state in states.items()]
    service = {
        "metadata": {"name": "s", "namespace": "n"},
        "spec": {"selector": {"app.kubernetes.io/part-of": "llm-inference"}},
    }
    piece = {"metadata": {"namespace": "n", "labels": {"kubernetes.io/service-name": "s"}}, "endpoints": listed}
    assert endpoints([service], [piece], {"a": 1, "b": 2}.get) == {ServiceName("n", "s"): used}
