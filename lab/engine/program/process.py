"""Child processes that end with the engine: the program, and Pulumi's hosts for dynamic providers and policies."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lab.errors import LabError

_START_SECONDS = 60.0
_TAIL_LINES = 15
# Set by the child itself before it becomes what it runs: nothing survives the engine.
_WITH_PARENT = (
    "import sys, runpy; from lab.engine.program.lifeline import die_with_parent; "
    "die_with_parent(int(sys.argv.pop(1))); "
    "module = sys.argv.pop(1); runpy.run_module(module, run_name='__main__', alter_sys=True)"
)


class Child:
    """A running Python module whose output goes to `say`, line by line."""

    def __init__(self, process: asyncio.subprocess.Process, say: Callable[[str], None]):
        self._process = process
        self._say = say
        self._tail: list[str] = []
        self._readers: list[asyncio.Task[None]] = []

    @classmethod
    async def start(
        cls,
        module: str,
        arguments: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str],
        say: Callable[[str], None],
    ) -> "Child":
        """Start `python -u -m module arguments`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-u",
            "-c",
            _WITH_PARENT,
            str(os.getpid()),
            module,
            *arguments,
            cwd=directory,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # A Ctrl-C is for the engine; it tells its children.
            start_new_session=True,
            limit=16 << 20,
        )
        child = cls(process, say)
        assert process.stderr is not None
        child._readers.append(asyncio.create_task(child._read(process.stderr)))
        return child

    async def port(self) -> int:
        """The port that a host prints first. Raises LabError, with the end of its output, when it prints none."""
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), _START_SECONDS)
            port = int(line)
        except (ValueError, TimeoutError):
            await self.stop()
            tail = "\n".join(self._tail)
            raise LabError(f"A host process did not start (code {self._process.returncode}):\n{tail}") from None
        self._readers.append(asyncio.create_task(self._read(self._process.stdout)))
        return port

    async def ended(self) -> int:
        """Wait for the end; its exit code."""
        if self._process.stdout is not None and len(self._readers) == 1:
            self._readers.append(asyncio.create_task(self._read(self._process.stdout)))
        code = await self._process.wait()
        await asyncio.gather(*self._readers)
        return code

    async def stop(self) -> None:
        """End it and whatever it has started."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            text = line.decode(errors="replace").rstrip()
            self._tail = [*self._tail, text][-_TAIL_LINES:]
            if text:
                self._say(text)
