"""Run the server: `python -m server`. It is told by its environment; see server/settings.py."""

import logging
import os
import signal
import socket
import sys

import uvloop

from server import log
from server.settings import Settings, SettingsError, from_environment
from server.telemetry import Telemetry, TelemetryOptions

EXIT_SETTINGS = 2


def main() -> int:
    """Run until SIGTERM; gives the exit code."""
    # Until there is something to drain; the first process of a container would otherwise not hear it.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    log.set_up("info")
    try:
        settings = from_environment()
        telemetry = Telemetry(model=settings.served_name, options=_telemetry_options(settings))
    except SettingsError as error:
        for problem in str(error).splitlines():
            log.tell(logging.ERROR, problem)
        return EXIT_SETTINGS
    log.set_up(settings.log_level)
    log.tell(logging.INFO, "settings", settings=settings.public())
    try:
        listener = listen(settings)
        telemetry.serve(settings.host, settings.metrics_port)
    except OSError as error:
        log.tell(logging.ERROR, f"PORT or METRICS_PORT cannot be listened on: {error.strerror}. Choose free ones.")
        return EXIT_SETTINGS
    # Not at the top: what it imports takes a second, and a wrong setting is refused at once.
    from server.run import run  # noqa: PLC0415

    return int(uvloop.run(run(settings, telemetry, listener)))


def listen(settings: Settings) -> socket.socket:
    """Take the port of the API. Raises OSError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    # Connections inherit it, whatever the loop: uvloop sets it itself, asyncio does not for a socket that it did not
    # make, and without it the first token waits 40 ms for the client to acknowledge the headers.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


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
            service_name=settings.otel_service_name,
        )
    except ValueError as error:
        named = str(error).replace("otlp_", "otel_exporter_otlp_")
        for field in Settings.model_fields:
            named = named.replace(field, field.upper()) if field in named else named
        raise SettingsError(named) from None


if __name__ == "__main__":
    sys.exit(main())
