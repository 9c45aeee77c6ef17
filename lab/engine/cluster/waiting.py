"""Waiting for objects: what pulumi-kubernetes documents as ready, by kind, and for deletions."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from lab.engine.cluster.api import Api, Object
from lab.engine.cluster.conditions import Done, Failed, Verdict, condition_for, custom_condition
from lab.engine.cluster.pods import troubles

SKIP = "pulumi.com/skipAwait"
WAIT_FOR = "pulumi.com/waitFor"
TIMEOUT = "pulumi.com/timeoutSeconds"
_DEFAULT_SECONDS = 600.0
_CLAIM_SECONDS = 300.0


class WaitError(Exception):
    """It did not become as wanted. last: how it was seen last."""

    def __init__(self, reasons: list[str], last: Object):
        self.reasons = reasons
        self.last = last
        super().__init__("; ".join(reasons))


async def wait_ready(
    api: Api, live: Object, *, inputs: Object, seconds: float | None, report: Callable[[str], None]
) -> Object:
    """Wait until an object is ready; what counts as ready depends on its kind. Raises WaitError."""
    annotations = inputs.get("metadata", {}).get("annotations") or {}
    wanted = annotations.get(WAIT_FOR)
    condition = custom_condition(wanted) if wanted else condition_for(live["apiVersion"], live["kind"])
    if condition is None or annotations.get(SKIP) == "true":
        return live
    last, verdict = live, Verdict("")
    said = ""
    try:
        async with asyncio.timeout(_limit(seconds, annotations, live["kind"])):
            async for seen in api.watch(live):
                if seen is None:
                    raise WaitError(["it was deleted by somebody else"], last)
                last = seen
                verdict = await condition(api, seen)
                if isinstance(verdict, Done):
                    return seen
                if isinstance(verdict, Failed):
                    raise WaitError([verdict.text, *await troubles(api, seen)], seen)
                if verdict.text != said:
                    said = verdict.text
                    report(said)
    except TimeoutError:
        raise WaitError([f"timed out: {verdict.text}", *await troubles(api, last)], last) from None
    raise AssertionError


async def wait_deleted(api: Api, live: Object, *, seconds: float | None, report: Callable[[str], None]) -> None:
    """Wait until an object is gone. Raises WaitError."""
    uid = live["metadata"].get("uid")
    last = live
    try:
        async with asyncio.timeout(seconds or _DEFAULT_SECONDS):
            async for seen in api.watch(live):
                if seen is None or (uid and seen["metadata"]["uid"] != uid):
                    return
                last = seen
                report("Waiting for its deletion")
    except TimeoutError:
        finalizers = last["metadata"].get("finalizers")
        what = f"held by the finalizers {', '.join(finalizers)}" if finalizers else "the server still has it"
        raise WaitError([f"timed out: {what}"], last) from None


def _limit(seconds: float | None, annotations: dict[str, Any], kind: str) -> float:
    if seconds:
        return seconds
    if annotations.get(TIMEOUT):
        return float(json.loads(annotations[TIMEOUT]))
    return _CLAIM_SECONDS if kind in ("PersistentVolumeClaim", "PersistentVolume") else _DEFAULT_SECONDS
