"""`llm lock` against a hub: what it writes, what it leaves alone, what it says."""

import contextlib
import http.server
import json
import os
import socket
import threading
import time
import urllib.parse
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blueprint.locks import Known, ModelPin, ModelsLock, read_models_lock
from ops import lock, lockfile
from ops.sources import ModelRevision

A, B, C = "a" * 40, "b" * 40, "c" * 40
TOKEN = "hf_thisMustNeverBeSeen"
NAME = "models.lock.yaml"


class FakeHub(http.server.ThreadingHTTPServer):
    """Answers as the Hub does; `answers` maps repository@revision to a SHA or to (status, headers, body)."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = {}
        self.delay = 0.0
        self.authorizations = []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        hub = self.server
        repository, _, revision = self.path.removeprefix("/api/models/").partition("/revision/")
        key = f"{repository}@{urllib.parse.unquote(revision)}"
        hub.authorizations.append(self.headers.get("Authorization"))
        time.sleep(hub.delay)
        answer = hub.answers.get(key, (404, {"X-Error-Code": "RepoNotFound"}, b"{}"))
        if isinstance(answer, str):
            body = {"id": repository, "modelId": repository, "sha": answer, "tags": [], "siblings": []}
            answer = (200, {"Content-Type": "application/json"}, json.dumps(body).encode())
        status, headers, body = answer
        echo = (self.headers.get("Authorization") or "").encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value.replace("ECHO", echo.decode()))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(body.replace(b"ECHO", echo))

    def log_message(self, *_):
        pass


@pytest.fixture
def hub():
    server = FakeHub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A checkout with one stack that serves org/one@main."""
    for variable in ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "Pulumi.yaml").write_text("name: llm-inference\n")
    stack(tmp_path, "dev", {"one": {"model": "org/one"}})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stack(root: Path, name: str, models: object):
    content = {"config": {"llm-inference:models": models}}
    (root / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump(content))


def llm_lock(*arguments: str):
    return CliRunner().invoke(lock.command, arguments, catch_exceptions=False)


def written(root: Path) -> ModelsLock:
    return read_models_lock((root / NAME).read_text())


def pinned(root: Path, **shas: str):
    """A lock with pins org/<name>@main that were resolved some time ago."""
    known = {"how": "resolved", "source": "https://huggingface.co", "date": "2026-01-02"}
    models = {f"org/{name}@main": {"sha": sha, "known": known} for name, sha in shas.items()}
    text = "# kept\n# as it is\n\n" + yaml.safe_dump({"version": 1, "models": models}, sort_keys=False)
    (root / NAME).write_text(text)
    return text


def test_models_of_all_stacks_are_pinned_with_how_that_is_known(project, hub):
    stack(project, "prod", {"two": {"model": "org/two", "revision": "v1/rc"}})
    hub.answers = {"org/one@main": A, "org/two@v1/rc": B}

    result = llm_lock("--endpoint", f"http://user:secret@127.0.0.1:{hub.server_port}/")

    assert result.exit_code == 0, result.output
    assert "org/one@main: new, aaaaaaaa" in result.output
    lock_file = written(project)
    assert {name: pin.sha for name, pin in lock_file.models.items()} == {"org/one@main": A, "org/two@v1/rc": B}
    assert lock_file.pin("org/one", "main").known.source == hub.address
    assert lock_file.pin("org/one", "main").known.date is not None
    assert "secret" not in (project / NAME).read_text() + result.output


def test_adapters_and_draft_models_are_pinned_as_models_are(project, hub):
    lora = {"adapters": {"legal": {"model": "org/legal"}, "medical": {"model": "org/medical", "revision": "v2"}}}
    engine = {"name": "vllm", "lora": lora, "speculative": {"method": "draft_model", "model": "org/draft", "tokens": 3}}
    wrong = {"lora": {"adapters": {"x": {"model": "no repository"}}}, "speculative": {"method": "ngram"}}
    stack(project, "prod", {"m": {"model": "org/one", "engine": engine}, "n": {"model": "org/one", "engine": wrong}})
    hub.answers = {"org/one@main": A, "org/legal@main": B, "org/medical@v2": C, "org/draft@main": B}

    result = llm_lock("--endpoint", hub.address)

    assert {name: pin.sha for name, pin in written(project).models.items()} == hub.answers
    assert "models.n.engine.lora.adapters.x: no model of the form organisation/name" in result.output


def test_second_run_changes_no_byte(project, hub):
    hub.answers = {"org/one@main": A}
    llm_lock("--endpoint", hub.address)
    before = ((project / NAME).read_bytes(), (project / NAME).stat().st_mtime_ns)

    result = llm_lock("--endpoint", hub.address)

    assert "org/one@main: unchanged, aaaaaaaa" in result.output
    assert ((project / NAME).read_bytes(), (project / NAME).stat().st_mtime_ns) == before


def test_moved_revision_is_said_and_the_head_of_the_file_kept(project, hub):
    pinned(project, one=A, unused=C)
    hub.answers = {"org/one@main": B}

    result = llm_lock("--endpoint", hub.address)

    assert "org/one@main: moved from aaaaaaaa to bbbbbbbb" in result.output
    assert "org/unused@main: no stack uses it; kept" in result.output
    assert (project / NAME).read_text().startswith("# kept\n# as it is\n\nversion: 1\n")
    assert written(project).pin("org/unused", "main").sha == C


def test_published_pin_becomes_resolved_when_the_hub_confirms_it(project, hub):
    known = {"how": "published", "source": "a README", "date": "2026-01-02"}
    content = {"version": 1, "models": {"org/one@main": {"sha": A, "known": known}}}
    (project / NAME).write_text(yaml.safe_dump(content))
    hub.answers = {"org/one@main": A}

    result = llm_lock("--endpoint", hub.address)

    assert "unchanged, aaaaaaaa; published before, resolved now" in result.output
    assert written(project).pin("org/one", "main").known.how == "resolved"


GATED = (403, {"X-Error-Code": "GatedRepo"}, b"{}")
UNKNOWN = (404, {"X-Error-Code": "RepoNotFound"}, b"{}")
NO_REVISION = (404, {"X-Error-Code": "RevisionNotFound"}, b"{}")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (GATED, "org/one is gated. Accept its licence at {hub}/org/one, and set HF_TOKEN"),
        (UNKNOWN, "{hub} shows no repository org/one. Correct the name; if it is private, set HF_TOKEN"),
        (NO_REVISION, "org/one has no revision main. Choose a branch, tag or commit"),
        ((401, {}, b"{}"), "refuses access (HTTP 401): there is no such repository, or it is private or gated"),
        ((401, {"X-Error-Message": "Invalid credentials in Authorization header"}, b""), "refuses access (HTTP 401)"),
        ((403, {}, b"{}"), "refuses access (HTTP 403)"),
        ((429, {}, b"{}"), "asks to slow down (HTTP 429)"),
        ((503, {}, b"{}"), "is in trouble (HTTP 503)"),
        ((404, {}, b"{}"), "does not answer like the Hub (HTTP 404)"),
        ((200, {}, b"<html>"), "does not answer like the Hub. Correct --endpoint"),
        ((200, {}, b"[1]"), "does not answer like the Hub. Correct --endpoint"),
        ((200, {}, b'{"id": "org/one", "sha": "main"}'), "answered without a commit SHA"),
        ((200, {}, b'{"id": "org/one"}'), "answered without a commit SHA"),
    ],
)
def test_failure_says_why_and_what_to_do_and_keeps_the_pin(project, hub, answer, said):
    before = pinned(project, one=A)
    hub.answers = {"org/one@main": answer}

    result = llm_lock("--endpoint", hub.address)

    assert result.exit_code == 1
    assert "org/one@main: stays at aaaaaaaa, not confirmed: " in result.output
    assert "is unchanged" not in result.output, "nobody knows whether it holds"
    assert said.format(hub=hub.address) in result.output
    assert "Traceback" not in result.output
    assert (project / NAME).read_text() == before


def test_all_models_are_tried_and_a_missing_pin_is_written_as_unresolved(project, hub):
    stack(project, "dev", {"one": {"model": "org/one"}, "two": {"model": "org/two"}})
    hub.answers = {"org/one@main": GATED, "org/two@main": B}

    result = llm_lock("--endpoint", hub.address)

    assert result.exit_code == 1
    assert "1 of 2 models could not be resolved" in result.output
    assert written(project).pin("org/two", "main").sha == B
    assert yaml.safe_load((project / NAME).read_text())["models"]["org/one@main"] == {"known": {"how": "unresolved"}}


def test_slow_hub_costs_no_more_than_the_time_out(project, hub):
    hub.delay = 20
    started = time.monotonic()

    result = llm_lock("--endpoint", hub.address, "--timeout", "0.2")

    assert time.monotonic() - started < 15
    assert f"{hub.address} gave no answer within 0.2 s" in result.output
    assert result.exit_code == 1


def test_unreachable_hub_leaves_pins_alone(project):
    before = pinned(project, one=A)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        result = llm_lock("--endpoint", f"http://127.0.0.1:{bound.getsockname()[1]}")

    assert "cannot be reached (ConnectError)" in result.output
    assert result.exit_code == 1
    assert (project / NAME).read_text() == before


def test_token_reaches_the_hub_and_nothing_else(project, hub, monkeypatch, caplog):
    """The server echoes it in every place that a client might repeat."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    echoing = {"X-Error-Message": "bad ECHO", "X-HF-Warning": "ECHO; ECHO", "X-Request-Id": "ECHO"}
    stack(project, "dev", {str(n): {"model": f"org/m{n}"} for n in range(6)})
    hub.answers = {
        "org/m0@main": (400, echoing, b'{"error": "ECHO"}'),
        "org/m1@main": (403, {**echoing, "X-Error-Code": "GatedRepo"}, b'{"error": "ECHO"}'),
        "org/m2@main": (500, echoing, b"ECHO"),
        "org/m3@main": (200, echoing, b'{"id": "ECHO", "sha": "ECHO"}'),
        "org/m4@main": (302, {**echoing, "Location": "ftp://ECHO/"}, b""),
        "org/m5@main": A,
    }

    result = llm_lock("--endpoint", hub.address)

    assert set(hub.authorizations) == {f"Bearer {TOKEN}"}
    assert written(project).pin("org/m5", "main").sha == A
    assert "5 of 6 models" in result.output
    for seen in (result.output, result.stderr, (project / NAME).read_text(), caplog.text):
        assert TOKEN not in seen


def test_token_is_not_sent_over_plain_http_to_another_machine(project, hub, monkeypatch):
    """A name that is this machine's all the same, but that a client cannot know to be."""
    from ops.hub import Hub

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", hub.server_port))])
    hub.answers = {"org/one@main": GATED}

    with pytest.raises(Exception, match="HF_TOKEN is not sent over plain http to another machine"):
        Hub(f"http://mirror.example:{hub.server_port}", TOKEN, 2).commit(ModelRevision("org/one", "main"))

    assert hub.authorizations == [None]


def test_a_hub_that_answers_another_commit_than_asked_is_not_believed(project, hub):
    hub.answers = {f"org/one@{A}": B}

    result = llm_lock(f"org/one@{A}", "--endpoint", hub.address)

    assert "answered with commit bbbbbbbb when asked for aaaaaaaa" in result.output
    assert result.exit_code == 1


def test_check_writes_nothing_and_fails_when_the_lock_would_change(project, hub):
    before = pinned(project, one=A)
    hub.answers = {"org/one@main": B}

    result = llm_lock("--check", "--endpoint", hub.address)

    assert result.exit_code == 1
    assert "models.lock.yaml would change" in result.output
    assert (project / NAME).read_text() == before


def test_check_passes_when_every_pin_holds_and_names_what_no_stack_uses(project, hub):
    pinned(project, one=A, unused=B)
    hub.answers = {"org/one@main": A}

    result = llm_lock("--check", "--endpoint", hub.address)

    assert result.exit_code == 0, result.output
    assert "org/unused@main: no stack uses it; kept" in result.output


def test_check_fails_on_a_model_without_pin(project, hub):
    pinned(project, other=B)
    hub.answers = {"org/one@main": A}

    assert llm_lock("--check", "--endpoint", hub.address).exit_code == 1
    assert set(written(project).models) == {"org/other@main"}


@pytest.mark.parametrize("content", ["config: [", "config: 3\n", "config:\n  llm-inference:models: {x: 3}\n", "- 1\n"])
def test_stack_file_that_does_not_parse_is_reported_and_skipped(project, hub, content):
    (project / "Pulumi.bad.yaml").write_text(content)
    hub.answers = {"org/one@main": A}

    result = llm_lock("--endpoint", hub.address)

    assert result.exit_code == 0, result.output
    assert "Pulumi.bad.yaml" in result.stderr
    assert "Skipped" in result.stderr
    assert written(project).pin("org/one", "main").sha == A
    assert llm_lock("--check", "--endpoint", hub.address).exit_code == 1, "a check must not pass over a file"


@pytest.mark.parametrize("name", ["justaname", "a/b/c", "../../etc", "org/one@", "org/one@-x", "@main"])
def test_argument_that_is_no_model_is_refused(project, name):
    result = llm_lock("--endpoint", "http://127.0.0.1:9", "--", name)

    assert result.exit_code == 2
    assert "is no model" in result.output
    assert not (project / NAME).exists()


@pytest.mark.parametrize("address", ["huggingface.co", "ftp://x", "http://", "http://[::1"])
def test_address_that_is_none_is_refused(project, address):
    result = llm_lock("--endpoint", address)

    assert result.exit_code == 1
    assert "--endpoint is no address" in result.output


@pytest.mark.parametrize("address", ["http://127.0.0.1:99999", "http://127.0.0.1:x", "http://a b/"])
def test_address_that_cannot_be_asked_is_no_traceback(project, address):
    result = llm_lock("--endpoint", address, "--timeout", "1")

    assert result.exit_code == 1
    assert "1 of 1 models could not be resolved" in result.output


def test_damaged_lock_is_refused_and_not_overwritten(project, hub):
    (project / NAME).write_text("<<<<<<< HEAD\nmodels: {\n")

    result = llm_lock("--endpoint", hub.address)

    assert result.exit_code == 1
    assert "Restore it from version control" in result.output
    assert (project / NAME).read_text() == "<<<<<<< HEAD\nmodels: {\n"


def test_interrupted_write_leaves_the_old_lock_and_no_litter(project, hub, monkeypatch):
    before = pinned(project, one=A)
    hub.answers = {"org/one@main": B}

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with contextlib.suppress(KeyboardInterrupt):
        llm_lock("--endpoint", hub.address)

    assert (project / NAME).read_text() == before
    assert sorted(path.name for path in project.iterdir()) == ["Pulumi.dev.yaml", "Pulumi.yaml", NAME]


def test_comments_and_other_entries_stay_as_they_are(project, hub):
    known = "known: {how: resolved, source: https://huggingface.co, date: 2026-01-02}  # asked by hand\n"
    other = f"  # For the search.\n  org/two@main:\n    sha: {C}\n    {known}"
    (project / NAME).write_text(
        f"version: 1\nmodels:\n  org/one@main:\n    sha: {A}  # the good one\n    {known}{other}"
    )
    hub.answers = {"org/one@main": B}

    llm_lock("--endpoint", hub.address, "org/one")

    now = (project / NAME).read_text()
    assert now.startswith(
        f"version: 1\nmodels:\n  org/one@main:\n    sha: {B}  # the good one\n    known: {{how: resolved,"
    )
    assert now.endswith(f"}}  # asked by hand\n{other}")


def test_lock_that_changed_meanwhile_is_not_overwritten(project):
    text = pinned(project, one=A)
    pinned(project, one=B)

    with pytest.raises(Exception, match="changed by somebody else"):
        lockfile.MODELS.replace(project / NAME, ModelsLock(), text)

    assert written(project).pin("org/one", "main").sha == B


def test_written_file_keeps_its_mode(project, hub):
    pinned(project, one=A)
    (project / NAME).chmod(0o664)
    hub.answers = {"org/one@main": B}

    llm_lock("--endpoint", hub.address)

    assert (project / NAME).stat().st_mode & 0o777 == 0o664


SHAS = st.text("0123456789abcdef", min_size=40, max_size=40)
SOURCES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
KNOWN = st.builds(Known, how=st.sampled_from(["resolved", "published"]), source=SOURCES, date=st.dates())
PINS = st.just(ModelPin()) | st.builds(
    ModelPin,
    sha=SHAS,
    known=KNOWN,
    licence=st.sampled_from([None, "apache-2.0", "no", "1.0"]),
    licence_name=st.sampled_from([None, "of-our-own"]),
    gated=st.sampled_from([None, True]),
)
KEYS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,9}/[A-Za-z0-9_.-]{1,9}@[A-Za-z0-9_./-]{1,9}", fullmatch=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(models=st.dictionaries(KEYS, PINS, max_size=4), shuffle=st.randoms(use_true_random=False))
def test_any_lock_that_is_written_reads_back_equal_and_twice_the_same(tmp_path, models, shuffle):
    path = tmp_path / NAME
    previous, _ = lockfile.MODELS.load(path)
    names = list(models)
    shuffle.shuffle(names)

    lockfile.MODELS.replace(path, ModelsLock(models={name: models[name] for name in names}), previous)

    text, read = lockfile.MODELS.load(path)
    assert read == ModelsLock(models=models)
    assert lockfile.MODELS.render(read, text) == text
