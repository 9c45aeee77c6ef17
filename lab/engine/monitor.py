"""The interface to the program: Pulumi's ResourceMonitor service over gRPC."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import resource_pb2, resource_pb2_grpc

from lab.engine.builtin import default_provider
from lab.engine.context import Context, DeploymentError
from lab.engine.events import ComponentOutputs, Op, Severity, Step
from lab.engine.executor import Executor
from lab.engine.goals import Goal, goal_of, source_position
from lab.engine.planner import Planner
from lab.engine.provider import ProviderError
from lab.engine.resources import ResourceState, make_urn
from lab.engine.values import UnsupportedError, from_wire, to_wire
from lab.errors import LabError

FEATURES = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
)
# Registrations carry whole objects; gRPC's own limit is 4 MB.
MESSAGE_LIMIT = [("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20)]


@dataclass(frozen=True)
class StackConfig:
    """The stack's configuration as the program gets it: by full key, objects as JSON."""

    values: Mapping[str, str]
    secret_keys: Sequence[str]


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Answers the program. After a failure it answers nothing more; the deployment then stops the program."""

    def __init__(self, context: Context, executor: Executor, config: StackConfig):
        self._context = context
        self._executor = executor
        self._planner = Planner(context)
        self._config = config
        self._defaults: dict[str, asyncio.Task[str]] = {}
        self.failed = asyncio.Event()
        self.closed = asyncio.Event()

    async def GetDeploymentInfo(self, _request: Any, _call: Any) -> resource_pb2.DeploymentInfo:  # noqa: N802
        """Tell the program where it runs."""
        return resource_pb2.DeploymentInfo(
            project=self._context.project,
            stack=self._context.stack,
            organization="organization",
            config=dict(self._config.values),
            configSecretKeys=list(self._config.secret_keys),
            dryRun=self._context.options.preview,
            parallel=self._context.options.parallel,
            supportedFeatures=FEATURES,
        )

    async def RegisterResource(self, request: Any, call: Any) -> resource_pb2.RegisterResourceResponse:  # noqa: N802
        """Bring a resource to where the program wants it."""
        state = await self._guarded(call, self._register(request), request.name)
        unknown = state.urn in self._planner.skipped
        return resource_pb2.RegisterResourceResponse(
            urn=state.urn, id=state.id, object=to_wire(_visible(state)), unknown=unknown
        )

    async def ReadResource(self, request: Any, call: Any) -> resource_pb2.ReadResourceResponse:  # noqa: N802
        """Look at a resource that is not ours."""
        state = await self._guarded(call, self._read(request), request.name)
        return resource_pb2.ReadResourceResponse(urn=state.urn, id=state.id, properties=to_wire(state.outputs))

    async def RegisterResourceOutputs(self, request: Any, call: Any) -> empty_pb2.Empty:  # noqa: N802
        """Note what a component or the stack offers."""
        await self._guarded(call, self._outputs(request), request.urn)
        return empty_pb2.Empty()

    async def Invoke(self, request: Any, call: Any) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802
        """Refuse: this project's program calls no provider functions."""
        await self._guarded(call, _unsupported(f"the function {request.tok}"), request.tok)
        raise AssertionError

    async def SupportsFeature(self, _request: Any, _call: Any) -> resource_pb2.SupportsFeatureResponse:  # noqa: N802
        """Answer SDKs that do not read GetDeploymentInfo."""
        return resource_pb2.SupportsFeatureResponse(hasSupport=False)

    async def SignalAndWaitForShutdown(self, _request: Any, _call: Any) -> empty_pb2.Empty:  # noqa: N802
        """Let the program end: there are no hooks that would need it later."""
        return empty_pb2.Empty()

    async def _guarded(self, call: Any, work: Any, name: str) -> Any:
        """Answer with the work's result; or tell why not, and leave the program waiting for its end."""
        try:
            return await work
        except (DeploymentError, ProviderError, UnsupportedError, LabError, ValueError) as error:
            if isinstance(error, UnsupportedError):
                self._context.tell(Severity.ERROR, f"{name}: the lab's engine does not support {error}. {SEE}")
            elif str(error):
                self._context.tell(Severity.ERROR, str(error))
        except Exception as error:  # a defect; the person must see it rather than wait
            self._context.tell(Severity.ERROR, f"{name}: the engine failed: {type(error).__name__}: {error}")
            raise
        self._context.failed = True
        self.failed.set()
        await self.closed.wait()
        await call.abort(grpc.StatusCode.UNAVAILABLE, "the deployment has ended")
        return None

    async def _register(self, request: Any) -> ResourceState:
        goal = goal_of(request, self._context.root)
        if goal.custom and not goal.provider and not goal.type.startswith("pulumi:providers:"):
            goal = replace(goal, provider=await self._default(goal.type, goal.version))
        return await self._carry_out(goal)

    async def _carry_out(self, goal: Goal) -> ResourceState:
        steps = await self._planner.plan(goal)
        if not steps:
            urn = make_urn(self._context.stack, self._context.project, goal.parent, goal.type, goal.name)
            return self._context.news[urn]
        state = await self._executor.run(steps)
        assert state is not None
        return state

    async def _default(self, type_: str, version: str) -> str:
        """The reference of a package's default provider, registered at its first use."""
        package = type_.split(":", maxsplit=1)[0]
        if package not in self._defaults:
            self._defaults[package] = asyncio.create_task(self._register_default(type_, version))
        return await self._defaults[package]

    async def _register_default(self, type_: str, version: str) -> str:
        goal = default_provider(type_, version, self._config.values, self._config.secret_keys)
        state = await self._carry_out(goal)
        return f"{state.urn}::{state.id}"

    async def _read(self, request: Any) -> ResourceState:
        context = self._context
        reference = request.provider or await self._default(request.type, request.version)
        urn = make_urn(context.stack, context.project, request.parent, request.type, request.name)
        if urn in context.registered:
            raise DeploymentError(f"Duplicate resource URN '{urn}'; give one of the two resources another name.")
        context.registered.add(urn)
        old = context.olds.get(urn)
        new = ResourceState(
            urn=urn,
            type=request.type,
            custom=True,
            id=request.id,
            inputs=from_wire(request.properties),
            parent=request.parent,
            external=True,
            dependencies=sorted(set(request.dependencies)),
            provider=reference,
            additional_secret_outputs=list(request.additionalSecretOutputs),
            source_position=source_position(request.sourcePosition, context.root),
        )
        op = Op.READ_REPLACEMENT if old is not None and not old.external else Op.READ
        state = await self._executor.run([Step(op, urn, old, new)])
        assert state is not None
        return state

    async def _outputs(self, request: Any) -> None:
        state = self._context.news.get(request.urn)
        if state is None:
            raise DeploymentError(f"outputs for {request.urn}, which the program has not registered")
        outputs = from_wire(request.outputs)
        before = self._context.olds.get(request.urn)
        changed = state.copy(outputs=outputs)
        self._context.news[request.urn] = changed
        await self._context.journal.swap(state, changed, write=outputs != state.outputs)
        self._context.emit(ComponentOutputs(request.urn, before.outputs if before else None, outputs))


SEE = "docs/engine.md lists what it does; the Pulumi CLI does the rest."


def _visible(state: ResourceState) -> dict[str, Any]:
    """What the program sees of a resource."""
    return state.outputs if state.custom else {}


async def _unsupported(what: str) -> None:
    raise UnsupportedError(what)
