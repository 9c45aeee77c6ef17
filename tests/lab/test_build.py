"""Tool sets are built once, whole or not at all."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.tools.build import ToolSet, built, ensure

GO_MOD = "module example.invalid/tiny\n\ngo 1.24\n\ntool example.invalid/tiny\n"
MAIN = 'package main\n\nvar version = "unset"\n\nfunc main() { println(version) }\n'


@pytest.fixture
def tiny(tmp_path: Path) -> ToolSet:
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "go.mod").write_text(GO_MOD)
    (folder / "main.go").write_text(MAIN)
    return ToolSet(folder=folder)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_set_is_built_once(tiny, tmp_path):
    cache = tmp_path / "cache"
    program = ensure(tiny, cache=cache).program("tiny")
    built = program.stat().st_mtime_ns
    assert subprocess.run([program], check=True, capture_output=True, text=True).stderr == "unset\n"
    assert ensure(tiny, cache=cache).program("tiny").stat().st_mtime_ns == built
    assert names(cache) == [program.parents[1].name]


def test_one_that_is_not_built_is_not_built_by_asking_for_it(tiny, tmp_path):
    cache = tmp_path / "cache"
    assert built(tiny, cache=cache) is None
    assert not cache.exists()
    made = ensure(tiny, cache=cache)
    assert built(tiny, cache=cache) == made


def test_build_tags_choose_files_and_are_another_set(tiny, tmp_path):
    (tiny.folder / "tagged.go").write_text('//go:build chosen\n\npackage main\n\nfunc init() { version = "tagged" }\n')
    tagged = replace(tiny, tags=("chosen",))
    said = {
        subprocess.run([ensure(one, cache=tmp_path).program("tiny")], check=True, capture_output=True, text=True).stderr
        for one in (tiny, tagged)
    }
    assert said == {"unset\n", "tagged\n"}


def test_a_changed_go_mod_is_another_set(tiny, tmp_path):
    before = ensure(tiny, cache=tmp_path / "cache").root
    (tiny.folder / "go.mod").write_text(GO_MOD + "\n// changed\n")
    assert ensure(tiny, cache=tmp_path / "cache").root != before


def test_a_changed_program_is_another_set(tiny, tmp_path):
    before = ensure(tiny, cache=tmp_path / "cache").root
    (tiny.folder / "main.go").write_text(MAIN.replace("unset", "changed"))
    assert ensure(tiny, cache=tmp_path / "cache").root != before


def test_a_failing_build_leaves_no_cache_and_names_its_log(tiny, tmp_path):
    (tiny.folder / "main.go").write_text("package main\n\nfunc main() { nonsense }\n")
    with pytest.raises(LabError) as failed:
        ensure(tiny, cache=tmp_path / "cache")
    logs = list((tmp_path / "cache").iterdir())
    assert [log.suffix for log in logs] == [".log"]
    assert str(logs[0]) in str(failed.value)
    assert "undefined: nonsense" in str(failed.value)


def test_a_leftover_of_a_killed_build_is_cleared(tiny, tmp_path):
    root = ensure(tiny, cache=tmp_path / "cache").root
    root.rename(root.with_name(f"{root.name}.building-dead"))
    ensure(tiny, cache=tmp_path / "cache")
    assert names(tmp_path / "cache") == [root.name]


def test_without_go_a_sentence_says_what_to_install(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match=r"Install Go 1\.24 or newer"):
        ensure(tiny, cache=tmp_path / "cache")


def test_an_old_go_is_named_with_the_version_that_is_wanted(tiny, tmp_path, monkeypatch):
    (tiny.folder / "go.mod").write_text(GO_MOD.replace("1.24", "1.99"))
    monkeypatch.setenv("GOTOOLCHAIN", "local")
    with pytest.raises(LabError, match=r"wants Go 1\.99 or newer"):
        ensure(tiny, cache=tmp_path / "cache")


BUILD = """
import signal
import sys
from pathlib import Path
from lab.tools.build import ToolSet, built, ensure
# Whoever runs the tests in the background of a script hands it down ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
ensure(ToolSet(folder=Path(sys.argv[1])), cache=Path(sys.argv[2]))
"""


def builder(tiny: ToolSet, cache: Path, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, tiny.folder, cache],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_builders_at_once_make_one_set(tiny, tmp_path):
    both = [builder(tiny, tmp_path / "cache") for _ in range(2)]
    errors = [process.communicate(timeout=600)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert "".join(errors).count("ready after") == 1
    assert len(names(tmp_path / "cache")) == 1


def test_an_interrupted_build_stops_go_and_leaves_nothing(tiny, tmp_path):
    """A compiler that takes for ever stands in for a large build."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    pid_file = tmp_path / "pid"
    real = subprocess.run(["which", "go"], check=True, capture_output=True, text=True).stdout.strip()
    script = f'#!/bin/sh\n[ "$1" = install ] || exec {real} "$@"\necho $$ > {pid_file}\nexec sleep 600\n'
    (bin_folder / "go").write_text(script)
    (bin_folder / "go").chmod(0o755)
    process = builder(tiny, tmp_path / "cache", PATH=f"{bin_folder}:{os.environ['PATH']}")
    while not (pid_file.exists() and pid_file.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=150)
    assert not Path(f"/proc/{pid_file.read_text().strip()}").exists()
    assert [name for name in names(tmp_path / "cache") if not name.endswith(".log")] == []
