"""What the pods of a release wait for, while Helm waits for them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import httpx2

from lab.engine.cluster.api import Api, ApiError, NoKindError
from lab.engine.cluster.pods import troubles

_PAUSE_SECONDS = 2.0


class Watch:
    """Looks at workloads again and again. seen: what was last in the way of their pods."""

    def __init__(
        self,
        api: Api | None,
        workloads: Sequence[dict[str, Any]] = (),
        report: Callable[[str], None] = lambda _text: None,
    ):
        self._api = api
        self._workloads = workloads
        self._report = report
        self.seen: list[str] = []

    def of(self, manifests: Sequence[dict[str, Any]], report: Callable[[str], None]) -> "Watch":
        """A watch of those objects that have pods."""
        return Watch(self._api, [item for item in manifests if "template" in (item.get("spec") or {})], report)

    async def run(self) -> None:
        """Look until cancelled."""
        while self._api is not None and self._workloads:
            await asyncio.sleep(_PAUSE_SECONDS)
            try:
                found = [each for item in self._workloads for each in await self._troubles(self._api, item)]
            except (ApiError, NoKindError, httpx2.HTTPError):
                continue  # Helm will say it
            if found:
                self.seen = found
                self._report(found[0])

    async def _troubles(self, api: Api, workload: dict[str, Any]) -> list[str]:
        live = await api.get(workload)
        return [] if live is None else await troubles(api, live)
