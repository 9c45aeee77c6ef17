"""The program's own process: what it gets, how its mistakes are told, and that it ends with the engine."""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest


@dataclass(frozen=True)
class Small:
    """A small project with a state of its own."""

    root: Path

    def start(self, program: str, *arguments: str) -> "subprocess.Popen[str]":
        (self.root / "__main__.py").write_text(program)
        return self.engine("up", "--yes", "--skip-preview", *arguments)

    def engine(self, *arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "lab.engine", *arguments, "--stack", "dev", "--cwd", str(self.root)]
        environment = {**os.environ, "PULUMI_CONFIG_PASSPHRASE": "lab", "PULUMI_BACKEND_URL": f"file://{self.root}"}
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)

    def run(self, program: str) -> tuple[int, str]:
        """The exit code of `up`, and what it printed."""
        with self.start(program) as engine:
            said, _ = engine.communicate(timeout=300)
        return engine.returncode, said


@pytest.fixture
def small(tmp_path: Path) -> Small:
    (tmp_path / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  small:word: plain\n  other:size: 3\n")
    return Small(tmp_path)


def test_a_program_finds_its_folder_its_modules_and_its_settings(small):
    (small.root / "beside.py").write_text("WORD = 'beside'\n")
    program = """
import os, sys, beside, pulumi
config = pulumi.Config()
print("seen", beside.WORD, os.getcwd(), config.require("word"), pulumi.Config("other").require_int("size"))
print("seen", pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization(), pulumi.runtime.is_dry_run())
print("said on stderr", file=sys.stderr)
"""
    code, said = small.run(program)
    assert code == 0, said
    assert f"seen beside {small.root} plain 3" in said
    assert "seen small dev organization False" in said
    assert "said on stderr" in said


def test_a_mistake_that_the_program_explains_is_told_without_a_traceback(small):
    code, said = small.run("import pulumi\nraise pulumi.RunError('two models have one name:\\n  rename one')")
    assert code == 1
    assert re.search(r"two models have one name:\n +rename one", said)
    assert "Traceback" not in said
    assert "ended with code" not in said


def test_a_mistake_that_the_program_does_not_expect_is_told_with_its_place(small):
    code, said = small.run("def go():\n    return {}['size']\n\ngo()\n")
    assert code == 1
    assert "Program failed with an unhandled exception" in said
    assert "__main__.py" in said
    assert "KeyError: 'size'" in said


def test_a_program_that_just_ends_is_not_taken_for_one_that_is_done(small):
    code, said = small.run("import os\nos._exit(7)")
    assert code == 1
    assert "code 7" in said


WAITING = """
import os, pathlib, time
pathlib.Path("running").write_text(str(os.getpid()))
time.sleep(60)
"""


def waiting(small: Small, engine: "subprocess.Popen[str]") -> psutil.Process:
    """The program's process, once it runs."""
    mark = small.root / "running"
    until = time.monotonic() + 150
    while not (mark.exists() and mark.read_text()):
        assert time.monotonic() < until
        assert engine.poll() is None, engine.communicate()
        time.sleep(0.05)
    return psutil.Process(int(mark.read_text()))


def test_secrets_are_in_no_process_list(small):
    with small.engine("config", "set", "--secret", "small:token", "xyzzy-hush") as setting:
        said, _ = setting.communicate(timeout=150)
    assert setting.returncode == 0, said
    with small.start("import pulumi\nassert pulumi.Config().require('token') == 'xyzzy-hush'\n" + WAITING) as engine:
        program = waiting(small, engine)
        lines = [" ".join(process.cmdline()) for process in (psutil.Process(engine.pid), program)]
        engine.kill()
    assert "lab.engine.program.child" in lines[1]
    assert not any("xyzzy-hush" in line for line in lines)


def test_an_engine_that_is_killed_leaves_no_program(small):
    with small.start(WAITING) as engine:
        program = waiting(small, engine)
        engine.kill()
    assert not psutil.wait_procs([program], timeout=50)[1]
