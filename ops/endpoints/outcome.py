"""How the commands end: 0 fine, 1 what was asked for is not so, 2 wrong usage or configuration, 130 interrupted."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import click

from endpoints.access import AccessError
from endpoints.errors import EndpointsError

_NETWORK = {
    "huggingface": "Check the network, and HTTPS_PROXY where one is needed.",
    "lab": "LLM_LAB_HUB names the lab's stand-in; is it running?",
}
_TOKEN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class NotSoError(click.ClickException):
    """What was asked for is missing, has failed or is not ready."""

    exit_code = 1


class UnusableError(click.ClickException):
    """The command cannot be run like this: wrong usage, configuration or token."""

    exit_code = 2


@contextmanager
def told(api: str) -> Iterator[None]:
    """Let failures of the Inference Endpoints API end the command with a sentence."""
    try:
        yield
    except AccessError as error:
        raise UnusableError(str(error)) from None
    except EndpointsError as error:
        if error.status in _TOKEN:
            raise UnusableError(str(error)) from None
        text = str(error) if error.status else f"{error} {_NETWORK[api]}"
        raise NotSoError(text) from None
