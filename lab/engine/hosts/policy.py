"""Policy packs: rules about resources, in Pulumi's own host for these."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from blueprint import text
from blueprint.helm import COMMAND as HELM_COMMAND
from lab.engine.context import DeploymentError
from lab.engine.events import PolicyPack, Violation
from lab.engine.hosts.policy_config import LEVEL_NAMES, PackConfig, read_config, reconcile
from lab.engine.monitor import MESSAGE_LIMIT, StackConfig
from lab.engine.program.process import Child
from lab.engine.resources import STACK_TYPE, ResourceState, make_urn, urn_name
from lab.engine.values import PropertyMap, from_wire, to_wire
from lab.errors import LabError

_FILE = "PulumiPolicy.yaml"
_RAISED = "Exception calling application: "  # gRPC's words before those of an exception in a Python server


@dataclass(frozen=True)
class Remediation:
    """A policy's change of a resource's inputs; or, inputs being None, why it could not make one."""

    pack: str
    policy: str
    text: str
    inputs: PropertyMap | None


@dataclass(frozen=True)
class Place:
    """Where a pack judges. engine: the address of the engine's service."""

    engine: str
    project: str
    stack: str
    preview: bool
    config: StackConfig


class PolicyHost:
    """A policy pack in a running `python -m pulumi.policy`. One question at a time, as from the CLI."""

    def __init__(self, child: Child, channel: grpc.aio.Channel, place: Place, info: PolicyPack):
        self._child = child
        self._channel = channel
        self._place = place
        self._stub = analyzer_pb2_grpc.AnalyzerStub(channel)
        self._turn = asyncio.Lock()
        self.info = info
        self.levels: Mapping[str, str] = {}  # by policy

    @classmethod
    async def start(
        cls, folder: Path, place: Place, *, config_file: Path | None = None, say: Callable[[str], None]
    ) -> "PolicyHost":
        """Start and configure a pack. Raises LabError for a pack or a configuration that cannot be used."""
        pack = _pack(folder)
        given = read_config(config_file) if config_file else {}
        child = await Child.start(
            "pulumi.policy",
            [place.engine, pack.path],
            directory=Path(pack.path),
            environment={
                # As the CLI: the pack may read the whole configuration, secrets included.
                "PULUMI_CONFIG": json.dumps(dict(place.config.values)),
                "PULUMI_PROJECT": place.project,
                "PULUMI_STACK": place.stack,
                "PULUMI_ORGANIZATION": "organization",
                "PULUMI_DRY_RUN": "true" if place.preview else "false",
                # A pack that judges the objects of a release renders its chart.
                **({} if HELM_COMMAND in os.environ else {HELM_COMMAND: f"{sys.executable} -m lab.tools helm"}),
            },
            say=say,
        )
        try:
            port = await child.port()
        except LabError as error:
            raise LabError(f"The policy pack {folder} did not start. {error}") from None
        host = cls(child, grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=MESSAGE_LIMIT), place, pack)
        try:
            await host._configure(given)
        except DeploymentError as error:
            await host.close()
            raise LabError(str(error)) from None
        except BaseException:
            await host.close()
            raise
        return host

    async def remediate(self, state: ResourceState, provider: ResourceState | None) -> list[Remediation]:
        """What the pack's remediating policies make of a resource's inputs, each going on from the one before."""
        if "remediate" not in self.levels.values():
            return []
        request = analyzer_pb2.AnalyzeRequest(**_described(state, provider, to_wire(state.inputs)))
        response = await self._ask("Remediate", request, state.urn)
        return [
            Remediation(
                self.info.name,
                each.policyName,
                each.diagnostic or each.description,
                None if each.diagnostic else from_wire(each.properties),
            )
            for each in response.remediations
        ]

    async def analyze(self, state: ResourceState, provider: ResourceState | None) -> list[Violation]:
        """Which policies the inputs of a resource violate."""
        request = analyzer_pb2.AnalyzeRequest(**_described(state, provider, _public(state.inputs)))
        response = await self._ask("Analyze", request, state.urn)
        return [self._violation(each, state.urn) for each in response.diagnostics]

    async def analyze_stack(self, states: Sequence[ResourceState]) -> list[Violation]:
        """Which policies about the stack the outputs of all resources violate."""
        by_urn = {state.urn: state for state in states}
        request = analyzer_pb2.AnalyzeStackRequest(
            resources=[_analyzed(state, by_urn.get(_provider_urn(state))) for state in states]
        )
        place = self._place
        stack = make_urn(place.stack, place.project, "", STACK_TYPE, f"{place.project}-{place.stack}")
        response = await self._ask("AnalyzeStack", request, stack)
        return [self._violation(each, each.urn if each.urn in by_urn else stack) for each in response.diagnostics]

    async def close(self) -> None:
        """End the host."""
        await self._child.stop()
        await self._channel.close()

    async def _configure(self, given: PackConfig) -> None:
        place = self._place
        stack = analyzer_pb2.AnalyzerStackConfigureRequest(
            stack=place.stack,
            project=place.project,
            organization="organization",
            dry_run=place.preview,
            config=dict(place.config.values),
            config_secret_keys=place.config.secret_keys,
        )
        await self._ask("ConfigureStack", stack, "the stack")
        info = await self._ask("GetAnalyzerInfo", empty_pb2.Empty(), "its policies")
        config = reconcile(info, given)
        request = analyzer_pb2.ConfigureAnalyzerRequest(
            policyConfig={name: each.message() for name, each in config.items()}
        )
        await self._ask("Configure", request, "its policies")
        # The version in the pack's file goes before the one that the pack itself tells.
        self.info = PolicyPack(info.name, self.info.version or info.version, self.info.path)
        self.levels = {policy.name: config[policy.name].level for policy in info.policies}

    async def _ask(self, method: str, request: Any, about: str) -> Any:
        """Call the host. Raises DeploymentError with the pack's words when a policy raises."""
        async with self._turn:
            try:
                return await getattr(self._stub, method)(request)
            except grpc.aio.AioRpcError as error:
                why = (error.details() or "").removeprefix(_RAISED)
                if error.code() is not grpc.StatusCode.UNKNOWN:
                    why = f"its host ended ({error.code().name})"
                raise DeploymentError(f"The policy pack {self.info.name} failed on {about}: {why}") from None

    def _violation(self, diagnostic: analyzer_pb2.AnalyzeDiagnostic, urn: str) -> Violation:
        # What a remediation has left is as bad as what nobody remedies.
        level = LEVEL_NAMES[diagnostic.enforcementLevel].replace("remediate", "mandatory")
        return Violation(urn, diagnostic.policyPackName, diagnostic.policyName, level, diagnostic.message)


def _pack(folder: Path) -> PolicyPack:
    """What the pack's file says, its path made absolute."""
    path = folder.resolve() / _FILE
    try:
        found = text.load(path.read_text()) or {}
    except (OSError, text.TextError) as error:
        raise LabError(f"{path}: {error}") from None
    runtime = found.get("runtime")
    language = runtime.get("name") if isinstance(runtime, dict) else runtime
    if language != "python":
        raise LabError(f"{path}: the lab's engine runs packs in Python, not {language}. Use the Pulumi CLI.")
    return PolicyPack(path.parent.name, str(found.get("version", "")), str(path.parent))


def _described(state: ResourceState, provider: ResourceState | None, properties: Any) -> dict[str, Any]:
    """The fields that a question about a resource and a question about the stack have in common."""
    timeouts = analyzer_pb2.AnalyzerResourceOptions.CustomTimeouts(**(state.custom_timeouts or {}))
    described: dict[str, Any] = {
        "type": state.type,
        "urn": state.urn,
        "name": urn_name(state.urn),
        "properties": properties,
        "options": analyzer_pb2.AnalyzerResourceOptions(
            protect=state.protect,
            ignoreChanges=state.ignore_changes,
            additionalSecretOutputs=state.additional_secret_outputs,
            aliases=state.aliases,
            customTimeouts=timeouts,
            parent=state.parent,
        ),
    }
    if provider is not None:
        described["provider"] = analyzer_pb2.AnalyzerProviderResource(
            type=provider.type, urn=provider.urn, name=urn_name(provider.urn), properties=_public(provider.inputs)
        )
    return described


def _analyzed(state: ResourceState, provider: ResourceState | None) -> analyzer_pb2.AnalyzerResource:
    return analyzer_pb2.AnalyzerResource(
        **_described(state, provider, _public(state.outputs)),
        parent=state.parent,
        dependencies=state.dependencies,
        propertyDependencies={
            key: analyzer_pb2.AnalyzerPropertyDependencies(urns=urns)
            for key, urns in (state.property_dependencies or {}).items()
            if urns
        },
    )


def _provider_urn(state: ResourceState) -> str:
    return state.provider.rpartition("::")[0]


def _public(properties: PropertyMap) -> Any:
    """Properties without the engine's own, with secrets and unknown values marked."""
    return to_wire({key: value for key, value in properties.items() if not key.startswith("__")})
