"""Kubernetes objects as resources: created, applied, awaited and deleted as pulumi-kubernetes 4.34 does."""

import asyncio
import secrets
from collections.abc import Awaitable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import httpx2
from lightkube.core.exceptions import ConfigError

from lab.engine import paths
from lab.engine.cluster import objects
from lab.engine.cluster.api import MANAGER, Api, ApiError, NoKindError, Object
from lab.engine.cluster.conditions import Done, job
from lab.engine.cluster.connect import UnreachableError, client
from lab.engine.cluster.diff import REPLACE_UNREADY, difference, replaced_unready
from lab.engine.cluster.forms import normalized
from lab.engine.cluster.refusals import refused, remedy, unreachable
from lab.engine.cluster.waiting import WaitError, wait_deleted, wait_ready
from lab.engine.provider import (
    Checked,
    Created,
    Diff,
    NotReadyError,
    Operation,
    OutcomeUnknownError,
    ProviderError,
    Read,
)
from lab.engine.resources import urn_name, urn_type
from lab.engine.values import PropertyMap, UnsupportedError, bare, has_unknowns

_Result = TypeVar("_Result")
_NOT_OBJECTS = ("kubernetes:helm.sh", "kubernetes:yaml", "kubernetes:kustomize")
# A definition that the same run creates takes a moment to be served.
_KIND_SECONDS = (0.5, 1, 2, 4, 8, 15)
_CLOCK_SLACK = timedelta(seconds=2)


class KubernetesProvider:
    """One cluster. Interrupted operations keep what they made; the next run goes on waiting for it."""

    interruptible: bool = True

    def __init__(self, api: Api | None, unreachable: str | None, *, upsert: bool = False):
        self._api = api
        self.unreachable = unreachable
        self._upsert = upsert

    @property
    def api(self) -> Api | None:
        """The API server; None when it cannot be asked."""
        return self._api

    @classmethod
    async def connect(cls, inputs: PropertyMap) -> "KubernetesProvider":
        """Find the context and ask the server once."""
        settings = bare(inputs)
        context = settings.get("context") or None
        if has_unknowns(settings):
            return cls(None, "The provider's configuration is not known before up; nothing was checked on its cluster.")
        try:
            http = client(settings.get("kubeconfig") or "", context)
        except UnreachableError as error:
            return cls(None, unreachable(str(error), context))
        api = Api(http)
        try:
            await api.kind("v1", "Namespace")
        except (httpx2.HTTPError, OSError, ConfigError) as error:
            await api.close()
            return cls(None, unreachable(f"{type(error).__name__} for {http.base_url.host}.", context))
        except ApiError as error:
            await api.close()
            return cls(None, unreachable(f"{http.base_url.host} answers: {error}", context))
        # In a provider's inputs a boolean is text.
        return cls(api, None, upsert=settings.get("upsertExistingObjects") in (True, "true"))

    async def check(self, op: Operation, olds: PropertyMap, news: PropertyMap) -> Checked:
        """Complete the name and the namespace."""
        type_ = urn_type(op.urn)
        if type_.startswith(_NOT_OBJECTS) or type_.endswith(("Patch", "List")):
            raise UnsupportedError(type_)
        inputs = objects.with_name(normalized(news), urn_name(op.urn), op.seed, bare(olds))
        if self._api is not None and not has_unknowns(inputs.get("metadata")):
            try:
                kind = await self._api.kind(inputs["apiVersion"], inputs["kind"])
            except NoKindError as error:
                if op.preview:
                    op.warn(f"{error} {remedy(error)}, unless this stack creates it.")
            else:
                if kind.namespaced and not bare(inputs["metadata"]).get("namespace"):
                    inputs = {**inputs, "metadata": {**inputs["metadata"], "namespace": "default"}}
        return Checked(inputs)

    async def diff(
        self, op: Operation, id: str, old_inputs: PropertyMap, old_outputs: PropertyMap, news: PropertyMap
    ) -> Diff:
        """Compare inputs. Only a Job that is to be replaced while it is not ready is looked at."""
        del id, old_outputs
        found = difference(normalized(old_inputs), news, tuple(op.ignore_changes))
        return replaced_unready(found) if await self._is_unready_job(news) else found

    async def create(self, op: Operation, news: PropertyMap) -> Created:
        """Create an object, or with upsertExistingObjects take over the one that is there; wait until it is ready."""
        manager = f"{MANAGER}-{secrets.token_hex(4)}"
        if op.preview and (self._api is None or has_unknowns(news)):
            return Created("", news)
        try:
            live = await _kept(self._created(op, bare(news), manager))
        except (ApiError, NoKindError) as error:
            if op.preview and (isinstance(error, NoKindError) or error.reason in ("NotFound", "Forbidden")):
                return Created("", news)  # its namespace or definition is yet to come, or a dry run is not allowed
            raise refused(error, bare(news)) from None
        if not op.preview:
            live = await self._ready(op, live, news, manager)
        outputs = objects.outputs_of(live, news, manager)
        return Created("" if op.preview else objects.identity(live), outputs)

    async def read(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> Read:
        """The live object, and the inputs that would have made it."""
        wanted = objects.live_of(outputs) or _named(op.urn, id)
        live = await self._asked(self._reachable().get(wanted))
        if live is None:
            return Read("")
        manager = str(bare(outputs.get(objects.FIELD_MANAGER)) or f"{MANAGER}-{secrets.token_hex(4)}")
        found = objects.refreshed_inputs(live, inputs) if outputs else objects.imported_inputs(live)
        initial = str(outputs.get(objects.INITIAL_VERSION, live["apiVersion"]))
        return Read(id, found, objects.outputs_of(live, found, manager, initial))

    async def update(
        self, op: Operation, id: str, old_inputs: PropertyMap, old_outputs: PropertyMap, news: PropertyMap
    ) -> PropertyMap:
        """Apply the new inputs as the object's field manager, and wait until it is ready."""
        del id, old_inputs
        if op.preview and (self._api is None or has_unknowns(news)):
            return news
        manager = str(old_outputs.get(objects.FIELD_MANAGER) or f"{MANAGER}-{secrets.token_hex(4)}")
        try:
            live = await _kept(self._applied(op, manager, bare(news)))
        except (ApiError, NoKindError) as error:
            if op.preview and (isinstance(error, NoKindError) or error.reason in ("NotFound", "Forbidden")):
                return news
            raise refused(error, bare(news)) from None
        if not op.preview:
            live = await self._ready(op, live, news, manager)
        initial = str(old_outputs.get(objects.INITIAL_VERSION, live["apiVersion"]))
        return objects.outputs_of(live, news, manager, initial)

    async def delete(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> None:
        """Delete the object with what it owns, and wait until both are gone."""
        api, live = self._reachable(), objects.live_of(outputs) or _named(op.urn, id)
        annotations = bare(inputs).get("metadata", {}).get("annotations") or {}
        policy = str(annotations.get("pulumi.com/deletionPropagationPolicy", "foreground")).capitalize()
        try:
            await self._asked(api.delete(live, policy))
        except NoKindError:
            return
        except ApiError as error:
            if error.reason == "NotFound":
                return
            raise refused(error, live) from None
        try:
            await wait_deleted(api, live, seconds=op.timeout, report=op.report)
        except WaitError as error:
            raise ProviderError(f"{objects.shown(live)} is not gone: {'; '.join(error.reasons)}") from None

    async def recover(self, op: Operation, news: PropertyMap, since: str) -> Created | None:
        """The object, if this provider made it after `since`."""
        wanted = bare(news)
        live = await self._asked(self._reachable().get(wanted))
        if live is None:
            return None
        began = datetime.fromisoformat(since) - _CLOCK_SLACK
        made = datetime.fromisoformat(live["metadata"]["creationTimestamp"])
        managers = {entry["manager"] for entry in live["metadata"].get("managedFields", [])}
        if made < began or not any(name.startswith(MANAGER) for name in managers):
            return None
        manager = f"{MANAGER}-{secrets.token_hex(4)}"
        if not op.preview:
            live = await self._ready(op, live, news, manager)
        return Created(objects.identity(live), objects.outputs_of(live, news, manager))

    async def invoke(self, token: str, arguments: PropertyMap) -> PropertyMap:
        """Refuse."""
        del arguments
        raise UnsupportedError(f"the function {token}")

    async def close(self) -> None:
        """Let go of the connections."""
        if self._api is not None:
            await self._api.close()

    def _reachable(self) -> Api:
        if self._api is None:
            raise ProviderError(self.unreachable or "The cluster cannot be reached.")
        return self._api

    async def _is_unready_job(self, inputs: PropertyMap) -> bool:
        """Whether this is a live Job that has not completed, and is marked to be replaced then."""
        if self._api is None or inputs.get("kind") != "Job" or has_unknowns(inputs.get("metadata")):
            return False
        wanted = bare(inputs)
        if (wanted["metadata"].get("annotations") or {}).get(REPLACE_UNREADY) != "true":
            return False
        live = await self._asked(self._api.get(wanted))
        return live is not None and not isinstance(job(live), Done)

    async def _created(self, op: Operation, obj: Object, manager: str) -> Object:
        api = self._reachable()
        for pause in (*_KIND_SECONDS, None):
            try:
                if self._upsert:
                    return await self._asked(api.apply(obj, manager, force=_forced(obj), dry_run=op.preview))
                return await self._asked(api.create(obj, dry_run=op.preview))
            except NoKindError:
                if op.preview or pause is None:
                    raise
                op.report(f"Waiting for the definition of {obj['kind']}")
                await asyncio.sleep(pause)
        raise AssertionError

    async def _applied(self, op: Operation, manager: str, obj: Object) -> Object:
        api = self._reachable()
        live = await self._asked(api.get(obj))
        if live is None:
            raise ProviderError(
                f"{objects.shown(obj)} is gone; somebody deleted it. Run refresh, and up makes it again."
            )
        handover = objects.adopted_fields(live, manager, MANAGER)
        if handover and not op.preview:
            live = await self._asked(api.patch(obj, handover))
        for ignored in op.ignore_changes:
            obj = _as_others_have_it(obj, live, paths.parse(ignored), manager)
        # A preview asks what would come of it; whose the fields are is up's business.
        return await self._asked(api.apply(obj, manager, force=op.preview or _forced(obj), dry_run=op.preview))

    async def _ready(self, op: Operation, live: Object, inputs: PropertyMap, manager: str) -> Object:
        last = live
        try:
            last = await wait_ready(self._reachable(), live, inputs=bare(inputs), seconds=op.timeout, report=op.report)
        except (WaitError, asyncio.CancelledError) as error:
            reasons = error.reasons if isinstance(error, WaitError) else ["interrupted while waiting for it"]
            last = error.last if isinstance(error, WaitError) else live
            raise NotReadyError(
                f"{objects.shown(live)} exists, and is not ready:\n  " + "\n  ".join(reasons),
                id=objects.identity(live),
                outputs=objects.outputs_of(last, inputs, manager),
                inputs=inputs,
                reasons=reasons,
            ) from None
        return last

    async def _asked(self, question: Awaitable[_Result]) -> _Result:
        try:
            return await question
        except httpx2.ConnectError as error:
            raise ProviderError(f"The API server cannot be reached: {error}.") from None
        except httpx2.HTTPError as error:
            raise OutcomeUnknownError(
                f"The API server did not answer ({type(error).__name__}); the next run looks what came of it."
            ) from None


async def _kept(work: Awaitable[_Result]) -> _Result:
    """Finish a request that has begun, also when interrupted: what it makes must not go unnoticed."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        return await task


def _as_others_have_it(obj: Object, live: Object, path: Sequence[str | int], manager: str) -> Object:
    """The object with an ignored field left to who manages it, or else as it is live."""
    who = {name for name, _ in objects.owners(live, path)}
    if who and manager not in who:
        changed: Object = paths.delete(obj, path)
        return changed
    there = paths.get(live, path)
    if there is None:
        return obj
    kept: Object = paths.set_(obj, path, there)
    return kept


def _forced(obj: Object) -> bool:
    return (obj["metadata"].get("annotations") or {}).get("pulumi.com/patchForce") == "true"


def _named(urn: str, id: str) -> Object:
    """The object of which only the type and the id are known."""
    _, version, kind = urn_type(urn).split(":")
    namespace, _, name = id.rpartition("/")
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version.removeprefix("core/"), "kind": kind, "metadata": metadata}
