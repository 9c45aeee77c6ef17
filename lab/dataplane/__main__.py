"""The process that keeps engines and proxy as the cluster's objects say: kubelet, kube-proxy and gateway of the lab."""

import argparse
import asyncio
import base64
import contextlib
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import yaml
from lightkube import ApiError, AsyncClient, KubeConfig
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.coordination_v1 import LeaseSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.coordination_v1 import Lease
from lightkube.resources.core_v1 import ConfigMap, Pod, Secret, Service
from lightkube.resources.discovery_v1 import EndpointSlice
from lightkube.resources.networking_v1 import Ingress
from lightkube.types import PatchType

from lab import own_server
from lab.cluster.settings import write_private
from lab.dataplane import ANSWERS, LEASE
from lab.dataplane.endpoints import endpoints
from lab.dataplane.fleet import Fleet
from lab.dataplane.network import network
from lab.dataplane.pods import (
    PART_OF,
    PROJECT,
    Variables,
    end,
    engine_of,
    has_engine,
    key_sources,
    own_variables,
    runs,
)
from lab.dataplane.ports import Ports
from lab.dataplane.proxy import HOST, Proxy
from lab.dataplane.routes import ServiceName, table
from lab.dataplane.traces import collector_of, traced
from lab.dataplane.watching import Copies

_RENEW_SECONDS = 5.0
_RETRY_SECONDS = 0.5
_LOOK_SECONDS = 1.0
_COLLECTOR = "opentelemetry-collector"
_HTTPRoute = create_namespaced_resource("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")
_log = logging.getLogger("dataplane")


class DataPlane:
    """Engines and proxy of the lab at `home`.

    start_seconds, drain_seconds: how long a pod starts at least, and how long the lab keeps a deleted one.
    gateway: port of the proxy's gateway. server: the Python of this project's server; None to simulate it.
    programs: by app.kubernetes.io/name of a pod of the monitoring, the program of its container.
    api_server: its port.
    """

    def __init__(
        self,
        home: Path,
        *,
        start_seconds: float,
        drain_seconds: float,
        gateway: int,
        server: Path | None,
        programs: Mapping[str, Path],
        api_server: int,
    ) -> None:
        self._drain_seconds = drain_seconds
        self._gateway = gateway
        self._programs = programs
        self._of_services: Mapping[ServiceName, int] = {}
        self._api_server = api_server
        folder = home / "dataplane"
        folder.mkdir(exist_ok=True)
        self._addresses = folder / "addresses.json"
        self._changed = asyncio.Event()
        self._fleet = Fleet(home, self._changed, server=server, start_seconds=start_seconds)
        self._proxy = Proxy(home / "proxy")
        self._pods = Copies(Pod, self._changed, labels={PART_OF: PROJECT})
        self._services = Copies(Service, self._changed)
        self._slices = Copies(EndpointSlice, self._changed)
        self._routes = Copies(_HTTPRoute, self._changed)
        self._ingresses = Copies(Ingress, self._changed)
        self._ports = Ports(folder / "ports.json", in_use=self._proxy.ports())

    async def run(self, client: AsyncClient) -> None:
        """Follow the cluster for ever."""
        copies = (self._pods, self._services, self._slices, self._routes, self._ingresses)
        self._fleet.adopt()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_renew_lease(client))
            for kind in copies:
                tasks.create_task(kind.follow(client))
            while True:
                self._changed.clear()
                if all(kind.complete for kind in copies):
                    await self._care_for_engines(client)
                    self._configure_proxy()
                    self._write_network()
                due = self._fleet.next_moment()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(
                        self._changed.wait(), timeout=_LOOK_SECONDS if due is None else min(due, _LOOK_SECONDS)
                    )

    async def _care_for_engines(self, client: AsyncClient) -> None:
        self._fleet.mourn()
        pods = {
            uid: pod for uid, pod in self._pods.objects.items() if has_engine(pod) or engine_of(pod) in self._programs
        }
        for uid in set(self._fleet.running) - set(pods):
            self._fleet.kill(uid)
        for uid, pod in pods.items():
            if pod["metadata"].get("deletionTimestamp"):
                self._fleet.ending(uid, end(pod, self._drain_seconds))
            elif runs(pod) and self._fleet.may_start(uid):
                try:
                    await self._start(client, pod)
                except (ApiError, httpx2.HTTPError, ValueError) as error:
                    _log.warning("%s is not started yet: %s", pod["metadata"]["name"], error)
            elif self._fleet.has_started(uid):
                await _tell_that_it_answers(client, pod)

    async def _start(self, client: AsyncClient, pod: Mapping[str, Any]) -> None:
        program = self._programs.get(engine_of(pod))
        if program is not None:
            await self._fleet.start_container(client, pod, program)
            return
        told = await _variables(client, pod)
        keys, ending = await _keys(client, pod, told), end(pod, self._drain_seconds, told)
        self._fleet.start(pod, ending, keys, told, self._traces(pod, told))

    def _traces(self, pod: Mapping[str, Any], told: Variables) -> Mapping[str, str]:
        """What tells this project's server where its traces go; nothing where no collector runs."""
        collector = collector_of(told)
        if collector is None or _COLLECTOR not in self._programs:
            return {}
        port = self._of_services.get(ServiceName(pod["metadata"]["namespace"], collector))
        if port is None:
            raise ValueError(f"the Service {collector}, to which its traces go, has no port yet")
        return traced(pod, told, f"http://{HOST}:{port}")

    def _write_network(self) -> None:
        """Tell the containers who is where."""
        pods = [(pod, self._fleet.ports_of(pod)) for pod in self._pods.objects.values()]
        found = network(
            self._services.objects.values(), self._slices.objects.values(), pods, api_server=self._api_server
        )
        _write(self._fleet.network, json.dumps(found, indent=1))

    def _configure_proxy(self) -> None:
        found = endpoints(self._services.objects.values(), self._slices.objects.values(), self._fleet.port_of)
        ports = self._of_services = self._ports.of(found, taken={self._gateway, *self._fleet.ports})
        self._proxy.update(table(self._routes.objects.values(), self._ingresses.objects.values()), found, ports)
        text = json.dumps(
            {
                "gateway": f"http://{HOST}:{self._gateway}",
                "services": {str(service): f"http://{HOST}:{port}" for service, port in sorted(ports.items())},
                "metrics": {
                    pod: f"http://{HOST}:{port}/metrics" for pod, port in sorted(self._fleet.metrics().items())
                },
            },
            indent=2,
        )
        _write(self._addresses, text)


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        write_private(path, text)


async def _variables(client: AsyncClient, pod: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a pod's container, but for those of Secrets; none of an engine that has arguments instead."""
    if engine_of(pod) != own_server.ENGINE:
        return {}
    maps, found = own_variables(pod)
    for name in reversed(maps):
        given = await client.get(ConfigMap, name, namespace=pod["metadata"]["namespace"])
        found = {**(given.data or {}), **found}
    return found


async def _tell_that_it_answers(client: AsyncClient, pod: Mapping[str, Any]) -> None:
    """Let kwok make the pod Ready."""
    metadata = pod["metadata"]
    if ANSWERS in (metadata.get("annotations") or {}):
        return
    change = {"metadata": {"annotations": {ANSWERS: "true"}}}
    try:
        await client.patch(Pod, metadata["name"], change, namespace=metadata["namespace"], patch_type=PatchType.MERGE)
    except (ApiError, httpx2.HTTPError) as error:
        _log.warning("%s is not told to be ready yet: %s", metadata["name"], error)


async def _keys(client: AsyncClient, pod: Mapping[str, Any], told: Variables) -> list[str]:
    """The keys that callers of a pod may use."""
    keys: list[str] = []
    for source in key_sources(pod, told):
        if source.value is not None:
            keys.append(source.value)
            continue
        secret = (await client.get(Secret, source.secret, namespace=pod["metadata"]["namespace"])).to_dict()
        text = base64.b64decode((secret.get("data") or {}).get(source.entry, "")).decode()
        if source.form == "lines":
            keys += text.split()
            continue
        found = (yaml.safe_load(text) or {}).get("api-key", []) if source.form == "yaml" else text
        keys += [found] if isinstance(found, str) else [str(key) for key in found]
    return keys


async def _renew_lease(client: AsyncClient) -> None:
    while True:
        lease = Lease(
            metadata=ObjectMeta(name=LEASE, namespace="kube-system"),
            spec=LeaseSpec(holderIdentity="lab", leaseDurationSeconds=20, renewTime=datetime.now(UTC)),
        )
        pause = _RENEW_SECONDS
        try:
            await client.patch(Lease, LEASE, lease, namespace="kube-system", patch_type=PatchType.APPLY, force=True)
        except (ApiError, httpx2.HTTPError) as error:
            _log.warning("will try again: %s", error)
            pause = _RETRY_SECONDS
        await asyncio.sleep(pause)


async def _run(arguments: argparse.Namespace) -> None:
    config = KubeConfig.from_file(arguments.kubeconfig)
    async with AsyncClient(config, trust_env=False, field_manager=LEASE) as client:
        plane = DataPlane(
            arguments.home,
            start_seconds=arguments.start_seconds,
            drain_seconds=arguments.drain_seconds,
            gateway=arguments.gateway_port,
            server=arguments.server,
            programs={name: Path(path) for name, _, path in (one.partition("=") for one in arguments.program or [])},
            api_server=arguments.api_server_port,
        )
        await plane.run(client)


def main(given: Sequence[str] | None = None) -> None:
    """Run until told to stop, through every restart of the API server. The engines stay: the next start finds them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--start-seconds", type=float, required=True)
    parser.add_argument("--drain-seconds", type=float, required=True)
    parser.add_argument("--gateway-port", type=int, required=True)
    parser.add_argument("--server", type=Path, help="Python of this project's server, which is simulated without it.")
    parser.add_argument("--api-server-port", type=int, required=True)
    parser.add_argument("--program", action="append", help="NAME=PATH, of a program that runs in containers of pods.")
    arguments = parser.parse_args(given)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    # One thread: lightkube's decoder (msgspec 0.22) crashes when two threads prepare the same type at once.
    asyncio.run(_run(arguments))


if __name__ == "__main__":
    main()
