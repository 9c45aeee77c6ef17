"""Building a tool set once, and keeping it outside the checkout."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lab.errors import LabError
from lab.locking import exclusive
from lab.tools.progress import Progress

_FLAGS = ("-trimpath", "-ldflags=-s -w")
_LAYOUT = "1"  # part of the checksum: raise it when what a cache folder holds changes shape
_TAIL_LINES = 30
_LANGUAGE = re.compile(r"(\d+)\.(\d+)")
_SEMVER = re.compile(r"v(?P<major>\d+)\.(?P<minor>\d+)\.(?P<patch>\d+\S*)")


@dataclass(frozen=True, kw_only=True)
class ToolSet:
    """What is taken from the Go modules that one go.mod pins.

    folder: holds go.mod and go.sum, and perhaps a program of its own. Programs that go.mod lists as `tool` are built.
    stamps: linker variable -> (module, template over that module's {major}, {minor} and {patch}).
    files: path in the cache -> (module, path in that module), copied as they are.
    tags: Go's build tags.
    """

    folder: Path
    stamps: Mapping[str, tuple[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    files: Mapping[str, tuple[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    tags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name


@dataclass(frozen=True, kw_only=True)
class Tools:
    """A built set: programs under `bin`, files under `share`. The folder's name changes with the content."""

    root: Path

    def program(self, name: str) -> Path:
        """Path of a program."""
        return self.root / "bin" / name

    def file(self, name: str) -> Path:
        """Path of a file, by the name it has in ToolSet.files."""
        return self.root / "share" / name

    def files(self, folder: str) -> list[Path]:
        """Paths of all files in a folder, sorted."""
        return sorted(path for path in (self.root / "share" / folder).iterdir() if path.is_file())


def cache_root() -> Path:
    """Where tool sets are kept: $XDG_CACHE_HOME or ~/.cache, then llm-inference/tools."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "llm-inference" / "tools"


def ensure(tool_set: ToolSet, *, cache: Path | None = None) -> Tools:
    """Give the built set, building it if this machine has not done so yet.

    Building needs `go`, its module proxy and minutes; afterwards `go` alone is asked for its version.
    Raises LabError when go is missing or too old, or when the build fails: with the log's path and its end.
    """
    cache = cache or cache_root()
    go = _GoModule(tool_set.folder)
    target = cache / f"{tool_set.name}-{_checksum(tool_set, go)}"
    if target.is_dir():
        return Tools(root=target)
    progress = Progress(f"tools '{tool_set.name}'")

    def on_wait() -> None:
        progress.say("another process is building them; waiting for it")

    lock = cache / f"{target.name}.lock"
    with exclusive(lock, on_wait=on_wait):
        try:
            if not target.is_dir():
                _build(tool_set, go, target, progress)
        finally:
            lock.unlink(missing_ok=True)
    return Tools(root=target)


def built(tool_set: ToolSet, *, cache: Path | None = None) -> Tools | None:
    """Give the set where it is built already; None where it is not, or where there is no usable go that could tell."""
    try:
        go = _GoModule(tool_set.folder)
    except LabError:
        return None
    target = (cache or cache_root()) / f"{tool_set.name}-{_checksum(tool_set, go)}"
    return Tools(root=target) if target.is_dir() else None


class _GoModule:
    """The go command in a folder with a go.mod."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = shutil.which("go")
        described = self._describe(program) if program else None
        wanted = str(described["Go"]) if described else _wanted(folder)
        if program is None or described is None:
            raise LabError(
                "the lab builds its programs with Go, and there is no usable `go` on PATH."
                f" Install Go {wanted} or newer (https://go.dev/doc/install) and try again."
            )
        self.requirements = {item["Path"]: item["Version"] for item in described.get("Require") or ()}
        self.has_tools = bool(described.get("Tool"))
        shown = self.run("env", "GOVERSION", "GOOS", "GOARCH")
        lines = shown.stdout.split()
        if shown.returncode != 0 or _language(lines[0]) < _language(wanted):
            found = subprocess.run([program, "version"], check=False, capture_output=True, text=True, cwd="/")
            raise LabError(
                f"{folder.name}/go.mod wants Go {wanted} or newer, and `go` on PATH is"
                f" {found.stdout.strip() or 'of unknown version'}. Install a newer Go (https://go.dev/doc/install),"
                " or unset GOTOOLCHAIN so that go fetches the version it needs."
            )
        self.platform = tuple(lines)

    def _describe(self, program: str) -> dict[str, Any] | None:
        shown = subprocess.run(
            [program, "mod", "edit", "-json"], cwd=self.folder, check=False, capture_output=True, text=True
        )
        described: dict[str, Any] | None = json.loads(shown.stdout) if shown.returncode == 0 else None
        return described

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run go to its end."""
        return subprocess.run(["go", *arguments], cwd=self.folder, check=False, capture_output=True, text=True)

    def version_of(self, module: str) -> str:
        """Give the version that go.mod requires."""
        if module not in self.requirements:
            raise LabError(f"{self.folder.name}/go.mod does not require {module}: add it there.")
        return str(self.requirements[module])

    def directory_of(self, module: str) -> Path:
        """Give a module's folder in Go's module cache, downloading that module alone if it is not there."""
        pinned = f"{module}@{self.version_of(module)}"
        shown = self.run("mod", "download", "-json", pinned)
        if shown.returncode != 0:
            raise LabError(f"{pinned} could not be downloaded: {shown.stderr.strip() or shown.stdout.strip()}")
        return Path(json.loads(shown.stdout)["Dir"])


def _wanted(folder: Path) -> str:
    """Go version of a go.mod, where no usable go command can be asked."""
    found = re.search(r"^go (\S+)", (folder / "go.mod").read_text(), flags=re.MULTILINE)
    return found.group(1) if found else "1.24"


def _language(version: str) -> tuple[int, int]:
    found = _LANGUAGE.search(version)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def _linker_flags(tool_set: ToolSet, go: _GoModule) -> list[str]:
    stamped = []
    for variable, (module, template) in tool_set.stamps.items():
        version = go.version_of(module)
        found = _SEMVER.fullmatch(version)
        if found is None:
            raise LabError(f"{tool_set.name}/go.mod: {module} {version} is no released version.")
        stamped.append(f" -X {variable}={template.format(**found.groupdict())}")
    return [*_tags(tool_set), *_FLAGS[:-1], _FLAGS[-1] + "".join(stamped)]


def _tags(tool_set: ToolSet) -> list[str]:
    return [f"-tags={','.join(tool_set.tags)}"] if tool_set.tags else []


def _checksum(tool_set: ToolSet, go: _GoModule) -> str:
    digest = hashlib.sha256()
    written_here = sorted(path.name for path in tool_set.folder.glob("*.go"))
    for file in ("go.mod", "go.sum", *written_here):
        path = tool_set.folder / file
        digest.update(path.read_bytes() if path.exists() else b"")
    rest = [
        _LAYOUT,
        *go.platform,
        *_linker_flags(tool_set, go),
        *(f"{k}={v}" for k, v in tool_set.files.items()),
    ]
    digest.update("\0".join(rest).encode())
    return digest.hexdigest()[:16]


def _build(tool_set: ToolSet, go: _GoModule, target: Path, progress: Progress) -> None:
    """Build beside the target and move it there whole: a cache folder that exists is complete."""
    for leftover in target.parent.glob(f"{target.name}.building-*"):
        # Of a build that was killed: the lock says that nobody uses it.
        shutil.rmtree(leftover, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=f"{target.name}.building-", dir=target.parent))
    log = target.parent / f"{target.name}.log"
    try:
        with progress:
            for name, (module, path) in tool_set.files.items():
                copy = work / "share" / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                # copyfile: the module cache is read-only, and its permissions are of no use here
                shutil.copyfile(go.directory_of(module) / path, copy)
            if go.has_tools:
                _compile(tool_set, go, work / "bin", log, progress)
        work.rename(target)
        log.unlink(missing_ok=True)
    except FileNotFoundError as error:
        raise LabError(f"tool set '{tool_set.name}': no such file in its module: {error.filename}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _compile(tool_set: ToolSet, go: _GoModule, into: Path, log: Path, progress: Progress) -> None:
    progress.step("downloading and listing packages")
    listed = log.with_suffix(".packages")
    try:
        with _go_process(go, ["list", *_tags(tool_set), "-deps", "tool"], {}, stdout=listed, stderr=log) as listing:
            if listing.wait() != 0:
                raise _failed(tool_set, log)
        total = len(listed.read_text().splitlines())
    finally:
        listed.unlink(missing_ok=True)
    progress.step(f"compiling (at most {total} packages, fewer where Go's build cache has them)")
    arguments = ["install", "-v", *_linker_flags(tool_set, go), "tool"]
    with _go_process(go, arguments, {"GOBIN": str(into)}, stdout=log, stderr=log) as building:
        while True:
            try:
                code = building.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                progress.count(sum(1 for _ in log.open("rb")))
            else:
                break
    if code != 0:
        raise _failed(tool_set, log)


@contextlib.contextmanager
def _go_process(
    go: _GoModule, arguments: list[str], extra: Mapping[str, str], *, stdout: Path, stderr: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run go in a process group of its own, which does not outlive this block (go starts many compilers)."""
    with contextlib.ExitStack() as files:
        out = files.enter_context(stdout.open("wb"))
        err = out if stderr == stdout else files.enter_context(stderr.open("wb"))
        process = subprocess.Popen(
            ["go", *arguments],
            cwd=go.folder,
            env={**os.environ, **extra},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        for sent in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, sent)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=5)


def _failed(tool_set: ToolSet, log: Path) -> LabError:
    tail = "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
    return LabError(f"tool set '{tool_set.name}' did not build. The end of {log}:\n{tail}")
