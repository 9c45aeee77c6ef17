"""The exporter as a process: it polls beside a server of /metrics, until it is told to end."""

import logging
import signal
import sys
import threading
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, start_http_server

from endpoints.access import AccessError, Api, reading_access
from endpoints.client import EndpointsClient
from endpoints.exporter.exposition import Exposition
from endpoints.exporter.observation import Stack
from endpoints.exporter.polling import ManagingTokenError, Poller

PORT = 9840
_MOST_SECONDS = 900.0
"""A longer pause that the API asks for is cut: it may have meant something else."""

_log = logging.getLogger("endpoints.exporter")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is watched, how often, and where it is served. poll_seconds, keep_seconds: see Endpoints in the settings."""

    api: Api
    namespace: str
    stack: Stack
    poll_seconds: float
    keep_seconds: float
    listen: str
    port: int


class UnusableError(Exception):
    """The exporter cannot run like this. The message says what to do, and holds no secret."""


def run(settings: Settings) -> None:
    """Poll and serve until SIGTERM.

    Raises UnusableError without a token, with one that may do more than look, and where nobody may listen.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    _log.setLevel(logging.INFO)
    try:
        access = reading_access(settings.api)
    except AccessError as error:
        raise UnusableError(str(error)) from None
    # Beyond half an interval the next poll is as good as another try.
    client = EndpointsClient(access, settings.namespace, patience=min(settings.poll_seconds / 2, 15.0))
    poller = Poller(client=client, stack=settings.stack, keep_seconds=settings.keep_seconds)
    ended, refusals = threading.Event(), list[str]()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Exposition(poller))
    try:
        server, _ = start_http_server(settings.port, settings.listen, registry)
    except OSError as error:
        raise UnusableError(f"{settings.listen}:{settings.port} cannot be listened on: {error.strerror}.") from None
    _log.info("serves http://%s:%s/metrics", settings.listen, server.server_port)
    before = signal.signal(signal.SIGTERM, lambda *_: ended.set())
    # A daemon: whatever it waits for, the process ends at once.
    threading.Thread(target=_poll, args=(poller, settings.poll_seconds, ended, refusals), daemon=True).start()
    try:
        ended.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
        ended.set()
        server.shutdown()
        server.server_close()
    if refusals:
        raise UnusableError(refusals[0])


def _poll(poller: Poller, seconds: float, ended: threading.Event, refusals: list[str]) -> None:
    try:
        while not ended.is_set():
            asked = poller.poll()
            ended.wait(min(max(seconds, asked), max(seconds, _MOST_SECONDS)))
    except ManagingTokenError as error:
        refusals.append(str(error))
    except Exception as error:  # noqa: BLE001  its text may hold anything
        refusals.append(f"The exporter has a mistake ({type(error).__name__}).")
    ended.set()
