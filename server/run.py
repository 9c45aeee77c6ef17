"""The process: it loads the model, listens, and drains on SIGTERM."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import NoReturn

import uvicorn

from server import log
from server.app import create_app
from server.generation import LoadError
from server.service import Service
from server.settings import Settings
from server.telemetry import Telemetry

FLUSH_SECONDS = 5  # after the drain, for what was made and is not sent yet
WATCH_SECONDS = 1


class Web(uvicorn.Server):
    """uvicorn, which leaves the signals to us: it would stop listening at once, where we answer 503 while draining."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def run(settings: Settings, telemetry: Telemetry, listener: socket.socket) -> NoReturn:
    """Serve until SIGTERM, and exit."""
    code = await _serve(settings, telemetry, listener)
    telemetry.close()
    sys.stdout.flush()
    # A tokenizer that is still being loaded would keep the process: its thread cannot be stopped.
    os._exit(code)


async def _serve(settings: Settings, telemetry: Telemetry, listener: socket.socket) -> int:
    service = Service(settings, telemetry)
    config = uvicorn.Config(
        create_app(service),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=FLUSH_SECONDS,
    )
    web = Web(config)
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    serving = asyncio.create_task(web.serve(sockets=[listener]))
    log.tell(logging.INFO, "listening", host=settings.host, port=listener.getsockname()[1])
    working = asyncio.create_task(_work(service))
    stopping = asyncio.create_task(told.wait())
    await asyncio.wait({working, stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
    failed = not told.is_set()
    await _drain(service, settings)
    web.should_exit = True
    await serving
    for task in (working, stopping):
        task.cancel()
    await asyncio.to_thread(service.stop)
    log.tell(logging.INFO, "exit", code=int(failed))
    return int(failed)


async def _work(service: Service) -> None:
    """Load the model, then see that the engine lives. Ends when there is nothing to serve any more."""
    began = time.monotonic()
    try:
        await service.start()
    except LoadError as error:
        log.tell(logging.ERROR, f"the model cannot be loaded: {error}", **error.origin)
        return
    except Exception as error:  # noqa: BLE001 - whatever it is, the process ends
        # Of the loader's: it names the model and files, there is no prompt yet.
        log.LOG.error("the model cannot be loaded: %s", error, exc_info=error)
        return
    log.tell(logging.INFO, "ready", seconds=round(time.monotonic() - began, 2), longest=service.longest)
    while service.alive:  # noqa: ASYNC110 - that a step takes too long is no event
        await asyncio.sleep(WATCH_SECONDS)
    log.tell(logging.ERROR, "the engine has stopped", process=await asyncio.to_thread(service.fate))
    await asyncio.to_thread(service.stop)  # one that is stuck: those who wait for it learn of it now


async def _drain(service: Service, settings: Settings) -> None:
    """Let what runs complete within DRAIN_SECONDS, and cut off the rest."""
    service.gate.draining = True
    log.tell(logging.INFO, "draining", seconds=settings.drain_seconds)
    try:
        async with asyncio.timeout(settings.drain_seconds):
            await service.gate.idle()
    except TimeoutError:
        log.tell(logging.WARNING, "cut off what did not complete")
        service.cut()
        await asyncio.sleep(0)
