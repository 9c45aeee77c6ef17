"""`llm lock` against registries of images: what it writes, what it leaves alone, what it says."""

import datetime
import json
import socket

import pytest
import yaml

from blueprint.locks import ImagePin
from tests.ops.image_locks import BASIC, NAME, TOKEN, docker_config, listed, llm_lock, published, stack, written
from tests.ops.registries import INDEX, PASSWORD, Pusher, needs_registry, real_registry, sha256

TODAY = datetime.datetime.now().astimezone().date()
OTHER = "sha256:" + "0" * 64


@needs_registry
def test_a_tag_of_two_platforms_becomes_the_digest_of_its_index(image_project, tmp_path):
    with real_registry(tmp_path) as host, Pusher(host) as push:
        image = f"{host}/team/server:v1"
        digest = push.index("team/server", "v1", b"first")
        listed(image_project, **{image: None})

        assert llm_lock("--check").exit_code == 1, "an unresolved entry is told"
        result = llm_lock()

        assert result.exit_code == 0, result.output
        assert f"{image}: new, {digest[:19]}\n{NAME} is written." in result.output
        pin = written(image_project, image)
        assert pin.digest == digest
        assert (pin.known.how, pin.known.source, pin.known.date) == ("resolved", f"http://{host}", TODAY)
        before = (image_project / NAME).read_bytes()
        assert before.startswith(b"# kept\n\nversion: 1\n")
        assert f"{NAME} holds." in llm_lock("--check").output

        moved = push.index("team/server", "v1", b"second")
        check = llm_lock("--check")

        assert check.exit_code == 1
        assert f"{image}: moved from {digest[:19]} to {moved[:19]}\n{NAME} would change." in check.output
        assert (image_project / NAME).read_bytes() == before
        assert llm_lock().exit_code == 0
        assert written(image_project, image).digest == moved


@needs_registry
def test_an_image_of_one_platform_becomes_the_digest_of_its_manifest(image_project, tmp_path):
    with real_registry(tmp_path) as host, Pusher(host) as push:
        pushed = push.image("server", b"layer", tag="v1")

        result = llm_lock(f"{host}/server:v1", f"{host}/server:v2", f"{host}/nothing:v1")

        assert written(image_project, f"{host}/server:v1").digest == pushed["digest"]
        assert f"http://{host} has no tag v2 in server. Correct the name" in result.output
        assert f"http://{host} has no tag v1 in nothing. Correct the name" in result.output
        assert "Error: 2 of 3 images could not be resolved; reasons above." in result.output
        assert written(image_project, f"{host}/server:v2") == ImagePin()


def headers(**more: str):
    return {"Content-Type": INDEX, **{key.replace("_", "-"): value for key, value in more.items()}}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            (200, headers(Docker_Content_Digest=OTHER), b"x"),
            f"says the digest is {OTHER}, and sends what has {sha256(b'x')}",
        ),
        ((200, headers(Docker_Content_Digest="ECHO"), b"x"), "says the digest is no sha256, and sends what has"),
        ((200, {"Content-Type": "text/html"}, b"ECHO"), "answers neither with an index nor with a manifest"),
        (
            (200, {"Content-Type": "application/vnd.docker.distribution.manifest.v1+prettyjws"}, b"{}"),
            "manifests of 2016",
        ),
        ((200, headers(), bytes(4 * 1024 * 1024 + 1)), "answers with more than a manifest may have"),
        ((404, {}, b"ECHO"), "has no tag v1 in server. Correct the name; if it is private, log in"),
        ((403, {}, b"ECHO"), "refuses access to server (HTTP 403): there is no such repository, or it is private"),
        ((429, {"Retry-After": "90"}, b"ECHO"), "asks to slow down (HTTP 429). Try again in 90 s"),
        ((429, {"Retry-After": "ECHO"}, b"ECHO"), "asks to slow down (HTTP 429). Try again in some minutes"),
        ((503, {}, b"ECHO"), "is in trouble (HTTP 503). Try again later."),
        ((418, {}, b"ECHO"), "does not answer like a registry (HTTP 418)"),
        ((302, {"Location": "http://other.example/ECHO"}, b""), "redirects to a server without https"),
        ((302, {"Location": "ftp://127.0.0.1/ECHO"}, b""), "redirects to a server without https"),
        ((302, {"Location": "http://a:ECHO/"}, b""), "does not answer like a registry. Correct"),
        ((302, {"Location": "?again"}, b""), "redirects more than 5 times"),
    ],
)
def test_a_failure_says_why_and_what_to_do_and_keeps_the_pin(image_project, registry, answer, said, caplog):
    image = f"{registry.host}/server:v1"
    before = listed(image_project, **{image: OTHER})
    registry.answers["/v2/server/manifests/v1"] = answer
    registry.asks_for_token(TOKEN)
    docker_config(image_project, {"auths": {registry.host: {"auth": BASIC}}})

    result = llm_lock()

    assert registry.requests[-1][1] == f"Bearer {TOKEN}", "what is echoed is the token"
    assert f"{image}: stays at {OTHER[:19]}, not confirmed: http://{registry.host} " in result.output
    assert said in result.output
    assert "1 of 1 images could not be resolved" in result.output
    assert result.exit_code == 1
    assert (image_project / NAME).read_text() == before
    for secret in (TOKEN, BASIC, PASSWORD):
        assert secret not in result.output + caplog.text


def test_a_digest_that_the_registry_does_not_say_is_that_of_what_it_sends(image_project, registry):
    said = registry.serves("server", "v1", b"one", Docker_Content_Digest=sha256(b"one"))
    unsaid = registry.serves("server", "v2", b"two", Content_Type=f"{INDEX}; charset=utf-8")

    llm_lock(f"{registry.host}/server:v1", f"{registry.host}/server:v2")

    assert [written(image_project, f"{registry.host}/server:{tag}").digest for tag in ("v1", "v2")] == [said, unsaid]


def test_silence_and_absence_are_told_apart(image_project, registry):
    registry.delay = 1.0
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{bound.getsockname()[1]}"

        result = llm_lock(
            f"{registry.host}/server:v1", f"{nobody}/server:v1", "127.0.0.1:99999/x:v1", "--timeout", "0.2"
        )

    assert f"http://{registry.host} gave no answer within 0.2 s. Check network" in result.output
    assert f"http://{nobody} cannot be reached (ConnectError). Check network" in result.output
    assert "3 of 3 images could not be resolved" in result.output


def test_what_somebody_published_is_replaced_only_by_name(image_project, registry):
    image = f"{registry.host}/server:v1"
    before = listed(image_project, **{image: published(OTHER)})
    digest = registry.serves("server", "v1", b"an index")

    for result in (llm_lock(), llm_lock("--check")):
        assert f"http://{registry.host} says {digest}, a README published another. To take the" in result.output
        assert f"llm lock {image}" in result.output
        assert result.exit_code == 1
        assert (image_project / NAME).read_text() == before

    assert f"moved from {OTHER[:19]} to {digest[:19]}" in llm_lock(image).output
    assert written(image_project, image).known.how == "resolved"


def test_what_somebody_published_becomes_resolved_when_the_registry_confirms_it(image_project, registry):
    image = f"{registry.host}/server:v1"
    listed(image_project, **{image: published(registry.serves("server", "v1", b"an index"))})

    assert "; published before, resolved now" in llm_lock().output
    assert written(image_project, image).known.how == "resolved"


def test_an_image_that_a_stack_file_names_is_not_in_the_lock(image_project, registry):
    engine = {"name": "sglang", "image": f"{registry.host}/own:v1"}
    stack(
        image_project,
        {"m": {"model": "org/one", "engine": engine}, "n": 3, "o": {"engine": {"name": "vllm", "version": []}}},
    )

    llm_lock("--only", "images")

    assert registry.requests == []
    assert not (image_project / NAME).exists()


def test_an_image_of_the_stacks_own_is_in_the_lock_unless_the_stack_builds_it(image_project, registry):
    registry.serves("pinned", "v1", b"an index")
    images = {
        "pinned": {"repository": f"{registry.host}/pinned", "tag": "v1"},
        "built": {"repository": f"{registry.host}/built", "tag": "v1", "build": {"context": "server"}},
        "no-image": {"repository": "x"},
        "nothing": None,
    }
    config = {"llm-inference:models": {}, "llm-inference:images": images}
    (image_project / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))

    result = llm_lock("--only", "images")

    assert result.exit_code == 0, result.output
    assert written(image_project, f"{registry.host}/pinned:v1").known.how == "resolved"
    assert "built" not in (image_project / NAME).read_text()


def test_one_of_the_two_locks_can_be_left_out(image_project, registry):
    stack(image_project, {"m": {"model": "org/one", "engine": {"name": "custom", "image": "x.example/y:1"}}})
    image = f"{registry.host}/server:v1"
    registry.serves("server", "v1", b"an index")
    sha = "a" * 40
    registry.answers["/api/models/org/one/revision/main"] = (
        200,
        {},
        json.dumps({"id": "org/one", "sha": sha}).encode(),
    )
    before = listed(image_project, **{image: None})

    models = llm_lock("--only", "models", "--endpoint", f"http://{registry.host}")

    assert models.exit_code == 0, models.output
    assert (image_project / NAME).read_text() == before
    assert sha in (image_project / "models.lock.yaml").read_text()
    written_before = (image_project / "models.lock.yaml").read_bytes()
    registry.requests.clear()
    assert llm_lock("--only", "images").exit_code == 0
    assert [path for path, _ in registry.requests] == ["/v2/server/manifests/v1"]
    assert (image_project / "models.lock.yaml").read_bytes() == written_before
    both = llm_lock("org/one", image, "--check", "--endpoint", f"http://{registry.host}")
    assert "models.lock.yaml holds.\n" in both.output
    assert "images.lock.yaml holds.\n" in both.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--only", "images", "--endpoint", "http://127.0.0.1:9"),
        ("--only", "models", "org/one"),
        ("127.0.0.1:9/server:v1", "--from", "."),
        ("python:3.13-slim",),
        ("docker.io/Python:3.13",),
        (f"docker.io/python:3.13@{OTHER}",),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(image_project, arguments):
    assert llm_lock(*arguments).exit_code == 2


def test_an_entry_that_is_no_image_is_told(image_project):
    listed(image_project, **{"python": None, f"docker.io/python@{OTHER}": None})

    result = llm_lock()

    assert (
        "python: unresolved: python is no image of the form registry/repository:tag. Correct the entry" in result.output
    )
    assert "2 of 2 images could not be resolved" in result.output


def test_a_damaged_lock_of_images_keeps_both_from_being_written(image_project, registry):
    registry.answers["/api/models/org/one/revision/main"] = (
        200,
        {},
        json.dumps({"id": "org/one", "sha": "a" * 40}).encode(),
    )
    (image_project / NAME).write_text("images: [\n")

    result = llm_lock("org/one", "--endpoint", f"http://{registry.host}")

    assert "Restore it from version control" in result.output
    assert not (image_project / "models.lock.yaml").exists()
