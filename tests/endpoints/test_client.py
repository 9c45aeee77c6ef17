"""Calls: how often, how long, with whose token, and what a person reads when they fail."""

import io
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise

import httpx2
import pytest
from huggingface_hub import HfApi, constants, set_client_factory
from huggingface_hub.errors import OfflineModeIsEnabled
from huggingface_hub.utils._http import default_client_factory, get_session

from endpoints.access import AccessError, access
from endpoints.client import EndpointsClient
from endpoints.errors import AmbiguousError, EndpointsError, RefusedError, TransientError, redacted
from endpoints.session import Destination
from tests.endpoints.support import (
    CUSTOM,
    ORG,
    OTHER_OWNER,
    OWNER,
    SECRET,
    Desk,
    asked,
    body,
    count,
    finished,
    foreign,
)

REPEATED = {
    "get": lambda client: client.get("one"),
    "list": lambda client: list(client.all_endpoints()),
    "hardware": lambda client: client.hardware(),
    "logs": lambda client: client.logs("one", tail=3),
    "update": lambda client: client.update("one", {"compute": {"scaling": {"maxReplica": 2}}}),
    "pause": lambda client: client.pause("one"),
    "resume": lambda client: client.resume("one"),
    "delete": lambda client: client.delete("one"),
}
BUSY = (408, 429, 500, 502, 503, 504)
LOST = ("reset", "close", "truncated")


def make(client: EndpointsClient) -> None:
    client.create(asked().tagged, {"KEY": SECRET}, None)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that waits half a second for an answer to begin."""
    monkeypatch.setattr("endpoints.client.Destination", partial(Destination, seconds=0.5))


# -- what may be asked twice


@pytest.mark.parametrize("operation", REPEATED)
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kind", [*BUSY, *LOST])
def test_what_may_be_asked_twice_is(desk, hub, operation, kind, moment):
    hub.add_endpoint("one")
    if operation == "resume":
        desk.client().pause("one")
    fault = hub.fault(operation=operation, kind=kind, moment=moment, times=2)
    REPEATED[operation](desk.client())
    assert fault.hits == 2
    assert count(hub, operation) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 501])
def test_a_refusal_is_taken_as_one(desk, hub, status):
    hub.add_endpoint("one")
    fault = hub.fault(operation="update", kind=status, times=None)
    with pytest.raises(RefusedError) as refused:
        REPEATED["update"](desk.client())
    assert (refused.value.status, fault.hits) == (status, 1)
    assert str(refused.value).startswith(f"HTTP {status}: Injected by the lab.")


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kind", [*BUSY, *LOST, "not-json", "invalid", 400, 409, 422])
def test_a_create_is_asked_once_whatever_happens(desk, hub, kind, moment):
    hub.fault(operation="create", kind=kind, moment=moment, times=None)
    with pytest.raises(EndpointsError):
        make(desk.client())
    assert count(hub, "create") == 1


def test_what_has_an_end_that_nobody_can_read_has_probably_happened(desk, hub):
    hub.add_endpoint("one")
    for operation in ("get", "list", "hardware", "update", "pause", "resume"):
        for kind in ("not-json", "invalid"):
            hub.fault(operation=operation, kind=kind, moment="after")
            with pytest.raises(AmbiguousError, match="cannot be read"):
                REPEATED[operation](desk.client())


def test_patience_ends(desk, hub):
    hub.fault(operation="get", kind=503, times=None)
    before = desk.now()
    with pytest.raises(TransientError):
        desk.client().get("one")
    assert 0 < desk.now() - before <= desk.patience
    assert count(hub, "get") > 3


def test_pauses_grow_and_are_no_two_alike(desk, hub):
    """Full jitter: from nothing to a bound that doubles up to 15 s."""
    desk.patience = 600
    hub.fault(operation="get", kind=503, times=40)
    desk.client().get("one")
    bounds = [min(0.5 * 2**index, 15.0) for index in range(40)]
    assert len(desk.slept) == 40
    assert all(0 <= slept <= bound for slept, bound in zip(desk.slept, bounds, strict=True))
    assert len(set(desk.slept)) == 40
    assert max(desk.slept) > 10


@pytest.mark.parametrize("status", [429, 503])
def test_it_asks_never_sooner_than_the_api_says(desk, hub, status):
    hub.fault(operation="get", kind=status, retry_after=7, times=3)
    desk.client().get("one")
    assert [slept >= 7 for slept in desk.slept] == [True] * 3
    times = [one.at for one in hub.requests]
    assert all(later - earlier >= 7 for earlier, later in pairwise(times))


@pytest.mark.parametrize("seconds", [61, 3600])
def test_a_pause_that_is_longer_than_patience_is_an_error_now(desk, hub, seconds):
    hub.fault(operation="get", kind=429, retry_after=seconds)
    with pytest.raises(TransientError, match=r"HTTP 429: Injected by the lab\. The API asks to slow down\."):
        desk.client().get("one")
    assert desk.slept == []


@pytest.mark.parametrize("header", ["nan", "-5", "soon", "", "Wed, 25 Nov 2026 12:00:00 GMT"])
def test_a_pause_that_is_no_number_is_ours(desk, header):
    with echoing(503, b"", **{"retry-after": header}) as server, pytest.raises(TransientError):
        client_at(server, desk).get("one")
    assert 0 <= desk.slept[0] <= 0.5


def test_a_pause_without_end_is_an_error_now(desk):
    with echoing(503, b"", **{"retry-after": "inf"}) as server, pytest.raises(TransientError):
        client_at(server, desk).get("one")
    assert desk.slept == []


def test_a_rate_limit_is_lived_with(desk, hub):
    hub.switch(rate_limit=20)
    desk.patience = 300
    client = desk.client()
    for _ in range(60):
        client.get("one")
    assert count(hub, "get") < 70


# -- time-outs


@pytest.mark.parametrize("operation", REPEATED)
def test_an_answer_that_does_not_come_ends(desk, hub, impatient, operation):
    hub.add_endpoint("one")
    hub.fault(operation=operation, kind="hang", seconds=20)
    REPEATED[operation](desk.client())
    assert count(hub, operation) >= 2


def test_a_create_without_an_answer_ends_and_is_not_repeated(desk, hub, impatient):
    hub.fault(operation="create", kind="hang", seconds=20, moment="after")
    with pytest.raises(TransientError, match="gave no answer"):
        make(desk.client())
    assert count(hub, "create") == 1


def test_an_answer_that_is_late_or_comes_drop_by_drop_is_one(desk, hub):
    hub.add_endpoint("one")
    for kind in ("slow", "drip"):
        hub.fault(operation="get", kind=kind, moment="after", seconds=0.2)
        assert desk.client().get("one")["name"] == "one"
    assert count(hub, "get") == 2


def test_nobody_at_the_address_is_an_error_soon(desk):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        environment = {**desk.hub.environment, "LLM_LAB_HUB": f"http://127.0.0.1:{free.getsockname()[1]}"}
    client = EndpointsClient(access("lab", environment), ORG, sleep=desk.sleep, clock=desk.now)
    with pytest.raises(TransientError, match="gave no answer"):
        client.get("one")


# -- pages


@pytest.fixture
def crowd(hub):
    """An account with 60 endpoints, a third of which is ours, and some of another namespace."""
    hub.world.catalogue.quotas[ORG, "aws", "intel-spr"] = 1000
    for number in range(60):
        tags = [[OWNER], [OTHER_OWNER], []][number % 3]
        hub.add_endpoint(f"e{number:02}", tags=tags, by="lab-user" if tags == [OWNER] else "lab-colleague")
    hub.add_endpoint("theirs", namespace="other-org")
    return hub


def test_no_page_is_forgotten(desk, crowd, monkeypatch):
    names = [f"e{number:02}" for number in range(60)]
    assert [one["name"] for one in desk.client().all_endpoints()] == names
    for size in (1, 7, 20, 59, 60):
        monkeypatch.setattr("endpoints.client._PAGE", size)
        assert [one["name"] for one in desk.client().all_endpoints()] == names


def test_a_page_that_comes_to_grief_is_asked_again_and_not_left_out(desk, crowd, monkeypatch):
    monkeypatch.setattr("endpoints.client._PAGE", 10)
    for skip in range(0, 12, 2):
        crowd.fault(operation="list", kind=503, skip=skip, times=1)
    assert len({one["name"] for one in desk.client().all_endpoints()}) == 60


def test_a_page_that_cannot_be_read_is_an_error_and_no_end(desk, crowd, monkeypatch):
    monkeypatch.setattr("endpoints.client._PAGE", 10)
    crowd.fault(operation="list", kind="invalid", skip=2)
    with pytest.raises(AmbiguousError):
        list(desk.client().all_endpoints())


def test_among_sixty_only_ours_are_touched(desk, crowd):
    """One of ours is made, changed and deleted; the 40 of others, and those of another namespace, stay as they were."""
    before = foreign(crowd)
    assert len(before) == 41
    lifecycle = desk.lifecycle()
    for name in ("new", "e00"):
        old = asked(name, compute__accelerator="cpu", compute__instanceType="intel-spr")
        new = asked(name, compute__accelerator="cpu", compute__instanceType="intel-spr", compute__instanceSize="x2")
        lifecycle.create(old)
        lifecycle.update(old, new)
        lifecycle.delete(new)
    for name in ("e01", "e02"):
        with pytest.raises(EndpointsError, match="is not this stack's"):
            lifecycle.create(asked(name))
        with pytest.raises(EndpointsError, match="is not this stack's"):
            lifecycle.update(asked(name), asked(name, type="public"))
        assert lifecycle.read(asked(name)) is None
        lifecycle.delete(asked(name))
    assert foreign(crowd) == before
    assert {one["name"] for one in desk.client().all_endpoints()} == {f"e{number:02}" for number in range(1, 60)}


# -- what a person reads


@contextmanager
def echoing(status: int, text: bytes, content_type: str = "application/json", **headers: str) -> Iterator[str]:
    """A server that answers everything so; `seen` of the handler's class keeps what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.server.seen.append(dict(self.headers))  # type: ignore[attr-defined]
            self.send_response(status)
            for name, value in {"content-type": content_type, "content-length": str(len(text)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.seen = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server  # type: ignore[misc]
        finally:
            server.shutdown()
            thread.join()


def client_at(server: HTTPServer, desk: Desk, **settings) -> EndpointsClient:
    environment = {**desk.hub.environment, "LLM_LAB_HUB": f"http://127.0.0.1:{server.server_port}"}
    return EndpointsClient(access("lab", environment), ORG, sleep=desk.sleep, clock=desk.now, patience=1, **settings)


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


ECHOES = {
    "as it is": f'{{"error": "{escaped(SECRET)} by lab-manage"}}',
    "in a list": f'{{"errors": [{{"message": "{escaped(SECRET)} by lab-manage"}}]}}',
    "in an object": f'{{"error": {{"said": "{escaped(SECRET)}", "token": "Bearer lab-manage"}}}}',
    "in a body in a text": f'{{"error": "{escaped(escaped(SECRET))} by lab-manage"}}',
    "as text": f"{escaped(SECRET)} {SECRET} lab-manage",
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
@pytest.mark.parametrize("status", [400, 403, 500])
def test_no_error_holds_a_token_or_a_secret_that_the_server_echoes(desk, echo, status):
    with echoing(status, echo.encode()) as server:
        client = client_at(server, desk, secrets=(SECRET,))
        for call in (make, REPEATED["get"], REPEATED["update"]):
            with pytest.raises(EndpointsError) as failed:
                call(client)
            text = f"{failed.value} {failed.value!r} {failed.value.args}"
            assert "lab-manage" not in text
            assert "not-for-your-eyes" not in text
            assert "[secret]" in text
            assert failed.value.__suppress_context__


def test_an_errors_text_is_one_line_of_bounded_length():
    assert redacted("a\n b\t\tc", ()) == "a b c"
    assert redacted("\x1b]0;title\x07red\x9b2J", ()) == "]0;title red 2J"
    assert redacted("x" * 700, ()) == "x" * 600 + "..."
    assert redacted("secret secretly", ("", "secret", "secretly")) == "[secret] [secret]"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "The API does not know this token (LLM_LAB_HUB_TOKEN)."),
        (403, "The token (LLM_LAB_HUB_TOKEN) may not do this in lab-org: it needs the permission inference.endpoints"),
    ],
)
def test_who_may_not_reads_which_variable_and_which_permission(desk, hub, status, words):
    desk.token = "nobody" if status == 401 else "lab-invoke"
    with pytest.raises(RefusedError) as refused:
        desk.client().get("one")
    assert refused.value.status == status
    assert words in str(refused.value)


@pytest.mark.parametrize("layout", ["json", "message", "html", "text", "empty"])
def test_every_layout_of_an_error_is_one(desk, hub, layout):
    hub.fault(operation="get", kind=400, body=layout)
    with pytest.raises(RefusedError) as refused:
        desk.client().get("one")
    said = "" if layout in ("html", "empty") else ": Injected by the lab"
    assert str(refused.value) == f"HTTP 400{said}."


def test_nothing_that_is_shown_of_an_access_or_of_what_is_asked_holds_a_secret(desk):
    wanted = asked(secrets={"KEY": SECRET}, registry_password=SECRET)
    assert "not-for-your-eyes" not in repr(wanted)
    assert "lab-manage" not in repr(desk.access)
    assert "lab-invoke" not in repr(desk.access)


def test_logs_come_without_secrets(desk, hub):
    endpoint = hub.add_endpoint("one")
    endpoint.lines[-1].line = f"started with {SECRET} and lab-manage"
    (line,) = desk.client(secrets=(SECRET,)).logs("one", tail=1)
    assert line.endswith("started with [secret] and [secret]")


# -- beside huggingface_hub


def test_its_debug_output_has_no_body_of_ours(desk, hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_DEBUG", True)
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    root, library = logging.getLogger(), logging.getLogger("huggingface_hub")
    levels = root.level, library.level
    for logger in (root, library):
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    try:
        client = desk.client()
        client.create(asked(model__image=CUSTOM).tagged, {"KEY": SECRET}, SECRET)
        client.update("one", {"model": {"secrets": {"KEY": SECRET}}})
        client.update("one", {"type": "public", "model": {"secrets": {"KEY": SECRET + "2"}}})
        client.delete("one")
    finally:
        for logger, level in ((root, levels[0]), (library, levels[1])):
            logger.removeHandler(handler)
            logger.setLevel(level)
    assert "not-for-your-eyes" not in lines.getvalue()
    assert "lab-manage" not in lines.getvalue()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_takes_the_token_nowhere(desk, status):
    with echoing(200, b"{}") as thief:
        with echoing(status, b"", location=f"http://127.0.0.1:{thief.server_port}/v2/endpoint/lab-org/one") as server:
            for call in (make, *REPEATED.values()):
                with pytest.raises(RefusedError, match=f"HTTP {status}"):
                    call(client_at(server, desk))
            assert len(server.seen) == 1 + len(REPEATED)
        assert thief.seen == []


def test_every_call_has_our_token_and_names_the_namespace(desk, hub, monkeypatch):
    """Not the token of the environment, and no question who we are, which is heavily limited."""
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_environment")
    make(desk.client())
    for call in REPEATED.values():
        call(desk.client())
    assert {one.token for one in hub.requests} == {"manage"}
    assert {one.plane for one in hub.requests} == {"control"}
    assert all("llm-inference/" in one.user_agent for one in hub.requests if one.operation in ("create", "get"))


def test_outside_of_our_calls_the_library_is_as_before(desk, hub, monkeypatch):
    assert desk.client().get("one") is None
    session = get_session()
    default = default_client_factory()
    assert (session.follow_redirects, session.timeout) == (default.follow_redirects, default.timeout)
    default.close()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(OfflineModeIsEnabled):
        HfApi(endpoint=hub.url, token="lab-write").whoami()
    # That is for the Hub's files; an endpoint is asked for by name.
    assert desk.client().get("one") is None


def test_the_lab_is_asked_also_when_somebody_has_put_another_client_in_place(desk, hub):
    desk.client().get("one")
    set_client_factory(default_client_factory)
    assert desk.client().get("one") is None
    assert count(hub, "get") == 2


def test_two_apis_in_one_process_are_not_mixed_up(desk, hub):
    with echoing(404, b'{"error": "not here"}') as other:
        one, two = desk.client(), client_at(other, desk)
        hub.add_endpoint("one")
        threads = [threading.Thread(target=lambda: [two.get("one") for _ in range(20)]) for _ in range(2)]
        for thread in threads:
            thread.start()
        assert all(one.get("one") is not None for _ in range(20))
        for thread in threads:
            thread.join()
    assert len(other.seen) == 40


def test_a_stack_of_the_lab_does_not_reach_the_real_api_nor_the_other_way():
    everything = {
        "LLM_LAB_HUB": "http://127.0.0.1:9/",
        "LLM_LAB_HUB_TOKEN": "lab",
        "HF_ENDPOINTS_TOKEN": " real ",
        "HF_TOKEN": "x",
    }
    lab, real = access("lab", everything), access("huggingface", everything)
    assert (lab.url, lab.token, lab.invoke_token) == ("http://127.0.0.1:9", "lab", "lab")
    assert (real.url, real.token) == ("https://api.endpoints.huggingface.cloud", "real")
    for api, variable in (("lab", "LLM_LAB_HUB"), ("lab", "LLM_LAB_HUB_TOKEN"), ("huggingface", "HF_ENDPOINTS_TOKEN")):
        with pytest.raises(AccessError, match=f"{variable}"):
            access(api, {**everything, variable: ""})


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://abc.us-east-1.aws.endpoints.huggingface.cloud", True),
        ("https://abc.endpoints.huggingface.cloud:443/x", True),
        ("https://llm.example.com/v1", True),
        ("http://abc.endpoints.huggingface.cloud", False),
        ("https://evil.example", False),
        ("https://endpoints.huggingface.cloud.evil.example", False),
        ("https://evilendpoints.huggingface.cloud", False),
        ("https://abc.endpoints.huggingface.cloud@evil.example/", False),
        ("https://evil.example\\@abc.endpoints.huggingface.cloud/", None),
        ("https://evil.example#.endpoints.huggingface.cloud", False),
        ("https://evil.example/?.endpoints.huggingface.cloud", False),
        ("https://[::1", False),
        ("https://", False),
        ("file:///etc/passwd", False),
        ("//abc.endpoints.huggingface.cloud", False),
        ("127.0.0.1", False),
        ("", False),
        ("\x00", False),
    ],
)
def test_the_calling_token_goes_to_hugging_faces_own_hosts_over_tls(url, trusted):
    real = access("huggingface", {"HF_ENDPOINTS_TOKEN": "t"})
    found = real.trusts(url, route="llm.example.com")
    if trusted is None:  # whatever it is taken for, it is sent there
        trusted = httpx2.URL(url).host.endswith(".endpoints.huggingface.cloud")
    assert found == trusted


def test_what_is_deleted_twice_or_paused_twice_is_fine(desk, hub):
    hub.add_endpoint("one")
    client = desk.client()
    assert client.pause("one")["status"]["state"] == "paused"
    assert client.pause("one")["status"]["state"] == "paused"
    client.resume("one")
    finished(hub)
    assert client.resume("one")["status"]["state"] == "running"
    client.delete("one")
    client.delete("one")


def test_an_endpoint_on_its_way_to_a_pause_is_paused(desk, hub):
    hub.switch(pause_shows_pausing=True)
    hub.add_endpoint("one")
    hub.fault(operation="pause", kind="reset", moment="after")
    assert desk.client().pause("one")["status"]["state"] in ("pausing", "paused")


def test_every_change_reaches_the_api_whether_the_library_can_say_it_or_not(desk, hub):
    """Both ways, and the request is the same."""
    hub.add_endpoint("one", **{key: value for key, value in body().items() if key not in ("name", "privateService")})
    for change in (
        {"compute": {"instanceSize": "x4"}, "model": {"image": {"vLLM": {"url": "u", "tensorParallelSize": 4}}}},
        {"compute": {"scaling": {"measure": {"pendingRequests": 2.5}, "maxReplica": 2}}},
        {"model": {"env": {}, "args": [], "task": "x", "secrets": {}}},
        {"route": {"domain": "d.example", "path": "/v1"}},
        {"route": {"domain": "d.example", "path": None}},
        {"route": None},
        {"tags": [], "cacheHttpResponses": True},
        {"type": "authenticated"},
        {"compute": {"scaling": {"measure": None}}},
    ):
        desk.client().update("one", change)
        assert hub.requests[-1].body == change
