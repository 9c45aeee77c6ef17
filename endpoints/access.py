"""Where the Inference Endpoints API is, and who we are there: from this machine's environment, never from a state."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import httpx2

Api = Literal["huggingface", "lab"]

PRODUCTION = "https://api.endpoints.huggingface.cloud"
HOSTS = ".endpoints.huggingface.cloud"
"""Where Hugging Face serves endpoints: no token goes to a host that a state or an answer names outside of it."""

_HUB = "https://huggingface.co"
_VARIABLES = {
    "huggingface": ("HF_ENDPOINTS_TOKEN", "HF_INVOKE_TOKEN"),
    "lab": ("LLM_LAB_HUB_TOKEN", "LLM_LAB_HUB_INVOKE_TOKEN"),
}
TOKEN_VARIABLES = tuple(variable for variables in _VARIABLES.values() for variable in variables)
"""Environment variables of tokens that may do more than look."""

READING_VARIABLES: Mapping[Api, str] = {
    "huggingface": "HF_ENDPOINTS_READ_TOKEN",
    "lab": "LLM_LAB_HUB_READ_TOKEN",
}
"""By API, the environment variable of a token that only looks."""

MANAGE, SEE = "inference.endpoints.write", "inference.endpoints.read"
"""Permissions of fine-grained tokens, as the API calls them. The first has the second in it."""

LAB_URL = "LLM_LAB_HUB"


class AccessError(Exception):
    """Nothing can be asked. The message says what to set."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """An API's address with this machine's tokens for it.

    url: of the API, without the version. hub: of the Hub that the models come from.
    token: manages endpoints, or only sees them. invoke_token: calls them; the other one where none is given.
    """

    api: Api
    url: str
    hub: str
    token: str = field(repr=False)
    invoke_token: str = field(repr=False)
    only_reads: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """What may stand in no message."""
        return (self.token, self.invoke_token)

    @property
    def token_variable(self) -> str:
        """The environment variable that the token came from."""
        return READING_VARIABLES[self.api] if self.only_reads else _VARIABLES[self.api][0]

    @property
    def permission(self) -> str:
        """What the token needs."""
        return SEE if self.only_reads else MANAGE

    @property
    def invoke_variable(self) -> str:
        """The environment variable for the calling token."""
        return _VARIABLES[self.api][1]

    def trusts(self, url: str, *, route: str | None = None) -> bool:
        """Whether the calling token may go to where the API says. route: the domain of the stack's own."""
        try:
            place = httpx2.URL(url)  # as the one who sends it reads it
        except (httpx2.InvalidURL, ValueError):
            return False
        if self.api == "lab":
            return place.host in ("127.0.0.1", "localhost", "::1")
        return place.scheme == "https" and (place.host.endswith(HOSTS) or (route is not None and place.host == route))


def access(api: Api, environment: Mapping[str, str] = os.environ) -> Access:
    """The access to an API that this machine has. A stack of the lab never reaches the real one, nor the other way.

    Raises AccessError when the environment does not say enough.
    """
    token_variable, invoke_variable = _VARIABLES[api]
    url = _url(api, environment)
    token = environment.get(token_variable, "").strip()
    if not token:
        raise AccessError(
            f"{token_variable} is not set. It needs a token that may manage Inference Endpoints (permission {MANAGE})."
        )
    return Access(
        api=api,
        url=url,
        hub=_HUB if api == "huggingface" else url,
        token=token,
        invoke_token=environment.get(invoke_variable, "").strip() or token,
    )


def reading_access(api: Api, environment: Mapping[str, str] = os.environ) -> Access:
    """The access of a program that only looks, by a token of its own.

    Raises AccessError when the environment does not say enough.
    """
    url, variable = _url(api, environment), READING_VARIABLES[api]
    token = environment.get(variable, "").strip()
    if not token:
        raise AccessError(f"{variable} is not set. It needs a token that may see Inference Endpoints and no more.")
    hub = _HUB if api == "huggingface" else url
    return Access(api=api, url=url, hub=hub, token=token, invoke_token=token, only_reads=True)


def _url(api: Api, environment: Mapping[str, str]) -> str:
    url = PRODUCTION if api == "huggingface" else environment.get(LAB_URL, "").rstrip("/")
    if not url:
        raise AccessError(
            f"huggingface.api is lab, and {LAB_URL} does not say where the lab's stand-in is. `make up` and its kin "
            "set it; `make lab` starts it."
        )
    return url
