"""What a command is about: a stack's endpoints, and the namespace at Hugging Face that they are in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from blueprint.endpoint import Endpoint
from blueprint.stack import Stack
from endpoints.access import Api, access
from endpoints.body import owner_prefix
from ops.endpoints.outcome import NotSoError, UnusableError, told
from ops.project import PROJECT_NAME, Project

if TYPE_CHECKING:
    from endpoints.client import EndpointsClient

_Command = TypeVar("_Command", bound=Callable[..., Any])
PATIENCE = 10.0
"""Seconds for which a person waits while the API is out of breath or out of reach."""


def stack_option(command: _Command) -> _Command:
    """--stack."""
    return click.option("--stack", default="dev", show_default=True, help="Stack whose file is read.")(command)


def json_option(command: _Command) -> _Command:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """A stack, the namespace of its endpoints, and a client of it."""

    stack: Stack
    namespace: str
    client: "EndpointsClient"

    @property
    def api(self) -> str:
        """Whose Inference Endpoints these are."""
        return self.client.access.api

    def declared(self, name: str) -> Endpoint:
        """The endpoint that the stack file calls so: by the model's name, or else by the endpoint's.

        Raises UnusableError when there is none.
        """
        found = declared(self.stack, name)
        if found is None:
            known = ", ".join(endpoint.name for endpoint in self.stack.endpoints) or "none"
            raise UnusableError(
                f"{name} is no model with target endpoint in stack {self.stack.name}, and what a stack does not "
                f"declare is left alone. There are: {known}."
            )
        return found

    def owns(self, raw: Mapping[str, Any]) -> bool:
        """Whether this stack made, or took over, an endpoint: its tag says so."""
        return any(str(tag).startswith(owner_prefix(PROJECT_NAME, self.stack.name)) for tag in raw.get("tags") or [])

    def live(self, endpoint: Endpoint) -> Mapping[str, Any]:
        """The endpoint as the API shows it. Raises NotSoError when it does not exist."""
        with told(self.api):
            raw = self.client.get(endpoint.endpoint_name)
        if raw is None:
            raise NotSoError(
                f"{called(endpoint)} does not exist in {self.namespace}: `make up STACK={self.stack.name}` makes it."
            )
        return raw

    def own(self, endpoint: Endpoint, raw: Mapping[str, Any]) -> None:
        """Raises NotSoError for an endpoint that is not this stack's."""
        if not self.owns(raw):
            tag = owner_prefix(PROJECT_NAME, self.stack.name)
            raise NotSoError(
                f"{called(endpoint)} is not this stack's: it has no tag {tag}..., so it is left alone. Give the "
                "model another endpointName, or take it over with adopt: true and `make up`."
            )


def declared(stack: Stack, name: str) -> Endpoint | None:
    """The endpoint that the stack file calls so: by the model's name, or else by the endpoint's."""
    by_model = {endpoint.name: endpoint for endpoint in stack.endpoints}
    return by_model.get(name) or {endpoint.endpoint_name: endpoint for endpoint in stack.endpoints}.get(name)


def called(endpoint: Endpoint) -> str:
    """How sentences name an endpoint."""
    same = endpoint.name == endpoint.endpoint_name
    return endpoint.name if same else f"{endpoint.name} (endpoint {endpoint.endpoint_name})"


def resolved(name: str) -> Stack:
    """The stack. Raises UnusableError when its file cannot be used."""
    try:
        return Project.find().resolve(name)
    except click.ClickException as error:
        raise UnusableError(error.message) from None


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a stack's endpoints are."""

    api: Api
    namespace: str


def place_of(name: str) -> Place:
    """Where the endpoints of the stack of this name are. Raises UnusableError when its file does not say."""
    # Not of the endpoints: the last one may have gone from the file, and still be there.
    settings = Project.find().values(name).get("huggingface") or {}
    namespace = settings.get("namespace")
    if not namespace:
        raise UnusableError(
            f"Stack {name} has no endpoints: Pulumi.{name}.yaml names no huggingface.namespace. Choose another --stack."
        )
    return Place(api=settings.get("api", "huggingface"), namespace=namespace)


def opened(name: str) -> Scope:
    """The stack's endpoints. Raises UnusableError when there is no way to them."""
    stack, place = resolved(name), place_of(name)
    with told(place.api):
        way = access(place.api)
    from endpoints.client import EndpointsClient  # noqa: PLC0415  it takes half a second, which --help need not

    client = EndpointsClient(way, place.namespace, patience=PATIENCE)
    return Scope(stack=stack, namespace=place.namespace, client=client)
