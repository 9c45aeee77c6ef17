"""The exporter's Dockerfile as it is written, and what is in its image: enough, and nothing that it need not have."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx2
import pytest

from endpoints.exporter.serving import PORT
from lab.hub.server import HubServer
from tests.server import docker as d
from tests.server.docker import built, docker, inspect, until
from tests.support import PROJECT

ROOM = PROJECT.root / "endpoints"
DOCKERFILE = ROOM / "Dockerfile"
TAG = "llm-inference-tests/endpoints-exporter:test"


def test_hadolint_finds_nothing():
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "--no-color", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def test_base_and_uv_are_those_of_the_servers_image():
    def arguments(path: Path) -> list[str]:
        return re.findall(r"^ARG (?:BASE_IMAGE|UV_VERSION)=(.+)$", path.read_text(), re.MULTILINE)

    assert arguments(DOCKERFILE) == arguments(PROJECT.root / "server/Dockerfile")


def test_what_the_context_lets_in_is_enough_to_start(tmp_path):
    """In a folder with these files alone: it comes as far as to miss its token."""
    patterns = [
        line[1:] for line in DOCKERFILE.with_suffix(".dockerignore").read_text().splitlines() if line[:1] == "!"
    ]
    for pattern in patterns:
        found = list(PROJECT.root.glob(pattern))
        assert found, pattern
        for path in found:
            target = tmp_path / path.relative_to(PROJECT.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    done = subprocess.run(
        [sys.executable, "-m", "endpoints.exporter", "--namespace=lab-org"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "HF_ENDPOINTS_READ_TOKEN is not set" in done.stderr
    assert "Traceback" not in done.stderr


def test_its_packages_are_among_those_of_the_project():
    project = tomllib.loads((PROJECT.root / "pyproject.toml").read_text())
    assert set(project["dependency-groups"]["exporter"]) <= set(project["project"]["dependencies"])


@pytest.mark.prove
@pytest.mark.skipif(not d.available(), reason=d.NEEDS)
def test_the_image_runs_read_only_as_another_user_and_ends_at_once(hub: HubServer, capsys):
    built(DOCKERFILE, TAG, base=d.python_base(), context=PROJECT.root)
    hub.add_endpoint("one")
    environment = ("--env", f"LLM_LAB_HUB={hub.url}", "--env", "LLM_LAB_HUB_READ_TOKEN=lab-see")
    name = docker(
        *("run", "--detach", "--read-only", "--cap-drop", "ALL", "--network", "host", *environment, TAG),
        *("--api=lab", "--namespace=lab-org", "--poll-seconds=1"),
    )
    try:
        until(lambda: inspect(name)["State"]["Health"]["Status"] == "healthy", seconds=90)
        shown = httpx2.get(f"http://127.0.0.1:{PORT}/metrics", trust_env=False).text
        assert 'endpoint="one"' in shown
        assert docker("exec", name, "id", "-u") == "1000"
        names = "('pip', 'ensurepip', 'uv', 'pulumi')"
        found = f"import importlib.util as u; print([one for one in {names} if u.find_spec(one)])"
        assert docker("exec", name, "python", "-c", found) == "[]"
        memory = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", name)
        with capsys.disabled():
            print(f"\n{inspect(TAG)['Size'] / 1e6:.0f} MB, {memory}")  # noqa: T201
        docker("stop", "--time", "9", name)
        assert inspect(name)["State"]["ExitCode"] == 0
    finally:
        docker("rm", "--force", name)
        d.remove(TAG)
