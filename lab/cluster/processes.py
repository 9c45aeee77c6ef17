"""Starting, recognising and stopping the lab's processes.

A process is ours when it carries our home in its environment. A run file says which one it is and with what
it was started; the environment finds those whose run file was lost (a deleted home, a killed starter).
"""

import contextlib
import hashlib
import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from lab.cluster.settings import write_private
from lab.errors import LabError

MARK = "LLM_INFERENCE_LAB_HOME"
"""Environment variable that every process of a lab carries: the lab's home."""

# A random word per start, in the environment and in the run file: a recycled pid cannot carry it. The start time
# would not do: systems compute it from the clock, and a clock that is set would disown every process.
_START = "LLM_INFERENCE_LAB_START"
_TERM_SECONDS = 10.0
_STRAY_SECONDS = 2.0
_KILL_SECONDS = 5.0
_EXEC_SECONDS = 2.0

_children: list["subprocess.Popen[bytes]"] = []  # of this Python process: asked now and then, so none stays a zombie


@dataclass(frozen=True, kw_only=True)
class Program:
    """One process as it should run.

    name: of its run file and log.
    command: absolute program and its arguments. No secret: everybody on the machine can read it.
    inputs: files that the process reads when it starts; a changed one means a restart.
    environment: what it gets besides PATH and HOME.
    """

    name: str
    command: Sequence[str]
    inputs: Sequence[Path] = ()
    environment: tuple[tuple[str, str], ...] = ()

    def checksum(self) -> str:
        """Digest of everything that a start depends on."""
        digest = hashlib.sha256(json.dumps([list(self.command), self.environment]).encode())
        for path in self.inputs:
            digest.update(b"\0" + (path.read_bytes() if path.is_file() else b"missing"))
        return digest.hexdigest()


@dataclass(frozen=True)
class Processes:
    """The processes of the lab at `home`."""

    home: Path

    def start(self, program: Program) -> None:
        """Start a program detached from this session; its log starts empty, the last one is kept."""
        log = self.log(program.name)
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists():
            log.replace(log.with_suffix(".previous.log"))
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        start = secrets.token_hex(8)
        with log.open("wb") as output:
            child = subprocess.Popen(
                program.command,
                cwd=self.home,
                env={**kept, **dict(program.environment), MARK: str(self.home), _START: start},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _children.append(child)
        with contextlib.suppress(psutil.NoSuchProcess):
            # Its environment cannot be read for a moment after the kernel has replaced the program.
            deadline = time.monotonic() + _EXEC_SECONDS
            while not _carries(psutil.Process(child.pid), self.home) and time.monotonic() < deadline:
                if child.poll() is not None:
                    break
                time.sleep(0.002)
            self._run_file(program.name).parent.mkdir(parents=True, exist_ok=True)
            record = {"pid": child.pid, "start": start, "checksum": program.checksum()}
            write_private(self._run_file(program.name), json.dumps(record) + "\n")

    def find(self, name: str) -> psutil.Process | None:
        """Give the running process of that name; None when it died, even if its pid is in use again."""
        _reap()
        record = self._record(name)
        if record is None:
            return None
        try:
            process = psutil.Process(int(record["pid"]))
            ours = _carries(process, self.home, start=str(record["start"]))
        except (psutil.Error, KeyError, TypeError, ValueError):
            return None
        return process if ours else None

    def names(self, prefix: str) -> list[str]:
        """Names of the processes that were started and not stopped, those that begin so."""
        return sorted(path.stem for path in (self.home / "run").glob(f"{prefix}*.json"))

    def problem(self, program: Program) -> str | None:
        """Say why a program must be started (again); None when it runs as it should."""
        record = self._record(program.name)
        if record is None:
            return "does not run"
        if self.find(program.name) is None:
            return "died"
        return None if record.get("checksum") == program.checksum() else "runs with other settings or another version"

    def was_running(self, names: Iterable[str]) -> bool:
        """Whether any of them was started and never stopped."""
        return any(self._run_file(name).exists() for name in names)

    def stop(self, names: Sequence[str], *, patience: float = _TERM_SECONDS) -> None:
        """Stop the named processes and wait for their end: politely, then after `patience` seconds by force.

        Raises LabError when one survives even that.
        """
        end([found for name in names if (found := self.find(name)) is not None], patience=patience)
        for name in names:
            self._run_file(name).unlink(missing_ok=True)

    def sweep(self, keep: Iterable[str] = ()) -> int:
        """End every process that carries this lab's home but for the named ones and theirs; give their number."""
        kept = {pid for name in keep if (found := self.find(name)) is not None for pid in _family(found)}
        strays = [process for process in marked(self.home) if process.pid not in kept]
        # All at once: an API server whose etcd is gone takes a minute to end by itself.
        return end(strays, patience=_STRAY_SECONDS)

    def log(self, name: str) -> Path:
        """Path of the log of the running or last process of that name."""
        return self.home / "logs" / f"{name}.log"

    def log_tail(self, name: str, lines: int = 12) -> str:
        """Give the end of a log, indented."""
        log = self.log(name)
        text = log.read_text(errors="replace").splitlines()[-lines:] if log.exists() else []
        return "\n".join(f"    {line[:300]}" for line in text)

    def _run_file(self, name: str) -> Path:
        return self.home / "run" / f"{name}.json"

    def _record(self, name: str) -> dict[str, Any] | None:
        try:
            record = json.loads(self._run_file(name).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return record if isinstance(record, dict) else None


def marked(home: Path) -> list[psutil.Process]:
    """Every process of this user that carries `home`, whatever its run file says."""
    _reap()
    return [process for process in psutil.process_iter() if process.pid != os.getpid() and _carries(process, home)]


def _family(process: psutil.Process) -> set[int]:
    """The pids of a process and of those that it has started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return {process.pid, *(child.pid for child in process.children(recursive=True))}
    return set()


def end(processes: Sequence[psutil.Process], *, patience: float) -> int:
    """Terminate, wait, kill, wait; give how many there were. Raises LabError when one is still there."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
            process.resume()  # one that was suspended hears nothing
    rest = _wait(processes, patience)
    for process in rest:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    rest = _wait(rest, _KILL_SECONDS)
    if rest:
        raise LabError(f"processes {', '.join(str(p.pid) for p in rest)} of the lab do not end, even when killed.")
    return len(processes)


def _wait(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    deadline = time.monotonic() + seconds
    while rest := [process for process in processes if _is_alive(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
        _reap()
    return rest


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _carries(process: psutil.Process, home: Path, *, start: str | None = None) -> bool:
    try:
        environment = process.environ()
        carries = environment.get(MARK) == str(home) and start in (None, environment.get(_START))
        return carries and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False  # another user's, or gone meanwhile


def _reap() -> None:
    _children[:] = [child for child in _children if child.poll() is None]
