"""`llm smoke` against servers on loopback that answer rightly, or wrongly in one way."""

import json
import time

import pytest

from tests.ops.smoke_server import KEY, serving
from tests.ops.test_asking_kubernetes import CLUSTER, MODEL


@pytest.fixture
def smoke(desk, tmp_path):
    """Run `llm smoke --json` of a stack with one model, whose Service, gateway and pod are a server."""

    def run(server, *arguments, deadline=1, cluster=CLUSTER, json_wanted=True, environment=None, **model):
        desk.write(
            "k8s",
            {
                "cluster": {"context": "lab", "id": "lab", **cluster},
                "models": {"m": {**MODEL, "formerly": [], **model}},
            },
        )
        addresses = tmp_path / "addresses.json"
        url = f"http://127.0.0.1:{server.port}" if server else "http://127.0.0.1:9"
        found = {"gateway": url, "services": {"llm/m": url}, "metrics": {"llm/m-5d9c7b6f4-x2v9k": f"{url}/metrics"}}
        addresses.write_text(json.dumps(found))
        form = ["--json"] if json_wanted else []
        return desk.run(
            *("smoke", "--stack=k8s", f"--deadline={deadline}", *form, *arguments),
            LLM_LAB_ADDRESSES=str(addresses),
            **(environment or {}),
        )

    return run


def statuses(result):
    said = json.loads(result.stdout)
    assert said["version"] == 1
    return {check["check"]: (check["status"], check["reason"]) for check in said["models"][0]["checks"]}


def test_a_model_that_answers_passes(smoke):
    with serving() as server:
        result = smoke(server, smoke={"structured": True})

    assert result.exit_code == 0
    assert json.loads(result.stdout)["passed"] is True
    assert {status for status, _ in statuses(result).values()} == {"passed"}
    questions = [body for path, body in server.asked if path == "/v1/chat/completions"]
    assert [body.get("stream", False) for body in questions] == [False, True, False]
    assert {body["model"] for body in questions} == {"m"}


@pytest.mark.parametrize(
    ("fault", "check", "reason"),
    [
        ("unwell", "health", "HTTP 500: "),
        ("error", "completion", "HTTP 500: "),
        ("empty", "completion", "HTTP 200 with an empty answer"),
        ("web page", "completion", "something that is no JSON"),
        ("broken connection", "stream", "the connection broke"),
        ("empty stream", "stream", "ends without any text"),
        ("one piece", "stream", "came in one piece"),
        ("no end", "stream", "broke off after 3 pieces: no data: [DONE]"),
        ("error in stream", "stream", "ends with an error"),
        ("prose", "structured", "does not keep to the schema: It is seven."),
        ("other keys", "structured", "does not keep to the schema"),
        ("no metrics", "metrics", "HTTP 500: "),
        ("other metrics", "metrics", "vllm:num_requests_running"),
    ],
)
def test_each_fault_is_named_by_the_check_that_it_concerns(smoke, fault, check, reason):
    with serving(fault) as server:
        result = smoke(server, smoke={"structured": True}, environment={"LLM_ENGINE_KEY": KEY})

    assert result.exit_code == 1
    status, said = statuses(result)[check]
    assert status == "failed"
    assert reason in said
    assert KEY not in result.output


def test_what_fails_at_first_is_asked_again(smoke):
    with serving("error", lasts=2) as server:
        result = smoke(server, deadline=30)

    assert result.exit_code == 0
    completion = json.loads(result.stdout)["models"][0]["checks"][1]
    assert (completion["status"], completion["tries"]) == ("passed", 3)


def test_all_checks_together_keep_to_the_deadline(smoke):
    begun = time.monotonic()
    result = smoke(None, deadline=2)

    assert time.monotonic() - begun < 8
    assert result.exit_code == 1
    assert "it cannot be reached" in statuses(result)["health"][1]


def test_a_key_that_is_refused_is_not_tried_again(smoke):
    with serving("key refused") as server:
        result = smoke(server, deadline=60)

    assert result.exit_code == 1
    assert statuses(result)["completion"] == ("failed", "HTTP 401: {}")
    assert len([path for path, _ in server.asked if path.startswith("/v1")]) == 2


def test_a_published_model_is_asked_at_its_host_with_its_key_and_its_health_inside(smoke):
    cluster = {**CLUSTER, "ingress": {"controller": "f5-nginx"}}
    expose = {"host": "m.example.com", "auth": "none", "allowPublic": True, "tlsSecret": "m-tls"}
    with serving() as server:
        result = smoke(server, cluster=cluster, expose=expose, environment={"LLM_ENGINE_KEY": KEY})

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["models"][0]["way"] == "its host m.example.com"
    by_path = {path: headers for (path, _), headers in zip(server.asked, server.headers, strict=True)}
    assert by_path["/v1/chat/completions"]["host"] == "m.example.com"
    assert by_path["/v1/chat/completions"]["authorization"] == f"Bearer {KEY}"
    assert by_path["/health"]["host"].startswith("127.0.0.1:")
    assert "authorization" not in by_path["/health"]


def test_a_model_without_chat_template_is_let_go_on_with_a_text(smoke):
    with serving() as server:
        result = smoke(server, smoke={"ask": "completion"})

    assert result.exit_code == 0
    assert {path for path, _ in server.asked if path.startswith("/v1")} == {"/v1/completions"}
    assert statuses(result)["structured"] == ("skipped", "not declared (smoke.structured)")


def test_people_read_a_line_for_each_check(smoke):
    with serving("empty") as server:
        result = smoke(server, json_wanted=False)

    lines = result.stdout.splitlines()
    assert lines[0] == "m (kubernetes, by its Service)"
    assert lines[2].startswith("  completion FAILED")
    assert lines[2].endswith("HTTP 200 with an empty answer")


def test_an_unknown_model_is_wrong_usage(smoke):
    with serving() as server:
        result = smoke(server, "nope")

    assert result.exit_code == 2
    assert "Stack k8s has no model nope. There are: m." in result.stderr


def test_a_sleeping_endpoint_is_woken_and_said_so(desk):
    desk.act("qwen", "scale-to-zero")
    said = json.loads(desk.run("smoke", "qwen", "prose", "--json", "--deadline=60").stdout)

    assert said["passed"] is True, said
    assert {model["model"]: model["woken"] for model in said["models"]} == {"qwen": True, "prose": False}


def test_a_sleeping_endpoint_may_be_left_asleep(desk):
    desk.act("qwen", "scale-to-zero")
    result = desk.run("smoke", "qwen", "--no-wake", "--json")

    assert result.exit_code == 0
    assert set(statuses(result).values()) == {("skipped", "it sleeps, and was not woken (--no-wake)")}
    assert desk.calls("data") == []


def test_a_failed_endpoint_fails_with_what_the_platform_says(desk):
    desk.act("qwen", "pause")
    result = desk.run("smoke", "qwen", "--json", "--deadline=1")

    assert result.exit_code == 1
    assert "is paused and answers nobody" in statuses(result)["health"][1]
