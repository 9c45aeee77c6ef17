"""A person without network, token or stand-in gets one sentence that says what to set; scripts get an exit code."""

import pytest

COMMANDS = [
    ["endpoints", "list"],
    ["endpoints", "show", "qwen"],
    ["endpoints", "url", "qwen"],
    ["endpoints", "logs", "qwen"],
    ["endpoints", "pause", "qwen"],
    ["endpoints", "resume", "qwen"],
    ["endpoints", "cost"],
    ["chat", "qwen", "hi"],
    ["generate", "prose", "hi"],
]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr("ops.endpoints.scope.PATIENCE", 0.1)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_says_what_is_missing(desk, command):
    no_token = desk.run(*command, LLM_LAB_HUB_TOKEN=None)
    no_address = desk.run(*command, LLM_LAB_HUB=None)
    no_network = desk.run(*command, LLM_LAB_HUB="http://127.0.0.1:1")
    unknown = desk.run(*command, LLM_LAB_HUB_TOKEN="hf_CanaryNobodyKnows")
    wrong_place = desk.run(*command, "--stack", "nope")

    assert [one.exit_code for one in (no_token, no_address, no_network, unknown, wrong_place)] == [2, 2, 1, 2, 2]
    for result in (no_token, no_address, no_network, unknown, wrong_place):
        assert result.stdout == ""
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1
    assert "LLM_LAB_HUB_TOKEN is not set. It needs a token that may manage" in no_token.stderr
    assert "LLM_LAB_HUB does not say where the lab's stand-in is" in no_address.stderr
    assert "gave no answer (ConnectError). LLM_LAB_HUB names the lab's stand-in; is it running?" in no_network.stderr
    assert "(LLM_LAB_HUB_TOKEN)" in unknown.stderr
    assert desk.changes() == []


def test_a_token_of_another_organisation_is_told_the_permission_that_is_missing(desk):
    result = desk.run("endpoints", "list", LLM_LAB_HUB_TOKEN="other-write")

    assert result.exit_code == 2
    assert "it needs the permission inference.endpoints.write there" in result.stderr


def test_an_answer_that_echoes_the_token_is_masked(desk):
    for kind in (400, 401, 403, 500):
        desk.hub.fault(operation="list", kind=kind, message="Bearer hf_CanaryThatManages", times=1 if kind < 500 else 9)
        assert "Bearer [secret]" in desk.run("endpoints", "list").stderr


@pytest.mark.parametrize("kind", ["not-json", "invalid", "reset", "truncated"])
@pytest.mark.parametrize("command", ["list", "cost"])
def test_an_answer_that_cannot_be_read_is_a_sentence(desk, kind, command):
    desk.hub.fault(operation="list", kind=kind, times=None, moment="after" if kind == "truncated" else "before")

    result = desk.run("endpoints", command, "--json")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")


def test_a_stack_of_the_real_api_wants_the_real_token_and_never_meets_the_lab(desk_of, monkeypatch):
    monkeypatch.setattr("endpoints.access.PRODUCTION", "http://127.0.0.1:1")
    desk = desk_of({}, api="huggingface")

    no_token = desk.run("endpoints", "list", HF_ENDPOINTS_TOKEN=None)
    no_network = desk.run("endpoints", "list", HF_ENDPOINTS_TOKEN="hf_CanaryThatIsReal")

    assert (no_token.exit_code, no_network.exit_code) == (2, 1)
    assert no_token.stderr.startswith("Error: HF_ENDPOINTS_TOKEN is not set.")
    assert no_network.stderr.endswith("Check the network, and HTTPS_PROXY where one is needed.\n")
    assert list(desk.hub.requests) == []


def test_a_stack_without_endpoints_is_no_stack_for_these_commands(desk):
    desk.write("plain", {"models": {}})

    result = desk.run("endpoints", "list", "--stack", "plain")

    assert result.exit_code == 2
    assert "Stack plain has no endpoints: Pulumi.plain.yaml names no huggingface.namespace." in result.stderr


def test_a_refused_stack_file_is_wrong_configuration(desk):
    desk.write(
        "wrong", {"huggingface": {"namespace": "lab-org", "api": "lab"}, "models": {"m": {"target": "endpoint"}}}
    )

    result = desk.run("endpoints", "list", "--stack", "wrong")

    assert result.exit_code == 2
    assert "Pulumi.wrong.yaml is refused" in result.stderr
