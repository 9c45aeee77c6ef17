"""The process that gives claims their volumes, as the external provisioner of a CSI driver would.

Binding is the real controller's. Nothing is mounted: kwok runs no container.
"""

import argparse
import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncIterable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from lightkube import ApiError, AsyncClient, KubeConfig
from lightkube.codecs import from_dict
from lightkube.models.coordination_v1 import LeaseSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.coordination_v1 import Lease
from lightkube.resources.core_v1 import PersistentVolume, PersistentVolumeClaim
from lightkube.types import PatchType

from lab.cluster import storage

LEASE = "lab-provisioner"
"""Lease in kube-system whose renewTime says that this process is alive and reaches the API server."""

_RENEW_SECONDS = 5.0
_RETRY_SECONDS = 0.5
_WATCH_SECONDS = 300
_PROVISIONER_ANNOTATION = "volume.kubernetes.io/storage-provisioner"
_NODE_ANNOTATION = "volume.kubernetes.io/selected-node"
_FIELD_MANAGER = "lab-provisioner"
_log = logging.getLogger("provisioner")


def main() -> None:
    """Run until told to stop, through every restart of the API server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    # One thread: lightkube's decoder (msgspec 0.22) crashes when two threads prepare the same type at once.
    asyncio.run(_run(KubeConfig.from_file(arguments.kubeconfig)))


async def _run(config: KubeConfig) -> None:
    async with AsyncClient(config, trust_env=False, field_manager=_FIELD_MANAGER) as client:
        changed = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for watch in (
                lambda: client.watch(PersistentVolumeClaim, namespace="*", server_timeout=_WATCH_SECONDS),
                lambda: client.watch(PersistentVolume, server_timeout=_WATCH_SECONDS),
            ):
                tasks.create_task(_watch(watch, changed))
            tasks.create_task(_serve(client, changed))


async def _serve(client: AsyncClient, changed: asyncio.Event) -> None:
    """Look at everything after every change, and every few seconds: a missed change is made up for."""
    while True:
        changed.clear()
        pause = _RENEW_SECONDS
        try:
            await reconcile(client)
            await _renew_lease(client)
        except (ApiError, httpx2.HTTPError) as error:
            _log.warning("will try again: %s", error)
            pause = _RETRY_SECONDS
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), timeout=pause)


async def _watch(watch: Callable[[], AsyncIterable[object]], changed: asyncio.Event) -> None:
    while True:
        try:
            async for _ in watch():
                changed.set()
        except (ApiError, httpx2.HTTPError, OSError) as error:
            _log.warning("a watch starts again: %s", error)
        await asyncio.sleep(_RETRY_SECONDS)


async def reconcile(client: AsyncClient) -> None:
    """Give every claim of the lab's classes that is due its volume; delete the volumes that were released."""
    kinds = {kind.provisioner: kind for kind in storage.KINDS}
    async for claim in client.list(PersistentVolumeClaim, namespace="*"):
        data = claim.to_dict()
        annotations = data["metadata"].get("annotations", {})
        kind = kinds.get(annotations.get(_PROVISIONER_ANNOTATION, ""))
        if kind is None or data["spec"].get("volumeName") or data["metadata"].get("deletionTimestamp"):
            continue
        if not kind.waits or annotations.get(_NODE_ANNOTATION):
            await _provision(client, kind, data)
    async for volume in client.list(PersistentVolume):
        data = volume.to_dict()
        ours = data["metadata"].get("annotations", {}).get("pv.kubernetes.io/provisioned-by") in kinds
        released = data.get("status", {}).get("phase") == "Released"
        if ours and released and data["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
            with contextlib.suppress(ApiError):
                await client.delete(PersistentVolume, data["metadata"]["name"])
                _log.info("deleted volume %s", data["metadata"]["name"])


async def _provision(client: AsyncClient, kind: storage.StorageKind, claim: dict[str, Any]) -> None:
    reason = storage.refusal(kind, claim)
    if reason is not None:
        await _report(client, claim, kind.provisioner, "ProvisioningFailed", reason)
        return
    name = storage.volume(kind, claim)["metadata"]["name"]
    try:
        await client.create(from_dict(storage.volume(kind, claim)))
    except ApiError as error:
        if error.status.reason != "AlreadyExists":
            raise
    else:
        _log.info("made volume %s for %s/%s", name, claim["metadata"]["namespace"], claim["metadata"]["name"])


async def _report(client: AsyncClient, claim: dict[str, Any], component: str, reason: str, message: str) -> None:
    """Write one warning per claim and message; the name makes a repeated one the same object."""
    metadata = claim["metadata"]
    digest = hashlib.sha256(f"{metadata['uid']} {reason} {message}".encode()).hexdigest()[:16]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name'][:200]}.{digest}", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        },
        "type": "Warning",
        "reason": reason,
        "message": message,
        "source": {"component": component},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    try:
        await client.create(from_dict(event))
    except ApiError as error:
        if error.status.reason != "AlreadyExists":
            raise


async def _renew_lease(client: AsyncClient) -> None:
    lease = Lease(
        metadata=ObjectMeta(name=LEASE, namespace="kube-system"),
        spec=LeaseSpec(holderIdentity="lab", leaseDurationSeconds=20, renewTime=datetime.now(UTC)),
    )
    await client.patch(Lease, LEASE, lease, namespace="kube-system", patch_type=PatchType.APPLY, force=True)


if __name__ == "__main__":
    main()
