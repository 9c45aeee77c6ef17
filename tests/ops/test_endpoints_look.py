"""`llm endpoints list`, `show`, `url`, `logs`: what is there, and whose; nothing is changed, nothing is woken."""

import json
import signal
import subprocess
import sys

import pytest

from ops.endpoints.logs import unseen
from tests.ops.desk import CPU, OWNED, endpoint_model


@pytest.fixture
def crowded(desk_of, monkeypatch):
    """60 endpoints on pages of 20: three of the stack, one that took the name of a fourth, others'."""
    monkeypatch.setattr("endpoints.client._PAGE", 20)
    models = {name: endpoint_model(instance=CPU, engine={"name": "huggingface"}) for name in ("first", "last", "lost")}
    models["taken"] = endpoint_model()
    desk = desk_of({**models, "renamed": endpoint_model(endpointName="old-name")})
    desk.up("first", "renamed")
    desk.up("taken", tags=("owner:team-x",))
    for number in range(54):
        tags = ["pulumi:llm-inference/prod/0123abcd", "owner:team-y"] if number == 30 else []
        desk.hub.add_endpoint(f"somebody-{number:02}", tags=tags)
    desk.hub.add_endpoint("left-over", tags=[OWNED])
    desk.hub.add_endpoint("almost-ours", tags=["pulumi:llm-inference/dev2/0123abcd"])
    desk.up("last")
    return desk


def test_list_shows_all_pages_and_tells_ours_missing_and_others(crowded):
    rows = crowded.json("endpoints", "list")

    assert len(rows) == 61  # with the missing one
    assert [row["model"] for row in rows[:6]] == ["first", "last", "lost", "renamed", "taken", None]
    by_name = {row["endpoint"]: row for row in rows}
    assert by_name["last"]["ours"] is True
    assert by_name["lost"] | {"hardware": ""} == {
        "endpoint": "lost",
        "model": "lost",
        "ours": None,
        "whose": None,
        "state": "missing",
        "ready": 0,
        "target": 0,
        "hardware": "",
        "url": None,
    }
    assert by_name["old-name"]["model"] == "renamed"
    assert (by_name["taken"]["ours"], by_name["taken"]["whose"]) == (False, "team-x")
    assert (by_name["left-over"]["ours"], by_name["left-over"]["model"]) == (True, None)
    assert (by_name["somebody-30"]["ours"], by_name["somebody-30"]["whose"]) == (False, "stack prod, team-y")
    assert by_name["somebody-31"]["whose"] == "lab-colleague"
    assert by_name["almost-ours"]["ours"] is False
    assert [call[0] for call in crowded.calls("control")] == ["list"] * 3
    assert crowded.calls("data") == []


def test_list_for_people_is_a_table(crowded):
    lines = crowded.run("endpoints", "list").stdout.splitlines()

    assert lines[0].split() == ["ENDPOINT", "MODEL", "STATE", "REPLICAS", "HARDWARE", "WHOSE"]
    assert lines[1].split(None, 4) == ["first", "first", "running", "1/1", "aws us-east-1 intel-spr x1  this stack"]
    assert "team-x, not this stack" in lines[5]
    assert "this stack, not in its file" in lines[6]
    assert lines[-1] == "Missing: lost. `make up STACK=dev` makes what is declared."
    starts = {line.index("aws us-east-1") for line in lines[1:-1]}
    assert len(starts) == 1


def test_list_of_a_stack_whose_last_endpoint_left_the_file_still_shows_it(desk_of):
    desk = desk_of({})
    desk.hub.add_endpoint("left-over", tags=[OWNED])

    assert [row["endpoint"] for row in desk.json("endpoints", "list")] == ["left-over"]


def test_show_tells_all_but_the_values_of_secrets(desk_of):
    desk = desk_of({"m": endpoint_model(secrets={"HF_TOKEN": "hub-read"}, scaling={"min": 1, "max": 3})})
    desk.up()

    shown = desk.json("endpoints", "show", "m")

    endpoint = desk.hub.endpoint("m")
    assert shown["state"] == "running"
    assert shown["message"] == "Endpoint is ready"
    assert shown["url"] == f"{desk.hub.url}/e/{endpoint.id}"
    assert shown["openai_url"] == f"{shown['url']}/v1"
    assert len(shown["revision"]) == 40
    assert (shown["ready"], shown["target"], shown["min"], shown["max"]) == (1, 1, 1, 3)
    assert shown["hardware"] == "aws us-east-1 nvidia-l4 x1"
    assert (shown["usd_per_hour_min"], shown["usd_per_hour_max"]) == (0.8, 2.4)
    assert shown["tags"] == ["owner:team-search", OWNED]
    assert shown["secrets"] == ["HF_TOKEN"]
    assert shown["created_at"].endswith("Z")
    text = desk.run("endpoints", "show", "m").stdout
    assert "  price     $0.80 to $2.40 per hour, $0.80 per replica\n" in text
    assert "  secrets   HF_TOKEN\n" in text
    assert desk.calls("data") == []


def test_show_names_the_secrets_of_the_file_where_the_api_does_not(desk_of):
    hub = {"switches": {"secrets_shown": "absent"}}
    desk = desk_of({"m": endpoint_model(secrets={"HF_TOKEN": "hub-read"})}, hub=hub)
    desk.up()

    assert desk.json("endpoints", "show", "m")["secrets"] == ["HF_TOKEN"]


def test_show_of_a_failed_endpoint_shows_why_and_fails(desk_of):
    desk = desk_of({"m": endpoint_model()}, hub={"virtual_time": True})
    desk.hub.fault(operation="start", kind="failed", message="CUDA \x1b[31mout of memory")
    desk.up(running=False)
    desk.hub.advance(600)

    result = desk.run("endpoints", "show", "m")

    assert result.exit_code == 1
    assert "state     failed: CUDA [31mout of memory" in result.stdout
    assert "\x1b" not in result.stdout
    assert "`llm endpoints logs m --stack dev` may say why" in result.stderr
    assert json.loads(desk.run("endpoints", "show", "m", "--json").stdout)["state"] == "failed"


def test_an_endpoint_is_found_by_its_own_name_too(desk):
    assert desk.json("endpoints", "show", "prose-tgi")["model"] == "prose"


def test_url_prints_the_url_and_nothing_else(desk):
    result = desk.run("endpoints", "url", "qwen")

    assert result.output == f"{desk.hub.url}/e/{desk.hub.endpoint('qwen').id}\n"
    assert desk.json("endpoints", "url", "qwen")["openai_url"] == result.stdout.strip() + "/v1"


def test_url_of_an_endpoint_that_has_none_yet_fails_with_a_sentence(desk_of):
    desk = desk_of({"m": endpoint_model()}, hub={"virtual_time": True})
    desk.up(running=False)

    result = desk.run("endpoints", "url", "m")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: m has no URL now: it is pending. Endpoint waiting to be scheduled\n"


@pytest.mark.parametrize("command", ["show", "url", "logs", "pause", "resume"])
def test_a_missing_endpoint_is_said_to_be_missing(desk_of, command):
    result = desk_of({"m": endpoint_model(endpointName="n")}).run("endpoints", command, "m")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: m (endpoint n) does not exist in lab-org: `make up STACK=dev` makes it.\n"


@pytest.mark.parametrize("command", ["show", "url", "logs", "pause", "resume"])
def test_what_the_stack_does_not_declare_is_refused_by_name(desk, command):
    desk.hub.add_endpoint("somebodys")

    result = desk.run("endpoints", command, "somebodys")

    assert result.exit_code == 2
    assert "somebodys is no model with target endpoint in stack dev" in result.stderr
    assert "There are: qwen, prose." in result.stderr or "There are: prose, qwen." in result.stderr
    assert desk.changes() == []


def test_what_is_shown_of_a_foreign_endpoint_is_said_to_be_foreign(desk_of):
    desk = desk_of({"m": endpoint_model()})
    desk.up(tags=("owner:team-x",))

    result = desk.run("endpoints", "url", "m")

    assert result.exit_code == 0
    assert "m is not this stack's" in result.stderr


def test_logs_are_the_last_lines(desk):
    result = desk.run("endpoints", "logs", "qwen", "--tail", "2")

    assert [line.split(" ", 1)[1] for line in result.stdout.splitlines()] == [
        "INFO Endpoint is initializing",
        "INFO Endpoint is ready",
    ]
    lines = desk.run("endpoints", "logs", "qwen", "--json").stdout.splitlines()
    assert json.loads(lines[-1])["line"].endswith("INFO Endpoint is ready")


def test_logs_hold_neither_tokens_nor_what_moves_the_cursor(desk):
    with desk.hub.lock:
        desk.hub.world.find("lab-org", "qwen").lines[-1].line = "\x1b[2J Bearer hf_CanaryThatCalls"

    assert desk.run("endpoints", "logs", "qwen").stdout.endswith("INFO [2J Bearer [secret]\n")


def test_logs_are_followed_until_interrupted(desk):
    process = desk.spawn("endpoints", "logs", "qwen", "--tail", "1", "--follow")
    first = process.stdout.readline()
    desk.act("qwen", "pause")
    second = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, complaint = process.communicate(timeout=50)

    assert b"Endpoint is ready" in first
    assert b"Endpoint is paused" in second
    assert process.returncode == 130
    assert (rest, complaint.strip()) == (b"", b"")


@pytest.mark.parametrize(
    ("before", "now", "new"),
    [
        ("abc", "abc", ""),
        ("abc", "abcd", "d"),
        ("abc", "cde", "de"),
        ("abc", "xyz", "xyz"),
        ("", "ab", "ab"),
        ("ab", "", ""),
    ],
)
def test_unseen_lines_are_those_after_the_former_window(before, now, new):
    assert "".join(unseen(list(before), list(now))) == new


def test_help_waits_for_no_client_library():
    check = (
        "import sys; from ops.cli import main; main(['endpoints', '--help'], standalone_mode=False); "
        "main(['chat', '--help'], standalone_mode=False); main(['generate', '--help'], standalone_mode=False); "
        "sys.exit(any(name in sys.modules for name in ('huggingface_hub', 'openai')))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in ("cost", "list", "logs", "pause", "resume", "show", "url"):
        assert f"  {command} " in done.stdout
