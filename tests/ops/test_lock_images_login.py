"""Logins of `llm lock` for registries: where they come from, where they go, and where never."""

import base64
import json
import socket
import ssl

import pytest
import trustme

from tests.ops.image_locks import BASIC, TOKEN, docker_config, listed, llm_lock, stack, written
from tests.ops.registries import PASSWORD, Pusher, needs_registry, played_registry, real_registry, sha256


@needs_registry
def test_a_private_registry_gets_the_login_that_docker_keeps(image_project, tmp_path):
    with real_registry(tmp_path, login=True) as host, Pusher(host) as push:
        digest = push.index("server", "v1", b"layer")
        image = f"{host}/server:v1"

        without = llm_lock(image)
        docker_config(image_project, {"auths": {host: {"auth": base64.b64encode(b"reader:wrong-secret").decode()}}})
        wrong = llm_lock(image)
        docker_config(image_project, {"auths": {f"https://{host}/v2/": {"auth": BASIC}}})
        right = llm_lock(image)

        for refused in (without, wrong):
            assert (
                "refuses access to server (HTTP 401): there is no such repository, or it is private" in refused.output
            )
            assert f"read access: docker login {host}." in refused.output
            assert refused.exit_code == 1
        assert right.exit_code == 0, right.output
        assert written(image_project, image).digest == digest
        for secret in ("wrong-secret", PASSWORD, BASIC):
            assert secret not in without.output + wrong.output + right.output


@pytest.mark.parametrize("login", [None, BASIC])
def test_a_token_is_fetched_where_the_registry_says(image_project, registry, login):
    digest = registry.serves("team/server", "v1", b"an index")
    registry.asks_for_token(TOKEN, scope="repository:team/server:pull")
    docker_config(image_project, {"auths": {registry.host: {"auth": login}} if login else {}})

    result = llm_lock(f"{registry.host}/team/server:v1")

    assert result.exit_code == 0, result.output
    assert written(image_project, f"{registry.host}/team/server:v1").digest == digest
    assert registry.requests == [
        ("/v2/team/server/manifests/v1", None),
        ("/token?scope=repository%3Ateam%2Fserver%3Apull&service=played", login and f"Basic {login}"),
        ("/v2/team/server/manifests/v1", f"Bearer {TOKEN}"),
    ]
    assert TOKEN not in result.output


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, {}, b"ECHO"), "refuses access to server (HTTP 401). If the name is right, log in with an account"),
        ((403, {}, b"ECHO"), "refuses access to server (HTTP 403). If the name is right, log in with an account"),
        ((500, {}, b"ECHO"), "gives no token (HTTP 500). Try again later."),
        ((302, {"Location": "http://127.0.0.1:9/ECHO"}, b""), "gives no token (HTTP 302)"),
        ((200, {}, b"ECHO"), "answers without a token"),
        ((200, {}, b"[1]"), "answers without a token"),
        ((200, {}, b'{"token": "a b"}'), "answers without a token"),
    ],
)
def test_a_token_server_that_gives_none_is_told_without_what_it_says(image_project, registry, answer, said):
    registry.serves("server", "v1", b"an index")
    registry.asks_for_token(TOKEN)
    registry.answers["/token"] = answer
    docker_config(image_project, {"auths": {registry.host: {"auth": BASIC}}})

    result = llm_lock(f"{registry.host}/server:v1")

    assert f"the token server of {registry.host} {said}" in result.output
    assert BASIC not in result.output
    assert result.exit_code == 1


@pytest.mark.parametrize("realm", ["http://tokens.example/token", "ftp://127.0.0.1/", "", "http://[", "http://a:b/"])
def test_a_login_is_not_sent_where_others_read_it(image_project, registry, realm, monkeypatch):
    registry.serves("server", "v1", b"an index")
    registry.asks_for_token(TOKEN, realm=realm)
    docker_config(image_project, {"auths": {registry.host: {"auth": BASIC}}})
    here = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", registry.server_port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: here)

    result = llm_lock(f"{registry.host}/server:v1")

    assert result.exit_code == 1
    assert "to a token server without https" in result.output or "does not answer like a registry" in result.output
    assert [login for _, login in registry.requests] == [None]
    assert BASIC not in result.output


def test_a_redirect_leaves_the_login_behind(image_project, registry):
    with played_registry() as other:
        digest = other.serves("server", "v1", b"an index")
        registry.answers["/v2/server/manifests/v1"] = (
            307,
            {"Location": f"http://{other.host}/v2/server/manifests/v1"},
            b"",
        )
        registry.asks_for_token(TOKEN)

        result = llm_lock(f"{registry.host}/server:v1")

        assert written(image_project, f"{registry.host}/server:v1").digest == digest, result.output
        assert registry.requests[-1] == ("/v2/server/manifests/v1", f"Bearer {TOKEN}")
        assert other.requests == [("/v2/server/manifests/v1", None)]


def test_a_redirect_within_the_registry_keeps_the_login(image_project, registry):
    digest = registry.serves("moved", "v1", b"an index")
    registry.answers["/v2/server/manifests/v1"] = (308, {"Location": "/v2/moved/manifests/v1"}, b"")
    registry.asks_for_token(TOKEN)

    llm_lock(f"{registry.host}/server:v1")

    assert written(image_project, f"{registry.host}/server:v1").digest == digest


def test_who_is_redirected_to_may_not_ask_for_a_login(image_project, registry):
    docker_config(image_project, {"auths": {registry.host: {"auth": BASIC}}})
    with played_registry() as other:
        other.answers["/"] = (401, {"WWW-Authenticate": "Basic realm=x"}, b"")
        registry.answers["/v2/server/manifests/v1"] = (302, {"Location": f"http://{other.host}/"}, b"")

        result = llm_lock(f"{registry.host}/server:v1")

        assert "refuses access to server (HTTP 401)" in result.output
        assert [login for _, login in registry.requests + other.requests] == [None, None]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"credHelpers": {"HOST": "gcloud"}}, "config.json has credHelpers for HOST, and that is not supported here"),
        ({"auths": {"HOST": {}}, "credsStore": "desktop"}, "config.json has credsStore for HOST, and that is not"),
        ({"auths": {"HOST": {"identitytoken": PASSWORD}}}, "config.json has identitytoken for HOST, and that is not"),
        ({"auths": {"HOST": {"auth": PASSWORD}}}, "auths.HOST.auth: no base64 of user:password. Write it anew"),
        ({"auths": {"HOST": {"auth": [PASSWORD]}}}, "auths.HOST.auth: no base64 of user:password. Write it anew"),
        (f"{{{PASSWORD}", "config.json is no JSON object. Correct it, or set DOCKER_CONFIG to a folder without one"),
        ([PASSWORD], "config.json is no JSON object. Correct it, or set DOCKER_CONFIG to a folder without one"),
        ({"auths": {"other.example": {"auth": BASIC}}}, "docker login HOST"),
    ],
)
def test_a_login_that_cannot_be_used_is_told_by_its_key(image_project, registry, config, said):
    registry.answers["/v2/server/manifests/v1"] = (401, {"WWW-Authenticate": 'Basic realm="x"'}, b"")
    text = config if isinstance(config, str) else json.dumps(config)
    docker_config(image_project, text.replace("HOST", registry.host))

    result = llm_lock(f"{registry.host}/server:v1")

    assert said.replace("HOST", registry.host) in result.output
    assert PASSWORD not in result.output
    assert {login for _, login in registry.requests} == {None}


def test_a_helper_nobody_asks_does_not_keep_public_images_from_being_resolved(image_project, registry):
    registry.serves("server", "v1", b"an index")
    docker_config(image_project, {"credsStore": "desktop"})

    assert llm_lock(f"{registry.host}/server:v1").exit_code == 0


def test_docker_hub_is_asked_at_its_own_address_over_https(image_project, tmp_path, monkeypatch):
    """Of a stack's engine, with the login under the key that `docker login` writes, and a token server elsewhere."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("registry-1.docker.io", "auth.docker.io").configure_cert(certificate)
    docker_config(image_project, {"auths": {"https://index.docker.io/v1/": {"auth": BASIC}}})
    stack(image_project, {"m": {"model": "org/one", "engine": {"name": "vllm", "version": "0.31.0"}}})
    official = "docker.io/python:3.13-slim"
    listed(image_project, **{official: None})
    with played_registry(certificate) as hub:
        port = hub.server_port
        asked = []

        def here(name, *_, **__):
            asked.append(name)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(socket, "getaddrinfo", here)
        digest = hub.serves("vllm/vllm-openai", "v0.31.0", b"an index")
        hub.serves("library/python", "3.13-slim", b"another")
        hub.asks_for_token(TOKEN, realm="https://auth.docker.io/token")

        result = llm_lock("--only", "images")

        assert result.exit_code == 0, result.output
        pin = written(image_project, "docker.io/vllm/vllm-openai:v0.31.0")
        assert (pin.digest, pin.known.source) == (digest, "https://registry-1.docker.io")
        assert written(image_project, official).digest == sha256(b"another")
        assert set(asked) == {"registry-1.docker.io", "auth.docker.io"}
        assert {login for path, login in hub.requests if path.startswith("/token")} == {f"Basic {BASIC}"}

        hub.answers["/v2/library/python/manifests/3.13-slim"] = (302, {"Location": "http://127.0.0.1/"}, b"")
        assert "redirects to a server without https" in llm_lock(official).output


def test_no_proxy_sees_what_stays_on_this_machine(image_project, registry, monkeypatch):
    registry.serves("server", "v1", b"an index")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert llm_lock(f"{registry.host}/server:v1").exit_code == 0
