"""The Dockerfiles as they are written: clean for hadolint, on the bases that images.lock.yaml has."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import PROJECT

SERVER = PROJECT.root / "server"
DOCKERFILES = ("Dockerfile", "Dockerfile.vllm")


@pytest.mark.parametrize("name", DOCKERFILES)
def test_hadolint_finds_nothing(name):
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "--no-color", SERVER / name], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_base_is_the_locks(name):
    """Tag and digest, and no digest where the lock has none."""
    (base,) = re.findall(r"^ARG BASE_IMAGE=(.+)$", (SERVER / name).read_text(), re.MULTILINE)
    tag, _, digest = base.partition("@")
    lock = PROJECT.images_lock()
    assert tag in lock.images
    assert lock.pin(tag).digest == (digest or None)


def test_uv_is_the_makefiles():
    (wanted,) = re.findall(r"^UV_VERSION := (.+)$", (PROJECT.root / "Makefile").read_text(), re.MULTILINE)
    assert re.findall(r"^ARG UV_VERSION=(.+)$", (SERVER / "Dockerfile").read_text(), re.MULTILINE) == [wanted]


def test_every_package_of_the_server_gets_into_its_image():
    allowed = (SERVER / "Dockerfile.dockerignore").read_text().splitlines()
    packages = {path.parent.name for path in SERVER.glob("*/__init__.py")}
    assert packages
    assert {f"!{package}/*.py" for package in packages} <= set(allowed)
