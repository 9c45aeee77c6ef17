"""Runs the unchanged program without an engine, and records what it registers."""

import asyncio
import runpy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks, proto, rpc, set_all_config, settings, stack

from ops.project import PROJECT_NAME, Project


@dataclass(frozen=True)
class Registered:
    """One resource that the program asked for.

    inputs: as the engine would see them, every secret replaced by SECRET. protect: Pulumi's option of that name.
    """

    type: str
    name: str
    inputs: Any
    protect: bool = False


BUILT_IMAGE = "docker:index/image:Image"

SECRET = "(secret)"  # noqa: S105  what stands for a secret


def run_program(project: Project, stack_name: str) -> list[Registered]:
    """Everything that the program registers for a stack, in order of registration.

    No cluster, no CLI and no network are needed, and no value that a real engine would have to ask a cluster for is
    known: the outputs of a resource are its inputs. An image that `up` would build is known by its tag alone.

    Raises click.ClickException with what the program refused.
    """
    config, secret_keys = project.pulumi_config(stack_name)
    return run_with(project, stack_name, config, secret_keys)


def run_with(project: Project, stack_name: str, config: dict[str, str], secret_keys: list[str]) -> list[Registered]:
    """As run_program, with the configuration given."""
    monitor = _Recorder()
    features = set(monitor.GetDeploymentInfo(None).supportedFeatures)  # type: ignore[no-untyped-call]  # pulumi's own
    set_all_config(config, secret_keys)
    settings.set_root_resource(None)  # type: ignore[arg-type]  # a run before this one in the same process left its own
    settings.configure(
        mocks.MockSettings(  # type: ignore[no-untyped-call]  # pulumi's own
            monitor=monitor,
            monitor_features=features,
            engine=mocks.MockEngine(None),
            project=PROJECT_NAME,
            stack=stack_name,
            dry_run=False,
            organization="organization",
            callbacks=None,
        )
    )
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(stack.run_in_stack(lambda: _run_main(project)))
    except pulumi.RunError as error:
        raise click.ClickException(str(error)) from None
    finally:
        loop.close()
        asyncio.set_event_loop(None)
    return monitor.registered


def _run_main(project: Project) -> None:
    runpy.run_path(str(project.root / "__main__.py"), run_name="__main__")


class _NoMocks(mocks.Mocks):
    """The recorder answers by itself; a function call would need a provider."""

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise click.ClickException(f"The program calls {args.token}, which cannot be answered without an engine.")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return args.name, args.inputs


class _Recorder(mocks.MockMonitor):
    def __init__(self) -> None:
        super().__init__(_NoMocks())
        self.registered: list[Registered] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  the interface's name
        if request.custom:
            inputs = plain(json_format.MessageToDict(request.object))
            self.registered.append(Registered(request.type, request.name, inputs, request.protect))
            if request.type == BUILT_IMAGE:
                request.object["repoDigest"] = request.object["imageName"]
        return proto.resource_pb2.RegisterResourceResponse(
            urn=self.make_urn(request.parent, request.type, request.name),
            id=request.name if request.custom else "",
            object=request.object,
        )


def plain(value: Any) -> Any:
    """A property as Kubernetes would get it: whole numbers whole, secrets replaced."""
    if isinstance(value, dict):
        if value.get(rpc._special_sig_key) == rpc._special_secret_sig:  # noqa: SLF001  the wire's own marks
            return SECRET
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def secrets_in(value: Any) -> Iterator[str]:
    """Dotted paths of the secrets inside a recorded value."""
    if value == SECRET:
        yield ""
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from (f"{key}.{path}".rstrip(".") for path in secrets_in(item))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from (f"{index}.{path}".rstrip(".") for path in secrets_in(item))
