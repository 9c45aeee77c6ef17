"""`llm endpoints export`: metrics of a stack's endpoints from this machine, for a Prometheus that scrapes it here."""

import click

from blueprint.settings.watching import WatchedEndpoints
from endpoints.body import owner_prefix
from ops.endpoints.outcome import UnusableError
from ops.endpoints.scope import place_of, resolved, stack_option
from ops.project import PROJECT_NAME

_DEFAULTS = WatchedEndpoints(token="none")  # noqa: S106  the name of a secret, which the environment stands for here


@click.command("export")
@click.option("--listen", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option("--port", type=click.IntRange(0, 65535), default=9840, show_default=True, help="0: any that is free.")
@stack_option
def command(listen: str, port: int, stack: str) -> None:
    """Serve metrics of the endpoints in the stack's namespace, by a token that only sees them, until interrupted."""
    from endpoints.exporter import observation, serving  # noqa: PLC0415  half a second, which --help need not take

    place, monitoring = place_of(stack), resolved(stack).monitoring
    given = (monitoring.endpoints if monitoring else None) or _DEFAULTS
    models = {endpoint.endpoint_name: endpoint.name for endpoint in resolved(stack).endpoints}
    settings = serving.Settings(
        api=place.api,
        namespace=place.namespace,
        stack=observation.Stack(tag=owner_prefix(PROJECT_NAME, stack), models=models),
        poll_seconds=given.poll_seconds,
        keep_seconds=given.keep_minutes * 60,
        listen=listen,
        port=port,
    )
    try:
        serving.run(settings)
    except serving.UnusableError as error:
        raise UnusableError(str(error)) from None
