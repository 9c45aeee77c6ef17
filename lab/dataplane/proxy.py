"""Envoy's configuration, as plain data and as files that it watches.

It is changed in place: no listener closes, no connection is cut, and a request that has begun ends where it began.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.cluster.settings import write_private
from lab.dataplane.routes import Rule, ServiceName, Table

READY_HOST = "ready.lab"
"""The gateway answers 200 to this host, and so says that it works."""

HOST = "127.0.0.1"
_TYPE = "type.googleapis.com/envoy"
# Shorter than the engine's: who closes an idle connection while the other side sends loses a request.
_IDLE_SECONDS = 3
_FILES = ("listeners", "clusters", "gateway")

Config = dict[str, Any]
Endpoints = Mapping[ServiceName, Sequence[int]]
"""Service -> ports of the engines behind it."""


class Proxy:
    """The files of one proxy, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[Path, str] = {}

    def prepare(self, port: int) -> Path:
        """Write what Envoy needs to start with its gateway on a port; give the path of its bootstrap file."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            if not (self._folder / f"{name}.json").exists():
                self._write(name, [gateway_routes({}, ())] if name == "gateway" else [])
        path = self._folder / "bootstrap.json"
        text = json.dumps(bootstrap(self._folder, port), indent=1)
        if not path.exists() or path.read_text() != text:
            write_private(path, text)
        return path

    def ports(self) -> set[int]:
        """The ports of Services that the proxy was last told to listen on."""
        listed = json.loads((self._folder / "listeners.json").read_text())["resources"]
        return {int(item["address"]["socket_address"]["port_value"]) for item in listed}

    def update(self, table: Table, endpoints: Endpoints, ports: Mapping[ServiceName, int]) -> None:
        """Make the proxy send requests so. What is needed comes before what needs it, and goes after it.

        ports: Service -> port on which it is reached.
        """
        wanted = {_cluster(service) for service in endpoints}
        unwanted = self._known() - wanted
        for service, engines in endpoints.items():
            self._write(_cluster(service), [assignment(service, engines)])
        self._write_clusters(wanted | unwanted)
        self._write("gateway", [gateway_routes(table, endpoints)])
        self._write("listeners", [service_listener(service, ports[service]) for service in sorted(endpoints)])
        self._write_clusters(wanted)
        for name in unwanted:
            (self._folder / f"{name}.json").unlink(missing_ok=True)

    def _known(self) -> set[str]:
        """Clusters that the proxy has."""
        listed = json.loads((self._folder / "clusters.json").read_text())
        return {str(item["name"]) for item in listed["resources"]}

    def _write_clusters(self, names: set[str]) -> None:
        self._write("clusters", [cluster(name, self._folder / f"{name}.json") for name in sorted(names)])

    def _write(self, name: str, resources: Sequence[Config]) -> None:
        path = self._folder / f"{name}.json"
        text = json.dumps({"resources": resources}, indent=1)
        if self._written.get(path) != text or not path.exists():
            write_private(path, text)  # by a rename, which is what Envoy watches for
            self._written[path] = text


def bootstrap(folder: Path, port: int) -> Config:
    """What Envoy starts with: the gateway's listener, and the files in which the rest is."""
    return {
        "node": {"id": "lab", "cluster": "lab"},
        # No `admin`: any user of the machine could stop the proxy by it.
        "static_resources": {
            "listeners": [
                _listener("gateway", port, {"rds": {"route_config_name": "gateway"} | _in(folder, "gateway")})
            ]
        },
        "dynamic_resources": {
            "lds_config": _in(folder, "listeners")["config_source"],
            "cds_config": _in(folder, "clusters")["config_source"],
        },
    }


def service_listener(service: ServiceName, port: int) -> Config:
    """A port of this machine that leads to a Service: nothing limits how long an answer takes."""
    route = {"match": {"prefix": "/"}, "route": {"cluster": _cluster(service), "timeout": "0s"}}
    hosts = [{"name": "all", "domains": ["*"], "routes": [route]}]
    # Listeners and clusters are files of their own, and Envoy may read the listeners first. It would refuse one whose
    # cluster it does not know yet, and not try again.
    known_later = {"validate_clusters": False}
    routes = {"route_config": {"name": _cluster(service), "virtual_hosts": hosts, **known_later}}
    listener = _listener(_cluster(service), port, routes | {"stream_idle_timeout": "0s"})
    return {"@type": f"{_TYPE}.config.listener.v3.Listener", **listener}


def cluster(name: str, path: Path) -> Config:
    """A Service as the proxy sees it; its endpoints are in a file."""
    return {
        "@type": f"{_TYPE}.config.cluster.v3.Cluster",
        "name": name,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": _file(path)},
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{_TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
                "common_http_protocol_options": {"idle_timeout": f"{_IDLE_SECONDS}s"},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
    }


def assignment(service: ServiceName, ports: Sequence[int]) -> Config:
    """The endpoints of a Service."""
    return {
        "@type": f"{_TYPE}.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": _cluster(service),
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(port)}} for port in sorted(ports)]}],
    }


def gateway_routes(table: Table, endpoints: Endpoints | tuple[()]) -> Config:
    """The gateway's routes."""
    ready = {"name": "ready", "domains": [READY_HOST], "routes": [_says("/", 200, "ready")]}
    hosts = [
        {"name": host, "domains": [host], "routes": [_route(rule, endpoints) for rule in rules]}
        for host, rules in table.items()
    ]
    return {
        "@type": f"{_TYPE}.config.route.v3.RouteConfiguration",
        "name": "gateway",
        "virtual_hosts": [ready, *hosts],
        "ignore_port_in_host_matching": True,
    }


def _route(rule: Rule, endpoints: Endpoints | tuple[()]) -> Config:
    matches: dict[str, Config] = {
        "exact": {"path": rule.path},
        "regex": {"safe_regex": {"regex": rule.path}},
        "prefix": {"prefix": "/"} if rule.path == "/" else {"path_separated_prefix": rule.path.rstrip("/")},
    }
    match = matches[rule.kind]
    headers = [*([(":method", rule.method)] if rule.method else []), *rule.headers]
    if headers:
        match["headers"] = [{"name": name, "string_match": {"exact": value}} for name, value in headers]
    weights = [(service, weight) for service, weight in rule.backends if weight]
    if rule.undone is not None:
        return {"match": match, **_answer(501, f"The lab's gateway does not do this: {rule.undone}.")}
    if not weights or any(service not in endpoints for service, _ in weights):
        # https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule: 500 for a backend that is not there
        return {"match": match, **_answer(500, "A Service of this route does not exist.")}
    clusters = [{"name": _cluster(service), "weight": weight} for service, weight in weights]
    route: Config = {"weighted_clusters": {"clusters": clusters}, "timeout": f"{rule.seconds:g}s"}
    if rule.idle:
        route["idle_timeout"] = f"{rule.idle:g}s"
    return {"match": match, "route": route}


def _says(prefix: str, status: int, text: str) -> Config:
    return {"match": {"prefix": prefix}, **_answer(status, text)}


def _answer(status: int, text: str) -> Config:
    return {"direct_response": {"status": status, "body": {"inline_string": f"{text}\n"}}}


def _listener(name: str, port: int, manager: Config) -> Config:
    return {
        "name": name,
        "address": _address(port),
        # Another process must not be able to take a share of the connections.
        "enable_reuse_port": False,
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": {
                            "@type": f"{_TYPE}.extensions.filters.network.http_connection_manager.v3"
                            ".HttpConnectionManager",
                            "stat_prefix": "lab",
                            "normalize_path": True,
                            "http_filters": [
                                {
                                    "name": "envoy.filters.http.router",
                                    "typed_config": {"@type": f"{_TYPE}.extensions.filters.http.router.v3.Router"},
                                }
                            ],
                            **manager,
                        },
                    }
                ]
            }
        ],
    }


def _address(port: int) -> Config:
    return {"socket_address": {"address": HOST, "port_value": port}}


def _in(folder: Path, name: str) -> Config:
    return {"config_source": _file(folder / f"{name}.json")}


def _file(path: Path) -> Config:
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}


def _cluster(service: ServiceName) -> str:
    """A name that is a file's, too."""
    return re.sub(r"[^a-z0-9.-]", "-", f"service.{service.namespace}.{service.name}")
