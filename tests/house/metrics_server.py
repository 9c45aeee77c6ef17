"""A server of custom metrics behind the lab's API server: what prometheus-adapter is elsewhere."""

import base64
import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import trustme
from lightkube.resources.core_v1 import Pod

from lab.cluster.pki import FRONT_PROXY, Pki
from tests.conftest import Cluster

GROUP, VERSION, METRIC = "custom.metrics.k8s.io", "v1beta2", "vllm_requests_in_flight"
_ROOT = f"/apis/{GROUP}/{VERSION}"
_HOST, _NAMESPACE, _SERVICE = "localhost", "default", "custom-metrics"


class MetricsServer(ThreadingHTTPServer):
    """Spreads `load` requests in flight evenly over the ready ones of the pods that are asked about."""

    daemon_threads = True

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.load = 0
        self.callers: set[str] = set()
        self.client = cluster.lab.client()
        self.authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(f"{_SERVICE}.{_NAMESPACE}.svc").configure_cert(context)
        # As any such server: only the API server may speak for others.
        context.load_verify_locations(Pki(cluster.lab.home / "pki").front_proxy_authority)
        context.verify_mode = ssl.CERT_REQUIRED
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def objects(self) -> list[dict[str, Any]]:
        """What leads the API server here."""
        port = self.server_address[1]
        metadata = {"name": _SERVICE, "namespace": _NAMESPACE}
        spec = {"type": "ExternalName", "externalName": _HOST, "ports": [{"port": port}]}
        reference = {**metadata, "port": port}
        return [
            {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec},
            {
                "apiVersion": "apiregistration.k8s.io/v1",
                "kind": "APIService",
                "metadata": {"name": f"{VERSION}.{GROUP}"},
                "spec": {
                    "group": GROUP,
                    "version": VERSION,
                    "service": reference,
                    "caBundle": base64.b64encode(self.authority.cert_pem.bytes()).decode(),
                    "groupPriorityMinimum": 100,
                    "versionPriority": 100,
                },
            },
        ]

    def answer(self, path: str, query: dict[str, list[str]]) -> Any:
        """The API's documents; None for what it does not have."""
        if path == _ROOT:
            resource = {"name": f"pods/{METRIC}", "singularName": "", "namespaced": True, "kind": "MetricValueList"}
            resources = [{**resource, "verbs": ["get"]}]
            return {"kind": "APIResourceList", "groupVersion": f"{GROUP}/{VERSION}", "resources": resources}
        parts = path.removeprefix(f"{_ROOT}/").split("/")
        if len(parts) != 5 or parts[0] != "namespaces" or parts[2:4] != ["pods", "*"] or parts[4] != METRIC:
            return None
        wanted = dict(term.split("=", 1) for term in query["labelSelector"][0].split(","))
        pods = list(self.client.list(Pod, namespace=parts[1], labels=wanted))
        serving = [pod.metadata.name for pod in pods if _serves(pod)]
        return {
            "kind": "MetricValueList",
            "apiVersion": f"{GROUP}/{VERSION}",
            "metadata": {},
            "items": [
                {
                    "describedObject": {"kind": "Pod", "namespace": parts[1], "name": name, "apiVersion": "/v1"},
                    "metric": {"name": METRIC},
                    "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "value": f"{1000 * self.load // len(serving)}m",
                }
                for name in serving
            ],
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: MetricsServer

    def do_GET(self) -> None:
        subject = dict(pair[0] for pair in self.connection.getpeercert()["subject"])
        assert subject["commonName"] == FRONT_PROXY
        self.server.callers.add(self.headers.get("X-Remote-User", ""))
        url = urlsplit(self.path)
        found = self.server.answer(unquote(url.path), parse_qs(url.query))
        body = json.dumps(found if found is not None else {"kind": "Status", "status": "Failure", "code": 404}).encode()
        self.send_response(200 if found is not None else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


def _serves(pod: Pod) -> bool:
    conditions = pod.status.conditions or []
    ready = any(one.type == "Ready" and one.status == "True" for one in conditions)
    return ready and pod.metadata.deletionTimestamp is None


@contextlib.contextmanager
def metrics_server(cluster: Cluster) -> Iterator[MetricsServer]:
    """A running one, that the API server knows."""
    with MetricsServer(cluster) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        objects = server.objects()
        try:
            cluster.apply(*objects)
            cluster.kubectl("wait", f"apiservice/{VERSION}.{GROUP}", "--for=condition=Available", "--timeout=150s")
            yield server
        finally:
            # One that nobody serves would disturb the deletion of every namespace.
            for item in reversed(objects):
                where = [f"--namespace={_NAMESPACE}"] if "namespace" in item["metadata"] else []
                cluster.kubectl("delete", item["kind"], item["metadata"]["name"], *where)
            server.shutdown()
            server.client.close()
