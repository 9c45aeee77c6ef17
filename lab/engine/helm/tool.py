"""The helm program: built at its first use, run for one cluster, ended with the engine."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.engine.provider import ProviderError
from lab.errors import LabError
from lab.tools.build import ensure
from lab.tools.sets import HELM

# An interrupted Helm undoes what it has begun, and waits for that.
_UNDO_SECONDS = 30.0
# Set by the child itself before it becomes Helm: nothing survives the engine.
_WITH_PARENT = (
    "import os, sys; from lab.engine.program.lifeline import die_with_parent; "
    "die_with_parent(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"
)


class HelmError(ProviderError):
    """Helm ended with an error; the message is Helm's own."""


class NoHelmError(ProviderError):
    """There is no Helm, and none can be built; the message says what to do."""


class HelmInterruptedError(ProviderError):
    """Helm was ended before its work was done."""


class Helm:
    """Helm on one cluster. kubeconfig: contents, a path, or empty for KUBECONFIG and then the home folder."""

    def __init__(self, kubeconfig: str, context: str | None):
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._kubeconfig = kubeconfig
        self._context = context
        self._program: Path | None = None
        self._building = asyncio.Lock()

    async def local(self, *arguments: str, values: str = "") -> str:
        """What Helm prints when it asks no cluster. values: what it reads from its standard input.

        Raises HelmError, NoHelmError, HelmInterruptedError.
        """
        return await self._run(arguments, values)

    async def on_cluster(self, *arguments: str, values: str = "") -> str:
        """As local, on the cluster."""
        return await self._run([*arguments, *self._cluster()], values)

    def close(self) -> None:
        """Forget the credentials that were written for Helm."""
        if self._folder is not None:
            self._folder.cleanup()

    async def _run(self, arguments: Sequence[str], values: str) -> str:
        program = await self._found()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _WITH_PARENT,
            str(os.getpid()),
            program,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # A Ctrl-C is for the engine; it tells Helm.
            start_new_session=True,
        )
        try:
            printed, complaints = await process.communicate(values.encode())
        except asyncio.CancelledError:
            await _ended(process)
            raise HelmInterruptedError("Interrupted.") from None
        if process.returncode != 0:
            # Before it stand warnings that say the same.
            text = complaints.decode(errors="replace").strip().rpartition("Error: ")[2]
            raise HelmError(text or f"helm ended with code {process.returncode}")
        return printed.decode()

    async def _found(self) -> Path:
        async with self._building:
            if self._program is None:
                try:
                    self._program = (await asyncio.to_thread(ensure, HELM)).program("helm")
                except LabError as error:
                    raise NoHelmError(str(error)) from None
            return self._program

    def _cluster(self) -> list[str]:
        context = [f"--kube-context={self._context}"] if self._context else []
        if self._kubeconfig.lstrip().startswith(("{", "apiVersion", "kind", "clusters")):
            self._folder = self._folder or tempfile.TemporaryDirectory(prefix="llm-inference-helm-")
            path = Path(self._folder.name) / "kubeconfig"
            if not path.exists():
                path.touch(mode=0o600)
                path.write_text(self._kubeconfig)
            return [f"--kubeconfig={path}", *context]
        return [*([f"--kubeconfig={self._kubeconfig}"] if self._kubeconfig else []), *context]


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Ask Helm to stop, and give it time to undo what it has begun."""
    ask: Sequence[Callable[[], None]] = (lambda: process.send_signal(signal.SIGTERM), process.kill)
    for end in ask:
        if process.returncode is not None:
            return
        end()
        try:
            await asyncio.wait_for(process.communicate(), _UNDO_SECONDS)
        except TimeoutError:
            continue
