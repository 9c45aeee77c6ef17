"""Policies: Pulumi's own host, `python -m pulumi.policy`, judges resources before anything happens to them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from lab.engine.context import Context, DeploymentError
from lab.engine.events import PolicyPack, Severity, Violation
from lab.engine.monitor import MESSAGE_LIMIT, StackConfig
from lab.engine.program.process import Child
from lab.engine.resources import ResourceState, urn_name
from lab.engine.values import to_wire

_LEVELS = {
    analyzer_pb2.ADVISORY: "advisory",
    analyzer_pb2.MANDATORY: "mandatory",
    analyzer_pb2.REMEDIATE: "mandatory",
}


class NoPolicies:
    """Nobody judges."""

    async def resource(self, state: ResourceState, provider: ResourceState | None) -> bool:
        """Let it pass."""
        del state, provider
        return False

    async def stack(self, states: Sequence[ResourceState]) -> bool:
        """Let them pass."""
        del states
        return False

    async def close(self) -> None:
        """Nothing to let go of."""


class Policies:
    """One policy pack. Remediations are refused by name: they would hide what is wrong from the component's tests."""

    def __init__(self, context: Context, child: Child, channel: grpc.aio.Channel):
        self._context = context
        self._child = child
        self._channel = channel
        self._stub: Any = analyzer_pb2_grpc.AnalyzerStub(channel)
        self._name = ""

    @classmethod
    async def start(cls, context: Context, pack: Path, engine: str, config: StackConfig) -> "Policies":
        """Start the pack in its folder. Raises LabError when it does not start."""
        child = await Child.start(
            "pulumi.policy",
            [engine, str(pack)],
            directory=pack,
            environment={},
            say=lambda line: context.tell(Severity.INFO, line),
        )
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{await child.port()}", options=MESSAGE_LIMIT)
        judge = cls(context, child, channel)
        await judge._configure(pack, config)
        return judge

    async def _configure(self, pack: Path, config: StackConfig) -> None:
        setup = analyzer_pb2.AnalyzerStackConfigureRequest(
            stack=self._context.stack,
            project=self._context.project,
            organization="organization",
            dry_run=self._context.options.preview,
            config=dict(config.values),
            config_secret_keys=list(config.secret_keys),
        )
        await self._stub.ConfigureStack(setup)
        info = await self._stub.GetAnalyzerInfo(empty_pb2.Empty())
        self._name = info.name
        for policy in info.policies:
            if policy.enforcementLevel == analyzer_pb2.REMEDIATE:
                raise DeploymentError(
                    f"{info.name}: {policy.name} is a remediation, which the lab's engine does not do."
                )
        request = analyzer_pb2.ConfigureAnalyzerRequest()
        for policy in info.policies:
            own = analyzer_pb2.PolicyConfig(enforcementLevel=policy.enforcementLevel)
            request.policyConfig[policy.name].CopyFrom(info.initialConfig.get(policy.name, own))
        await self._stub.Configure(request)
        self._context.emit(PolicyPack(info.name, info.version, str(pack)))

    async def resource(self, state: ResourceState, provider: ResourceState | None) -> bool:
        """Judge one resource's inputs."""
        request = analyzer_pb2.AnalyzeRequest(
            type=state.type,
            urn=state.urn,
            name=urn_name(state.urn),
            properties=to_wire(state.inputs, keep_secrets=False),
            options=_options(state),
        )
        if provider is not None:
            request.provider.type = provider.type
            request.provider.urn = provider.urn
            request.provider.name = urn_name(provider.urn)
            request.provider.properties.CopyFrom(to_wire(provider.inputs, keep_secrets=False))
        return self._told(await self._asked(self._stub.Analyze(request)), state.urn)

    async def stack(self, states: Sequence[ResourceState]) -> bool:
        """Judge all resources together, by what is known of them afterwards."""
        request = analyzer_pb2.AnalyzeStackRequest()
        for state in states:
            request.resources.append(
                analyzer_pb2.AnalyzerResource(
                    type=state.type,
                    urn=state.urn,
                    name=urn_name(state.urn),
                    properties=to_wire(state.outputs, keep_secrets=False),
                    options=_options(state),
                    parent=state.parent,
                    dependencies=state.dependencies,
                )
            )
        return self._told(await self._asked(self._stub.AnalyzeStack(request)), "")

    async def close(self) -> None:
        """End the host."""
        await self._channel.close()
        await self._child.stop()

    async def _asked(self, question: Any) -> Any:
        try:
            return await question
        except grpc.aio.AioRpcError as error:
            raise DeploymentError(f"The policy pack {self._name} failed: {error.details()}") from None

    def _told(self, answer: Any, urn: str) -> bool:
        refused = False
        for found in answer.diagnostics:
            level = _LEVELS.get(found.enforcementLevel)
            if level is not None:
                text = found.message or found.description
                self._context.emit(Violation(found.urn or urn, found.policyPackName, found.policyName, level, text))
                refused |= level == "mandatory"
        return refused


def _options(state: ResourceState) -> analyzer_pb2.AnalyzerResourceOptions:
    options = analyzer_pb2.AnalyzerResourceOptions(
        protect=state.protect,
        ignoreChanges=state.ignore_changes,
        additionalSecretOutputs=state.additional_secret_outputs,
        aliases=state.aliases,
        parent=state.parent,
    )
    json_format.ParseDict(
        {key: value for key, value in (state.custom_timeouts or {}).items() if key != "read"}, options.customTimeouts
    )
    return options
