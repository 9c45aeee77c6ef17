"""Copies of the API server's objects, kept up to date by watches."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import httpx2
from lightkube import ApiError, AsyncClient

_RETRY_SECONDS = 0.5
_WATCH_SECONDS = 300
_log = logging.getLogger("dataplane")


class Copies:
    """All objects of one kind, in all namespaces, by uid.

    labels: only those that carry these. changed: set after every change.
    """

    def __init__(self, kind: Any, changed: asyncio.Event, *, labels: Mapping[str, str] | None = None) -> None:
        self.complete = False
        self.objects: dict[str, dict[str, Any]] = {}
        self._kind = kind
        self._labels: dict[str, Any] = dict(labels or {})
        self._changed = changed

    async def follow(self, client: AsyncClient) -> None:
        """Follow the API server for ever, through its restarts; until it is back the last copies stay."""
        while True:
            try:
                await self._follow(client)
            except (ApiError, httpx2.HTTPError, OSError) as error:
                # A definition that is not there yet, or an API server that restarts; the rest of the text is a link.
                _log.warning("%s: will list again: %s", self._kind.__name__, str(error).partition("\n")[0])
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self, client: AsyncClient) -> None:
        listed = client.list(self._kind, namespace="*", labels=self._labels)
        found = [item.to_dict() async for item in listed]
        self.objects = {item["metadata"]["uid"]: item for item in found}
        self.complete = True
        self._changed.set()
        version = listed.resourceVersion
        async for verb, item in client.watch(
            self._kind, namespace="*", labels=self._labels, server_timeout=_WATCH_SECONDS, resource_version=version
        ):
            data = item.to_dict()
            if verb == "DELETED":
                self.objects.pop(data["metadata"]["uid"], None)
            else:
                self.objects[data["metadata"]["uid"]] = data
            self._changed.set()
