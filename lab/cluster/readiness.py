"""Asking the lab's processes whether they do their work."""

import ssl
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path

import httpx2
from lightkube import ApiError, Client, KubeConfig
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.coordination_v1 import Lease
from lightkube.resources.core_v1 import Node, ServiceAccount

from lab.cluster.components import APART, HUB, LEASES, PROXY
from lab.cluster.groups import LWS
from lab.cluster.nodes import FIELD_MANAGER, MANAGED_LABEL
from lab.cluster.pki import Pki
from lab.cluster.settings import Settings
from lab.dataplane.proxy import READY_HOST
from lab.errors import LabError

_TIMEOUT_SECONDS = 3.0
# Leases are renewed every 5 s (those of LEASES) and 10 s (kwok); a busy machine may be late by as much again.
_LEASE_SECONDS, _NODE_LEASE_SECONDS = 15.0, 30.0
_POLL_SECONDS = 0.05


def connect(home: Path, *, seconds: float = _TIMEOUT_SECONDS) -> Client:
    """Give a client of the API server of the lab at `home`, which waits so long for an answer."""
    return Client(
        KubeConfig.from_file(home / "kubeconfig").get(),
        timeout=httpx2.Timeout(seconds),
        trust_env=False,  # no proxy stands between this machine and itself
        field_manager=FIELD_MANAGER,
    )


class Probes:
    """The ready checks of one lab."""

    def __init__(self, home: Path, settings: Settings) -> None:
        self._settings = settings
        self._home = home
        pki = Pki(home / "pki")
        trust = ssl.create_default_context(cafile=str(pki.authority))
        trust.load_cert_chain(pki.certificate, pki.key)
        self._http = httpx2.Client(verify=trust, timeout=_TIMEOUT_SECONDS, trust_env=False)
        self._token = pki.tokens.read_text().split(",", 1)[0]
        self._client = connect(home)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()
        self._client.close()

    def problem(self, name: str) -> str | None:
        """Say in which way a process does not do its work; None when it does."""
        try:
            if name == "kwok":
                return self._kwok()
            if name in LEASES:
                return self._renewed(LEASES[name])
            path = {"etcd": "/health", "kube-apiserver": "/readyz", HUB: "/_lab/health"}.get(name, "/healthz")
            scheme = "http" if name in APART else "https"
            token = {"Authorization": f"Bearer {self._token}"}
            headers = {"kube-apiserver": token, PROXY: {"Host": READY_HOST}}.get(name, {})
            answer = self._http.get(f"{scheme}://127.0.0.1:{self._settings.ports[name]}{path}", headers=headers)
        except (httpx2.HTTPError, ApiError, OSError) as error:
            return f"gives no answer ({type(error).__name__})"
        if name == LWS:
            return None  # has webhooks only, and an answer of any kind says that they are served
        return None if answer.is_success else f"is not ready (HTTP {answer.status_code})"

    def _kwok(self) -> str | None:
        leases = list(self._client.list(Lease, namespace="kube-node-lease"))
        if not leases:
            return "keeps no node alive"
        age = min(_age(lease) for lease in leases)
        return None if age < _NODE_LEASE_SECONDS else f"has kept no node alive for {age:.0f} s"

    def _renewed(self, name: str) -> str | None:
        try:
            lease = self._client.get(Lease, name, namespace="kube-system")
        except ApiError as error:
            if error.status.reason == "NotFound":
                return "has not reported yet"
            raise
        age = _age(lease)
        return None if age < _LEASE_SECONDS else f"has not reported for {age:.0f} s"

    def unfinished_nodes(self) -> list[str]:
        """Names of the lab's nodes that pods cannot be scheduled to yet."""
        unfinished = []
        for node in self._client.list(Node, labels={MANAGED_LABEL: "true"}):
            data = node.to_dict()
            conditions = {item["type"]: item["status"] for item in data.get("status", {}).get("conditions", [])}
            taints = {taint["key"] for taint in data.get("spec", {}).get("taints", [])}
            if conditions.get("Ready") != "True" or any(key.startswith("node.kubernetes.io/not-") for key in taints):
                unfinished.append(str(data["metadata"]["name"]))
        return unfinished

    def missing_basics(self, definitions: Collection[str]) -> list[str]:
        """Name what a first deployment would trip over: the default service account, unserved definitions."""
        missing = []
        names = {
            account.to_dict()["metadata"]["name"] for account in self._client.list(ServiceAccount, namespace="default")
        }
        if "default" not in names:
            missing.append("service account default/default")
        return [*missing, *self.unserved(definitions)]

    def unserved(self, definitions: Collection[str]) -> list[str]:
        """Name the definitions whose kinds the server does not serve yet."""
        missing = []
        for definition in definitions:
            data = self._client.get(CustomResourceDefinition, definition).to_dict()
            conditions = {item["type"]: item["status"] for item in data.get("status", {}).get("conditions", [])}
            if conditions.get("Established") != "True":
                missing.append(definition)
        return missing


def wait_until(done: Callable[[], bool], *, seconds: float, failure: Callable[[], str]) -> None:
    """Poll until done() holds. Raises LabError with failure()'s words after `seconds`.

    An API server that is still settling may refuse or drop a request; that counts as not done.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            if done():
                return
        except (httpx2.HTTPError, ApiError):
            pass
        if time.monotonic() > deadline:
            raise LabError(failure())
        time.sleep(_POLL_SECONDS)


def _age(lease: Lease) -> float:
    renewed = lease.to_dict().get("spec", {}).get("renewTime")
    if renewed is None:
        return float("inf")
    if isinstance(renewed, str):
        renewed = datetime.fromisoformat(renewed)
    return float((datetime.now(UTC) - renewed).total_seconds())
