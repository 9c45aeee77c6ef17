"""Run the server: `python -m server`. It is told by its environment; see server/settings.py."""

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
from transformers.utils import logging as transformers_log

from server import log
from server.app import create_app
from server.service import Service
from server.settings import Settings, SettingsError, from_environment
from server.telemetry import Telemetry, TelemetryOptions

FLUSH_SECONDS = 5  # after the drain, for what was made and is not sent yet
WATCH_SECONDS = 1
EXIT_SETTINGS = 2


class Web(uvicorn.Server):
    """uvicorn, which leaves the signals to us: it would stop listening at once, where we answer 503 while draining."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def main() -> int:
    """Run until SIGTERM; gives the exit code."""
    log.set_up("info")
    try:
        settings = from_environment()
        telemetry = Telemetry(model=settings.served_name, options=_telemetry_options(settings))
    except SettingsError as error:
        for problem in str(error).splitlines():
            log.tell(logging.ERROR, problem)
        return EXIT_SETTINGS
    log.set_up(settings.log_level)
    transformers_log.disable_progress_bar()
    transformers_log.disable_default_handler()
    transformers_log.enable_propagation()
    log.tell(logging.INFO, "settings", settings=settings.public())
    try:
        listener = _listener(settings)
        telemetry.serve(settings.host, settings.metrics_port)
    except OSError as error:
        log.tell(logging.ERROR, f"PORT or METRICS_PORT cannot be listened on: {error.strerror}. Choose free ones.")
        return EXIT_SETTINGS
    return asyncio.run(_run(settings, telemetry, listener))


async def _run(settings: Settings, telemetry: Telemetry, listener: socket.socket) -> NoReturn:
    code = await _serve(settings, telemetry, listener)
    telemetry.close()
    sys.stdout.flush()
    # A model that is still being loaded would keep the process: its thread cannot be stopped.
    os._exit(code)


def _listener(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family, backlog=2048)


def _telemetry_options(settings: Settings) -> TelemetryOptions:
    def plain(name: str) -> str | None:
        secret = getattr(settings, name)
        return secret.get_secret_value() if secret is not None else None

    try:
        return TelemetryOptions(
            otlp_endpoint=settings.otel_exporter_otlp_endpoint,
            otlp_protocol=settings.otel_exporter_otlp_protocol,
            otlp_headers=plain("otel_exporter_otlp_headers"),
            langfuse_host=settings.langfuse_host,
            langfuse_public_key=plain("langfuse_public_key"),
            langfuse_secret_key=plain("langfuse_secret_key"),
            capture_prompts=settings.capture_prompts,
        )
    except ValueError as error:
        named = str(error).replace("otlp_", "otel_exporter_otlp_")
        for field in Settings.model_fields:
            named = named.replace(field, field.upper()) if field in named else named
        raise SettingsError(named) from None


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
    except Exception as error:  # noqa: BLE001 - whatever it is, the process ends
        # Of the loader's: it names the model and files, there is no prompt yet.
        log.LOG.error("the model cannot be loaded: %s", error, exc_info=error)
        return
    log.tell(logging.INFO, "ready", seconds=round(time.monotonic() - began, 2), longest=service.longest)
    while service.alive:  # noqa: ASYNC110 - the engine's thread has no event to wait for
        await asyncio.sleep(WATCH_SECONDS)
    log.tell(logging.ERROR, "the engine has stopped")


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


if __name__ == "__main__":
    sys.exit(main())
