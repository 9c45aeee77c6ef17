"""The API server: its kinds, and requests for objects of any kind."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

Object = dict[str, Any]

MANAGER = "pulumi-kubernetes"
_WATCH_SECONDS = 240


class ApiError(Exception):
    """The API server refused. reason: as in its Status, such as NotFound, AlreadyExists, Conflict, Forbidden."""

    def __init__(self, code: int, reason: str, message: str):
        self.code = code
        self.reason = reason
        super().__init__(message)


class NoKindError(Exception):
    """The server has no such kind: its definition is not installed."""

    def __init__(self, api_version: str, kind: str):
        self.api_version = api_version
        self.kind = kind
        super().__init__(f"The cluster has no kind {kind} in {api_version}.")


@dataclass(frozen=True)
class Kind:
    """Where objects of a kind are found. plural: as in paths."""

    api_version: str
    plural: str
    namespaced: bool


class Api:
    """An API server. Raises ApiError for what it refuses and httpx2.TransportError when it cannot be reached."""

    def __init__(self, http: httpx2.AsyncClient):
        self._http = http
        self._kinds: dict[str, dict[str, Kind]] = {}

    async def kind(self, api_version: str, name: str) -> Kind:
        """A kind, looked up anew while it is not there: a definition may have come. Raises NoKindError."""
        if name not in self._kinds.get(api_version, {}):
            try:
                found = await self._request("GET", _group(api_version))
            except ApiError as error:
                if error.reason != "NotFound" and error.code != httpx2.codes.NOT_FOUND:
                    raise
                raise NoKindError(api_version, name) from None
            self._kinds[api_version] = {
                item["kind"]: Kind(api_version, item["name"], item["namespaced"])
                for item in found["resources"]
                if "/" not in item["name"]
            }
        try:
            return self._kinds[api_version][name]
        except KeyError:
            raise NoKindError(api_version, name) from None

    async def path(self, obj: Object, *, collection: bool = False) -> str:
        """The path of an object, or of the collection it belongs to."""
        kind = await self.kind(obj["apiVersion"], obj["kind"])
        namespace = f"/namespaces/{obj['metadata'].get('namespace') or 'default'}" if kind.namespaced else ""
        name = "" if collection else f"/{obj['metadata']['name']}"
        return f"{_group(kind.api_version)}{namespace}/{kind.plural}{name}"

    async def get(self, obj: Object) -> Object | None:
        """The live object; None when there is none."""
        try:
            return await self._request("GET", await self.path(obj))
        except (ApiError, NoKindError) as error:
            if isinstance(error, ApiError) and error.code != httpx2.codes.NOT_FOUND:
                raise
            return None

    async def objects(self, api_version: str, kind: str, namespace: str, selector: str = "") -> list[Object]:
        """Objects of a kind in a namespace, by label selector."""
        stand_in = {"apiVersion": api_version, "kind": kind, "metadata": {"namespace": namespace}}
        query = {"labelSelector": selector} if selector else {}
        found = await self._request("GET", await self.path(stand_in, collection=True), query=query)
        return [{"apiVersion": api_version, "kind": kind, **item} for item in found.get("items", [])]

    async def create(self, obj: Object, *, dry_run: bool = False) -> Object:
        """Make a new object."""
        query = {"fieldManager": MANAGER, **_dry(dry_run)}
        return await self._request("POST", await self.path(obj, collection=True), body=obj, query=query)

    async def apply(self, obj: Object, manager: str, *, force: bool, dry_run: bool = False) -> Object:
        """Server-side apply: the object's fields become the manager's."""
        query = {"fieldManager": manager, "force": str(force).lower(), **_dry(dry_run)}
        return await self._request(
            "PATCH", await self.path(obj), body=obj, query=query, content_type="application/apply-patch+yaml"
        )

    async def patch(self, obj: Object, changes: Sequence[Mapping[str, Any]], *, dry_run: bool = False) -> Object:
        """A JSON patch."""
        return await self._request(
            "PATCH",
            await self.path(obj),
            body=changes,
            query={"fieldManager": MANAGER, **_dry(dry_run)},
            content_type="application/json-patch+json",
        )

    async def delete(self, obj: Object, policy: str) -> None:
        """Begin an object's deletion. policy: Foreground, Background or Orphan."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy}
        await self._request("DELETE", await self.path(obj), body=body)

    async def watch(self, obj: Object) -> AsyncIterator[Object | None]:
        """The live object now and after every change; None while there is none. Ends when the consumer does."""
        while True:
            live = await self.get(obj)
            yield live
            version = live["metadata"]["resourceVersion"] if live else None
            async for changed in self._changes(obj, version):
                yield changed
            # A stream that broke is begun anew, not in a tight loop.
            await asyncio.sleep(0.2)

    async def _changes(self, obj: Object, version: str | None) -> AsyncIterator[Object | None]:
        query = {
            "watch": "true",
            "fieldSelector": f"metadata.name={obj['metadata']['name']}",
            "timeoutSeconds": str(_WATCH_SECONDS),
            **({"resourceVersion": version} if version else {}),
        }
        path = await self.path(obj, collection=True)
        timeout = httpx2.Timeout(30.0, read=_WATCH_SECONDS + 30.0)
        try:
            async with self._http.stream("GET", path, params=query, timeout=timeout) as answer:
                if answer.status_code != httpx2.codes.OK:
                    return
                async for line in answer.aiter_lines():
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        return
                    if event["type"] != "BOOKMARK":
                        yield None if event["type"] == "DELETED" else event["object"]
        except httpx2.TransportError:
            return

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def _request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        answer = await self._http.request(
            method,
            path,
            params=dict(query or {}),
            content=None if body is None else json.dumps(body),
            headers={"Content-Type": content_type} if body is not None else {},
        )
        if answer.is_success:
            found: Object = answer.json()
            return found
        try:
            status = answer.json()
        except ValueError:
            status = {}
        message = status.get("message") or f"HTTP {answer.status_code} for {method} {path}"
        raise ApiError(answer.status_code, status.get("reason", ""), message)


def _group(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}
