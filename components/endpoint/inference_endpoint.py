"""One model on Hugging Face Inference Endpoints: the endpoint, and that it is ready."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import Alias, ComponentResource, Input, Output, ProviderResource, ResourceOptions
from pulumi.dynamic import Resource

from blueprint.cost.catalogue import another_price
from blueprint.cost.stack import ModelCost
from blueprint.endpoint import Endpoint
from components.endpoint.provider import EndpointProvider, OwnershipProvider, ReadyProvider


class Ownership(Resource, module="hf", name="Ownership"):
    """A word of this stack's own, a tag on each of its endpoints. Two stacks called dev are two owners."""

    tag: Output[str]

    def __init__(self, name: str, *, api: str, namespace: str, opts: ResourceOptions | None = None):
        made_by = {"project": pulumi.get_project(), "stack": pulumi.get_stack()}
        props = {**made_by, "api": api, "namespace": namespace, "tag": None}
        super().__init__(OwnershipProvider(), name, props, opts)


class AcceptedEndpoint(Resource, module="hf", name="Endpoint"):
    """An endpoint that the API has accepted; it may still be starting."""

    accepted: Output[str]
    revision: Output[str]
    price: Output[dict[str, Any]]

    def __init__(self, name: str, props: Mapping[str, Any], opts: ResourceOptions | None = None):
        super().__init__(EndpointProvider(), name, {**props, "accepted": None, "revision": None, "price": None}, opts)


class EndpointReady(Resource, module="hf", name="EndpointReady"):
    """That an endpoint runs, answers, and is as asked. Made anew whenever the endpoint changes."""

    status: Output[str]
    url: Output[str]
    openaiUrl: Output[str]  # noqa: N815  the property's name
    resolvedRevision: Output[str]  # noqa: N815

    def __init__(self, name: str, props: Mapping[str, Any], opts: ResourceOptions | None = None):
        made = {"status": None, "url": None, "openaiUrl": None, "resolvedRevision": None}
        super().__init__(ReadyProvider(), name, {**props, **made}, opts)


@dataclass(frozen=True, kw_only=True)
class InferenceEndpointArgs:
    """What is asked of Hugging Face, for whom, and who waits for it."""

    endpoint: Endpoint
    cost: ModelCost  # by the stack file; what it costs in truth is known when it is accepted
    owner: Input[str]  # the tag by which this stack knows its own
    secrets: Mapping[str, Input[str]]  # by the names that the endpoint has for them
    protect: bool  # refuse to delete it, and with it its url
    # A provider host of its own: the host has four threads, and waiting must not keep endpoints from being accepted.
    waiting: ProviderResource


class InferenceEndpoint(ComponentResource):
    """A model that Hugging Face serves.

    The endpoint is in the state as soon as the API has accepted it, so that nothing that is billed is ever unknown;
    a failed start fails the update, and the next one goes on.
    """

    url: Output[str]
    summary: Output[dict[str, Any]]

    def __init__(self, name: str, args: InferenceEndpointArgs, opts: ResourceOptions | None = None):
        aliases = [Alias(name=former) for former in args.endpoint.formerly]
        super().__init__(
            "llm:index:InferenceEndpoint", name, {}, ResourceOptions.merge(opts, ResourceOptions(aliases=aliases))
        )
        self._args = args
        accepted = self._accepted(name)
        accepted.price.apply(self._compare)
        ready = self._ready(name, accepted)
        outputs = {
            "url": ready.url,
            "openaiUrl": ready.openaiUrl,
            "status": ready.status,
            "revision": ready.resolvedRevision,
            "price": accepted.price,
        }
        self.url, self.summary = ready.url, Output.all(**outputs)
        self.register_outputs(outputs)

    def _accepted(self, name: str) -> AcceptedEndpoint:
        args = self._args
        secrets = {name: Output.secret(value) for name, value in args.secrets.items()}
        password = args.endpoint.registry_password
        props = {
            **shared_properties(args.endpoint, args.owner),
            "adopt": args.endpoint.adopt,
            "secrets": {variable: secrets[name] for variable, name in sorted(args.endpoint.secrets.items())},
            "registryPassword": secrets[password] if password else None,
        }
        return AcceptedEndpoint(f"{name}-endpoint", props, ResourceOptions(parent=self, protect=args.protect))

    def _compare(self, price: Mapping[str, Any] | None) -> None:
        if told := another_price(self._args.cost, price):
            pulumi.log.warn(told, self)

    def _ready(self, name: str, accepted: AcceptedEndpoint) -> EndpointReady:
        args = self._args
        props = {
            **shared_properties(args.endpoint, args.owner),
            "accepted": accepted.accepted,
            "healthRoute": args.endpoint.health_route,
            "openaiPath": args.endpoint.openai_path,
            "readyMinutes": args.endpoint.ready_minutes,
        }
        options = ResourceOptions(parent=self, provider=args.waiting, depends_on=[accepted])
        return EndpointReady(f"{name}-ready", props, options)


def shared_properties(endpoint: Endpoint, owner: Input[str]) -> dict[str, Any]:
    """What the endpoint and its readiness are both told."""
    return {
        "api": endpoint.api,
        "namespace": endpoint.namespace,
        "body": endpoint.body,
        "state": endpoint.state,
        "owner": owner,
    }
