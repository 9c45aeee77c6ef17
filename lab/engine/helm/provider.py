"""Helm releases: installed, upgraded, read and uninstalled as pulumi-kubernetes 4.34 does with its own Helm."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import yaml

from blueprint.helm import chart_arguments, objects, template_arguments, values_text
from lab.engine.compare import compare
from lab.engine.helm import forms
from lab.engine.helm.tool import Helm, HelmError, HelmInterruptedError, NoHelmError
from lab.engine.helm.troubles import Watch
from lab.engine.provider import (
    Checked,
    Created,
    Diff,
    DiffKind,
    NotReadyError,
    Operation,
    PropertyDiff,
    ProviderError,
    Read,
)
from lab.engine.resources import urn_name
from lab.engine.values import PropertyMap, UnsupportedError, bare, has_unknowns

_IDENTITY = {"name": DiffKind.UPDATE_REPLACE, "namespace": DiffKind.UPDATE_REPLACE}
_CLOCK_SLACK = timedelta(seconds=2)
_TAKEN = "a name that is still in use"  # Helm's words
# How long pods take to go has nothing to do with how long they may take to get ready.
_GONE_SECONDS = 300


class Releases:
    """The releases of one cluster. Interrupted, Helm undoes what it began where it is atomic."""

    interruptible: bool = True

    def __init__(self, helm: Helm, watch: Watch, unreachable: str | None):
        self._helm = helm
        self._watch = watch
        self.unreachable = unreachable

    async def check(self, op: Operation, olds: PropertyMap, news: PropertyMap) -> Checked:
        """Complete the inputs, and load the chart: its own version is the one that counts."""
        inputs = forms.completed(news, olds, f"{urn_name(op.urn)}-{op.seed[:4].hex()}")
        if has_unknowns(inputs):
            return Checked(inputs)
        try:
            chart = yaml.safe_load(await self._helm.local("show", "chart", *chart_arguments(bare(inputs))))
        except NoHelmError as error:
            if not op.preview:
                raise ProviderError(f"Release {_identity(bare(inputs))}: {error}") from None
            op.warn(f"The chart was neither loaded nor rendered: {error}")
            return Checked({**inputs, "version": inputs["version"] or bare(olds).get("version", "")})
        except HelmError as error:
            return forms.failed_chart(inputs, forms.without_secrets(str(error), inputs))
        return Checked({**inputs, "version": str(chart["version"])})

    async def diff(
        self, op: Operation, id: str, old_inputs: PropertyMap, old_outputs: PropertyMap, news: PropertyMap
    ) -> Diff:
        """Compare inputs; another name or namespace is another release."""
        del op, id, old_outputs
        found = compare(old_inputs, news)
        detailed = {path: PropertyDiff(_IDENTITY.get(path, each.kind), input_diff=True) for path, each in found.items()}
        return Diff(
            changes=bool(detailed),
            replaces=[path for path in detailed if path in _IDENTITY],
            detailed=detailed,
            changed=sorted({path.partition(".")[0].partition("[")[0] for path in detailed}),
        )

    async def create(self, op: Operation, news: PropertyMap) -> Created:
        """Install the release, and wait until its objects are ready."""
        if op.preview:
            await self._rendered(news)
            return Created("", forms.planned(news))
        inputs = bare(news)
        try:
            async with self._watched(op, news) as watch:
                await self._helm.on_cluster(
                    "install", inputs["name"], *_arguments(inputs), "--server-side=false", values=values_text(inputs)
                )
        except (HelmError, HelmInterruptedError) as error:
            raise await self._failed(error, news, watch.seen) from None
        return Created(_identity(inputs), await self._outputs(news))

    async def read(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> Read:
        """The release as Helm has it in the cluster; somebody's upgrade by hand shows in its values."""
        del op, outputs
        if not inputs:
            raise UnsupportedError("the import of a Helm release")
        self._reachable()
        metadata = await self._metadata(bare(inputs))
        if metadata is None:
            return Read("")
        values = await self._helm.on_cluster("get", "values", *_named(bare(inputs)), "--output=json")
        found = forms.refreshed(inputs, values, metadata["version"])
        return Read(id, found, forms.outputs_of(found, metadata, await self._manifest(bare(inputs))))

    async def update(
        self, op: Operation, id: str, old_inputs: PropertyMap, old_outputs: PropertyMap, news: PropertyMap
    ) -> PropertyMap:
        """Upgrade the release, and wait until its objects are ready; an atomic one goes back when they are not."""
        del id, old_inputs, old_outputs
        if op.preview:
            await self._rendered(news)
            return forms.planned(news)
        inputs = bare(news)
        try:
            await self._settled(op, inputs)
            async with self._watched(op, news) as watch:
                await self._helm.on_cluster("upgrade", inputs["name"], *_arguments(inputs), values=values_text(inputs))
        except (HelmError, HelmInterruptedError) as error:
            raise await self._failed(error, news, watch.seen) from None
        return await self._outputs(news)

    async def delete(self, op: Operation, id: str, inputs: PropertyMap, outputs: PropertyMap) -> None:
        """Uninstall the release, and wait until its objects are gone."""
        del op, id, outputs
        self._reachable()
        plain = bare(inputs)
        seconds = max(_GONE_SECONDS, plain.get("timeout") or 0)
        wait = [] if plain.get("skipAwait") and not plain.get("atomic") else ["--wait=legacy", f"--timeout={seconds}s"]
        try:
            await self._helm.on_cluster(
                "uninstall", *_named(plain), "--ignore-not-found", "--cascade=foreground", *wait
            )
        except HelmError as error:
            raise ProviderError(f"Release {_identity(plain)} is not gone: {error}") from None
        except HelmInterruptedError:
            raise ProviderError(f"Release {_identity(plain)}: interrupted while it was uninstalled.") from None

    async def recover(self, op: Operation, news: PropertyMap, since: str) -> Created | None:
        """The release of a run that was killed. Half an installation is taken away, since Helm goes on with none."""
        self._reachable()
        inputs = bare(news)
        if await self._metadata(inputs) is None:
            return None
        status = json.loads(await self._helm.on_cluster("status", *_named(inputs), "--output=json"))
        if datetime.fromisoformat(status["info"]["first_deployed"]) < datetime.fromisoformat(since) - _CLOCK_SLACK:
            return None
        if status["info"]["status"] == "deployed":
            return Created(_identity(inputs), await self._outputs(news))
        if not op.preview:
            op.warn("The run that was cut off had installed half of it, which is taken away first.")
            await self._helm.on_cluster("uninstall", *_named(inputs), "--wait=legacy", _timeout(inputs))
        return None

    async def invoke(self, token: str, arguments: PropertyMap) -> PropertyMap:
        """Refuse."""
        del arguments
        raise UnsupportedError(f"the function {token}")

    async def close(self) -> None:
        """Let go of what Helm was given."""
        self._helm.close()

    def _reachable(self) -> None:
        if self.unreachable:
            raise ProviderError(self.unreachable)

    async def _rendered(self, news: PropertyMap) -> list[dict[str, Any]]:
        """The objects of a release; none when they are not known yet, or there is no Helm. Raises ProviderError."""
        if has_unknowns(news):
            return []
        inputs = bare(news)
        try:
            text = await self._helm.local(*template_arguments(inputs), values=values_text(inputs))
            return list(objects(text, inputs["namespace"]))
        except NoHelmError:
            return []  # check has told it
        except (HelmError, yaml.YAMLError) as error:
            raise ProviderError(
                f"Release {_identity(inputs)} cannot be rendered: {forms.without_secrets(str(error), news)}"
            ) from None

    @contextlib.asynccontextmanager
    async def _watched(self, op: Operation, news: PropertyMap) -> AsyncIterator[Watch]:
        """While Helm waits, tell what its pods wait for: a failed release takes its pods along."""
        self._reachable()
        watch = self._watch.of(await self._rendered(news), op.report)
        task = asyncio.create_task(watch.run())
        try:
            yield watch
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _settled(self, op: Operation, inputs: PropertyMap) -> None:
        """Take back the upgrade of a run that was killed, which would keep this one out."""
        metadata = await self._metadata(inputs)
        if metadata is None:
            raise ProviderError(
                f"Release {_identity(inputs)} is gone; somebody uninstalled it. Run refresh, and up installs it again."
            )
        if metadata["status"].startswith("pending-"):
            op.report("Taking back what an earlier run began")
            await self._helm.on_cluster("rollback", *_named(inputs), "--wait=legacy", _timeout(inputs))

    async def _failed(
        self, error: HelmError | HelmInterruptedError, news: PropertyMap, troubles: list[str]
    ) -> ProviderError:
        """What to raise: with the release where there is one, without where Helm took it back."""
        inputs = bare(news)
        said = "interrupted" if isinstance(error, HelmInterruptedError) else forms.without_secrets(str(error), news)
        reasons = [_advised(said, inputs), *troubles]
        text = f"Release {_identity(inputs)}: " + "\n  ".join(reasons)
        metadata = await self._metadata(inputs)
        if metadata is None or _TAKEN in said:
            return ProviderError(text)
        outputs = forms.outputs_of(news, metadata, await self._manifest(inputs))
        return NotReadyError(text, id=_identity(inputs), outputs=outputs, inputs=news, reasons=reasons)

    async def _outputs(self, news: PropertyMap) -> PropertyMap:
        inputs = bare(news)
        metadata = await self._metadata(inputs)
        if metadata is None:
            raise ProviderError(f"Release {_identity(inputs)} was installed and is gone again.")
        return forms.outputs_of(news, metadata, await self._manifest(inputs))

    async def _metadata(self, inputs: PropertyMap) -> dict[str, Any] | None:
        try:
            text = await self._helm.on_cluster("get", "metadata", *_named(inputs), "--output=json")
        except HelmError as error:
            if "release: not found" in str(error):
                return None
            raise ProviderError(f"Release {_identity(inputs)} cannot be read: {error}") from None
        found: dict[str, Any] = json.loads(text)
        return found

    async def _manifest(self, inputs: PropertyMap) -> str:
        return await self._helm.on_cluster("get", "manifest", *_named(inputs))


def _identity(inputs: PropertyMap) -> str:
    return f"{inputs['namespace']}/{inputs['name']}"


def _named(inputs: PropertyMap) -> list[str]:
    return [inputs["name"], f"--namespace={inputs['namespace']}"]


def _timeout(inputs: PropertyMap) -> str:
    return f"--timeout={inputs.get('timeout') or 300}s"


def _arguments(inputs: PropertyMap) -> list[str]:
    """What install and upgrade share. legacy: as Helm 3 waits, which the provider has built in."""
    return [
        *chart_arguments(inputs),
        f"--namespace={inputs['namespace']}",
        "--values=-",
        _timeout(inputs),
        *(["--wait=legacy"] if not inputs["skipAwait"] or inputs["atomic"] else []),
        *(["--rollback-on-failure"] if inputs["atomic"] else []),
    ]


def _advised(said: str, inputs: PropertyMap) -> str:
    """Helm's words, and the way out where there is one to name."""
    name, namespace = inputs["name"], inputs["namespace"]
    if _TAKEN in said:
        return (
            f"{said}. A release of that name is there and is not this stack's. If nobody needs it: "
            f"helm uninstall {name} --namespace {namespace}."
        )
    if "context deadline exceeded" in said or "timed out" in said:
        return f"{said}. It was not ready within {inputs.get('timeout') or 300} s."
    return said
