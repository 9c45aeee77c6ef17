"""Images built by the real docker and pushed to the real registry, on loopback."""

import json
import os
import re
import signal
import socket
import subprocess
import time

import psutil
import pytest

from lab.cluster.control import Lab
from lab.tools.build import ensure
from lab.tools.sets import REGISTRY
from tests.lab.conftest import eventually
from tests.lab.engine.docker.projects import (
    DOCKERFILE,
    HERE,
    NAME,
    NOWHERE,
    SECRET_LOGIN,
    SECRET_WORD,
    THERE,
    Project,
)
from tests.server import docker as d

pytestmark = pytest.mark.skipif(
    d.client() is None, reason="needs a docker daemon that answers, and a docker with BuildKit on PATH"
)

# A program for an image that has nothing else in it, and takes its time.
SLEEPER = 'package main\n\nimport "time"\n\nfunc main() { time.Sleep(time.Minute) }\n'


@pytest.fixture(scope="session", autouse=True)
def registry_program():
    """Built before anybody waits for a test: that takes minutes on a cold machine."""
    ensure(REGISTRY)


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path)
    project.create()
    yield project
    project.clean()


def with_argument(word):
    """The processes that have it on their command line."""
    return [each for each in psutil.process_iter(["cmdline"]) if word in (each.info["cmdline"] or ())]


def test_the_digest_is_the_registrys_and_reaches_others(project):
    project.up()
    assert project.ref() == f"{THERE}@{project.pushed()}"
    assert project.entry("pulumi-python:dynamic:Resource")["outputs"]["text"] == project.ref()


def test_the_state_has_the_form_of_the_real_providers(project):
    project.up()
    entry = project.entry("docker:index/image:Image")
    assert entry["id"] == NAME
    outputs = {key: value for key, value in entry["outputs"].items() if key != "__inputs"}
    assert outputs == {
        "baseImageName": NAME,
        "context": "app",
        "dockerfile": "Dockerfile",
        "imageName": NAME,
        "platform": d.docker("version", "--format={{.Server.Os}}/{{.Server.Arch}}"),
        "registryServer": "registry.example.com:5000",
        "repoDigest": project.ref(),
    }
    assert re.fullmatch("[0-9a-f]{64}", entry["inputs"]["build"]["contextDigest"])


def test_what_is_in_the_image_is_what_the_program_gave(project):
    project.up()
    assert f"WORD={SECRET_WORD}" in d.inspect(NAME)["Config"]["Env"]


def test_without_a_change_nothing_is_built(project):
    (project.app / ".dockerignore").write_text("ignored\n")
    project.up()
    before = project.ref(), d.inspect(NAME)["Metadata"]["LastTagTime"]
    (project.app / "ignored").write_text("anything")
    project.changes_nothing()
    project.run("refresh", "--yes", "--expect-no-changes")
    assert (project.ref(), d.inspect(NAME)["Metadata"]["LastTagTime"]) == before


def test_a_change_is_a_new_digest_and_the_old_one_stays_in_the_registry(project):
    project.up()
    refs = [project.ref()]
    for change in (
        lambda: (project.app / "one").write_text("2"),
        lambda: (project.app / "Dockerfile").write_text(DOCKERFILE + "LABEL more=1\n"),
        lambda: project.give(build={"args": {"WORD": "other"}}),
    ):
        change()
        project.up()
        refs.append(project.ref())
        assert project.ref() == f"{THERE}@{project.pushed()}"
    assert len(set(refs)) == 4
    first = refs[0].partition("@")[2]
    assert project.pushed(first) == first


def test_what_was_left_out_is_built_when_there_is_a_daemon(project):
    project.up(**NOWHERE)
    assert project.ref() == NAME
    said = project.run("up", "--yes")
    assert "Left out" not in said
    assert project.ref() == f"{THERE}@{project.pushed()}"
    project.changes_nothing()


def test_an_image_that_was_built_stays_when_the_daemon_goes(project):
    project.up()
    before = project.ref()
    assert "Left out" not in project.changes_nothing(**NOWHERE)
    assert project.ref() == before


def test_no_secret_is_said_listed_or_kept_in_clear(project):
    (project.app / "Dockerfile").write_text(DOCKERFILE + f"COPY {SECRET_WORD} /\n")
    said = project.up(succeeds=False)
    (project.app / "Dockerfile").write_text(DOCKERFILE)
    said += project.up() + project.state()
    assert SECRET_WORD not in said
    assert SECRET_LOGIN not in said


def test_a_failed_build_says_why_and_loses_nothing(project):
    project.up()
    before = project.ref(), project.pushed()
    (project.app / "Dockerfile").write_text(DOCKERFILE + "COPY missing /\n")
    said = project.up(succeeds=False)
    assert "was not built, and nothing was pushed" in said
    assert "missing" in said
    assert "To try the build alone: DOCKER_BUILDKIT=1 docker build" in said
    assert (project.ref(), project.pushed()) == before
    (project.app / "Dockerfile").write_text(DOCKERFILE)
    project.changes_nothing()


def test_a_preview_builds_only_what_wants_it_and_pushes_nothing(project):
    assert "ref: [unknown]" in project.run("preview")
    assert d.docker("image", "ls", "--quiet", NAME) == ""
    project.give(build_on_preview=True)
    said = project.run("preview")
    assert f'ref: "{d.inspect(NAME)["Id"]}"' in said
    assert project.registry.address is None


def test_an_image_that_is_not_pushed_is_known_by_its_id(project):
    project.give(skip_push=True)
    project.up()
    assert project.ref() == d.inspect(NAME)["Id"]
    assert project.registry.address is None


def test_target_platform_cache_and_an_own_dockerfile_reach_docker(project):
    (project.root / "Other").write_text("FROM scratch AS first\nCOPY one /first\nFROM scratch\nCOPY one /second\n")
    project.give(
        build={
            "dockerfile": "Other",
            "target": "first",
            "platform": "linux/arm64",
            "cache_from": {"images": [NAME]},
            "args": {},
        }
    )
    project.up()
    assert d.inspect(NAME)["Architecture"] == "arm64"
    assert d.docker("history", "--no-trunc", "--format={{.CreatedBy}}", NAME).startswith("COPY one /first")
    entry = project.entry("docker:index/image:Image")
    assert entry["outputs"]["dockerfile"] == "../Other"


def test_destroy_leaves_the_registry_as_it_is(project):
    project.up()
    digest = project.pushed()
    project.run("destroy", "--yes")
    assert project.pushed() == digest


def test_the_registry_ends_with_the_lab_and_keeps_what_it_has(project):
    project.up()
    digest = project.pushed()
    assert Lab(project.root / ".lab", stacks=project.root).stop()
    assert project.registry.address is None
    project.changes_nothing()
    address = project.registry.start()
    assert address.startswith("127.0.0.1:")
    assert project.registry.digest(HERE, "1") == digest
    assert Lab(project.root / ".lab", stacks=project.root).stop(delete=True)
    assert not (project.root / ".lab/registry").exists()


def test_the_registry_is_on_loopback_alone(project):
    project.up()
    (process,) = with_argument(str(project.registry.home / "registry/config.yml"))
    assert {at.laddr.ip for at in process.net_connections() if at.status == "LISTEN"} == {"127.0.0.1"}


def test_a_killed_registry_comes_back_and_another_port_is_found(project):
    project.up()
    digest = project.pushed()
    first = project.registry.address
    (process,) = with_argument(str(project.registry.home / "registry/config.yml"))
    process.kill()
    process.wait(10)
    port = int(first.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        assert project.registry.start() != first
    assert project.registry.digest(HERE, "1") == digest


def test_interrupted_it_ends_at_once_and_the_next_up_builds(project, tmp_path):
    """While it sleeps in a build of a minute."""
    sleeper = tmp_path / "sleeper"
    sleeper.mkdir()
    (sleeper / "main.go").write_text(SLEEPER)
    subprocess.run(
        ["go", "build", "-o", project.app / "sleeper", "main.go"],
        cwd=sleeper,
        env={**os.environ, "CGO_ENABLED": "0"},
        check=True,
    )
    (project.app / "Dockerfile").write_text(f'FROM scratch\nCOPY sleeper /\nRUN ["/sleeper", "{time.time_ns()}"]\n')
    with project.start("up", "--yes", "--skip-preview") as engine:
        eventually(lambda: with_argument("/sleeper"))
        began = time.monotonic()
        engine.send_signal(signal.SIGINT)
        said, _ = engine.communicate(timeout=150)
    assert time.monotonic() - began < 10
    assert engine.returncode == 1
    assert "interrupted; the state is as it was" in said
    eventually(lambda: not with_argument("/sleeper"))
    assert not json.loads(project.state())["checkpoint"]["latest"].get("pending_operations")
    (project.app / "Dockerfile").write_text(DOCKERFILE)
    project.up()
    assert project.ref() == f"{THERE}@{project.pushed()}"
