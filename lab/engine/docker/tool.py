"""The docker program: the first one that can build is taken, and ended with the engine."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path

from lab.engine.provider import ProviderError

CHOICE = "LLM_LAB_DOCKER"
"""Environment variable that names the docker to use."""

_ASK_SECONDS = 15.0
_END_SECONDS = 10.0
_TAIL_LINES = 20
_INSTALL = "Install Docker (https://docs.docker.com/engine/install/)"
# Set by the child itself before it becomes docker: nothing survives the engine.
_WITH_PARENT = (
    "import os, sys; from lab.engine.program.lifeline import die_with_parent; "
    "die_with_parent(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"
)
_SETTINGS: Mapping[str, str] = {
    "DOCKER_BUILDKIT": "1",
    # The daemon's own builder: what another one builds, the daemon does not have.
    "BUILDX_BUILDER": "default",
    # They name the time of the build, so that no image would be the same twice.
    "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
}


class DockerError(ProviderError):
    """Docker ended with an error; the message is the end of what it said."""


class NoDaemonError(ProviderError):
    """There is no docker, or no daemon that answers; the message says which, and what to do."""


class Docker:
    """Docker as this machine has it. root: where it runs. host: the daemon; empty for what the environment says."""

    def __init__(self, root: Path, host: str):
        self.root = root
        self._host = host
        self._lock = asyncio.Lock()
        self._found: str | NoDaemonError | None = None

    async def available(self) -> None:
        """Return if it can build. Raises NoDaemonError, and ProviderError for a docker without BuildKit."""
        await self._program()

    async def run(
        self,
        *words: str,
        environment: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda _line: None,
    ) -> str:
        """Run it to its end, telling each line; the last lines that it printed.

        Raises DockerError, and what available raises.
        """
        code, printed = await self._run(await self._program(), words, environment or {}, say)
        if code:
            raise DockerError(printed or f"docker ended with code {code}")
        return printed

    async def _program(self) -> str:
        async with self._lock:
            if self._found is None:
                try:
                    self._found = await self._first()
                except NoDaemonError as error:
                    # One operation after the other would wait for the same silence.
                    self._found = error
        if isinstance(self._found, NoDaemonError):
            raise NoDaemonError(str(self._found))
        return self._found

    async def _first(self) -> str:
        """The first docker whose daemon answers and that has BuildKit: newer ones may lack buildx, where it is."""
        silent, without = "", ""
        programs = list(_programs())
        if not programs:
            raise NoDaemonError(f"there is no docker on PATH. {_INSTALL}")
        for program in programs:
            code, printed = await self._asked(program, "version", "--format", "{{.Server.Version}}")
            if code:
                silent = silent or printed.splitlines()[-1]
                continue
            code, printed = await self._asked(program, "build", "--help")
            if not code:
                return program
            without = without or program
        if without:
            raise ProviderError(
                f"{without} has no BuildKit. Install its buildx (https://docs.docker.com/go/buildx/), or name another "
                f"docker: {CHOICE}=/path/to/docker, or make up DOCKER=/path/to/docker."
            )
        raise NoDaemonError(f"no docker daemon answers ({silent}). {_INSTALL}, start its daemon, or set DOCKER_HOST")

    async def _asked(self, program: str, *words: str) -> tuple[int, str]:
        try:
            return await asyncio.wait_for(self._run(program, words, {}, lambda _line: None), _ASK_SECONDS)
        except TimeoutError:
            return 1, f"nothing after {_ASK_SECONDS:.0f} s"

    async def _run(
        self, program: str, words: Sequence[str], environment: Mapping[str, str], say: Callable[[str], None]
    ) -> tuple[int, str]:
        host = {"DOCKER_HOST": self._host} if self._host else {}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _WITH_PARENT, str(os.getpid()), program, *words),
            cwd=self.root,
            env={**os.environ, **environment, **host, **_SETTINGS},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # A Ctrl-C is for the engine; it tells docker.
            start_new_session=True,
        )
        last: deque[str] = deque(maxlen=_TAIL_LINES)
        assert process.stdout is not None
        try:
            async for line in _lines(process.stdout):
                last.append(line)
                say(line)
            return await process.wait(), "\n".join(last)
        finally:
            await _ended(process)


def _programs() -> Iterator[str]:
    """Every docker on PATH, or the one that was chosen. Raises ProviderError when that is none."""
    chosen = os.environ.get(CHOICE)
    if chosen:
        found = shutil.which(chosen)
        if found is None:
            raise ProviderError(f"{CHOICE} names {chosen}, which is no program.")
        yield found
        return
    for folder in dict.fromkeys(os.get_exec_path()):
        program = shutil.which("docker", path=folder)
        if program:
            yield program


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """What it prints, line by line, of any length; the carriage return of a progress bar ends a line too."""
    rest = b""
    while chunk := await stream.read(65536):
        *whole, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            if line.strip():
                yield line.decode(errors="replace").rstrip()
    if rest.strip():
        yield rest.decode(errors="replace").rstrip()


async def _ended(process: asyncio.subprocess.Process) -> None:
    """End what still runs; the daemon drops a build whose client is gone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _END_SECONDS)
