"""A model under test: the ways to it, and what it should do."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from blueprint.endpoint import Endpoint
from blueprint.metrics import emitted
from blueprint.monitoring.subject import Subject as Monitored
from blueprint.settings import Cluster
from blueprint.stack import Stack
from blueprint.workload import Workload
from ops.asking.answers import headers
from ops.asking.endpoint import endpoint_target
from ops.asking.targets import is_loopback
from ops.asking.workload import ENGINE_KEY, in_lab, service_url, workload_target
from ops.cluster.forwarding import forwarded
from ops.cluster.lab import gateway, metrics_of
from ops.endpoints.facts import Facts
from ops.endpoints.outcome import NotSoError, UnusableError
from ops.endpoints.scope import opened

_WAKING_SECONDS = 600
"""For which a call to a sleeping endpoint asks to be held: big models take minutes to load."""


class AsleepError(Exception):
    """The model answers nobody, and that is as it should be; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model that can be asked.

    way: how questions get there, for people. url: where they go, openai_url: where it speaks the OpenAI API, None where
    it does not. headers: of each question. inside: where its health and its metrics are, which no host
    publishes; inside_headers: what is sent there.
    model: what it calls itself; None to ask it. metrics_url: None where no metrics can be seen from here, and then
    unseen says why. metrics: names that it should have. ask, structured: of its settings `smoke`. woken: by this test.
    """

    way: str
    url: str
    openai_url: str | None
    headers: Mapping[str, str] = field(repr=False)
    secrets: Sequence[str] = field(repr=False)
    inside: str
    inside_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    health_path: str
    model: str | None
    metrics_url: str | None
    unseen: str = ""
    metrics: Sequence[str] = ()
    ask: str = "chat"
    structured: bool = False
    woken: bool = False

    def client(self) -> httpx2.Client:
        """Speaks to it, and follows nobody elsewhere with its key."""
        return httpx2.Client(follow_redirects=False, trust_env=not is_loopback(self.url))


@contextlib.contextmanager
def subject(model: str, stack: Stack, settings: Mapping[str, Any], *, wake: bool) -> Iterator[Subject]:
    """A model of a stack, for as long as the ways to it are open. settings: the model's, of the stack file.

    Raises NotSoError while there is no way, UnusableError where something is missing here, AsleepError for one that is
    to be left asleep.
    """
    endpoint = next((endpoint for endpoint in stack.endpoints if endpoint.name == model), None)
    if endpoint is not None:
        yield _of_endpoint(endpoint, stack, settings, wake=wake)
        return
    workload = next(workload for workload in stack.workloads if workload.name == model)
    if stack.cluster is None:
        raise UnusableError(f"{model} is on a cluster, and stack {stack.name} names none.")
    with _of_workload(workload, stack.cluster, settings) as found:
        yield found


def _of_endpoint(endpoint: Endpoint, stack: Stack, settings: Mapping[str, Any], *, wake: bool) -> Subject:
    if endpoint.state == "paused":
        raise AsleepError("the stack file pauses it")
    asleep = Facts.of(opened(stack.name).live(endpoint)).state == "scaledToZero"
    if asleep and not wake:
        raise AsleepError("it sleeps, and was not woken (--no-wake)")
    target = endpoint_target(endpoint.name, stack.name)
    own = {**headers(target, _WAKING_SECONDS), **_bearer(target.token)}
    return Subject(
        way="its URL",
        url=target.url,
        openai_url=target.openai_url,
        headers=own,
        inside_headers=own,
        secrets=[target.token] if target.token else [],
        inside=target.url,
        health_path=endpoint.health_route,
        model=target.model,
        metrics_url=None,
        unseen="the platform publishes none of its server's",
        woken=asleep,
        **_asked(settings),
    )


@contextlib.contextmanager
def _of_workload(workload: Workload, cluster: Cluster, settings: Mapping[str, Any]) -> Iterator[Subject]:
    namespace, expose = cluster.namespace.name, settings.get("expose") or {}
    with contextlib.ExitStack() as ways:
        inside = ways.enter_context(service_url(workload, cluster))
        url, way, host = inside, "its Service", {}
        if expose.get("auth") in ("engineKey", "none"):
            way = f"its host {expose['host']}"
            if in_lab(cluster):
                url, host = gateway() or inside, {"host": expose["host"]}
            else:
                url = ways.enter_context(workload_target(workload, cluster, settings)).url
        key = os.environ.get(ENGINE_KEY, "").strip()
        if expose.get("auth") == "engineKey" and not key:
            raise UnusableError(f"{workload.name} takes requests with a key alone: set {ENGINE_KEY} to one of them.")
        engine = workload.engine
        metrics_url: str | None = f"{inside}{engine.metrics_path}"
        unseen = ""
        if in_lab(cluster):
            monitored = Monitored(workload=workload, namespace=namespace, traffic_floor=0)
            metrics_url = metrics_of(namespace, monitored.pod_pattern)
            unseen = "no pod of it answers in the lab"
        elif engine.metrics_port != engine.port and workload.kind == "LeaderWorkerSet":
            metrics_url, unseen = None, "kubectl port-forward leads to no LeaderWorkerSet"
        elif engine.metrics_port != engine.port:
            to = f"{workload.kind.lower()}/{workload.object_name}"
            way_in = forwarded(
                workload.name, context=cluster.context, namespace=namespace, to=to, port=engine.metrics_port
            )
            metrics_url = f"http://127.0.0.1:{ways.enter_context(way_in)}{engine.metrics_path}"
        if metrics_url is None and in_lab(cluster):
            raise NotSoError(f"{workload.name}: {unseen}.")
        known = emitted(engine.name, engine.version).values()
        yield Subject(
            way=way,
            url=url,
            openai_url=f"{url}/v1",
            headers={**host, **_bearer(key)},
            secrets=[key] if key else [],
            inside=inside,
            health_path=engine.health_path,
            model=engine.served_name,
            metrics_url=metrics_url if known else None,
            unseen=unseen or f"none of {engine.title} {engine.version} are known",
            metrics=sorted({metric.family or metric.name for metric in known}),
            **_asked(settings),
        )


def _asked(settings: Mapping[str, Any]) -> dict[str, Any]:
    smoke = settings.get("smoke") or {}
    return {"ask": smoke.get("ask", "chat"), "structured": bool(smoke.get("structured", False))}


def _bearer(key: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}
