"""Serves the program's requests and runs it: the one place where the engine meets the program."""

import asyncio
import json
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, resource_pb2_grpc

from lab.engine.context import Context
from lab.engine.events import Diagnostic, Severity
from lab.engine.executor import Executor
from lab.engine.monitor import MESSAGE_LIMIT, Monitor, StackConfig
from lab.engine.program.child import CONFIG, REFUSED, SETTINGS
from lab.engine.program.process import Child

_SEVERITIES = {
    engine_pb2.DEBUG: Severity.DEBUG,
    engine_pb2.INFO: Severity.INFO,
    engine_pb2.WARNING: Severity.WARNING,
    engine_pb2.ERROR: Severity.ERROR,
}


class EngineService(engine_pb2_grpc.EngineServicer):
    """Pulumi's Engine service: messages, and the root resource's name."""

    def __init__(self, context: Context):
        self._context = context
        self._root = ""

    async def Log(self, request: Any, _call: Any) -> empty_pb2.Empty:  # noqa: N802
        """Show a message of the program, a provider or a policy."""
        severity = _SEVERITIES[request.severity]
        if severity is not Severity.DEBUG:
            self._context.emit(Diagnostic(severity, request.message.rstrip(), request.urn, request.ephemeral))
        if severity is Severity.ERROR:
            self._context.failed = True
        return empty_pb2.Empty()

    async def GetRootResource(self, _request: Any, _call: Any) -> engine_pb2.GetRootResourceResponse:  # noqa: N802
        """The stack's URN."""
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    async def SetRootResource(self, request: Any, _call: Any) -> engine_pb2.SetRootResourceResponse:  # noqa: N802
        """Remember the stack's URN."""
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()


async def serve_engine(context: Context) -> tuple[grpc.aio.Server, str]:
    """Start the Engine service on loopback. The server, and its address."""
    server = grpc.aio.server(options=MESSAGE_LIMIT)
    engine_pb2_grpc.add_EngineServicer_to_server(EngineService(context), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, f"127.0.0.1:{port}"


async def run_program(context: Context, executor: Executor, config: StackConfig, engine: str) -> bool:
    """Run the program against this deployment. Whether it and all that it registered went well."""
    monitor = Monitor(context, executor, config)
    server = grpc.aio.server(options=MESSAGE_LIMIT)
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    settings = {
        "monitor": address,
        "engine": engine,
        "project": context.project,
        "stack": context.stack,
        "organization": "organization",
        "parallel": context.options.parallel,
        "dry_run": context.options.preview,
        "root_directory": str(context.root),
    }
    child = await Child.start(
        "lab.engine.program.child",
        [str(context.root)],
        directory=context.root,
        environment={
            SETTINGS: json.dumps(settings),
            CONFIG: json.dumps({"values": dict(config.values), "secret_keys": list(config.secret_keys)}),
        },
        say=lambda line: context.tell(Severity.INFO, line),
    )
    ended = asyncio.create_task(child.ended())
    failed = asyncio.create_task(monitor.failed.wait())
    try:
        await asyncio.wait({ended, failed}, return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            # What is in flight is finished and written down; the program hears no more.
            await executor.settled()
            return False
        code = ended.result()
        if code and code != REFUSED:
            context.tell(Severity.ERROR, f"The program ended with code {code}.")
        return code == 0 and (context.options.preview or not context.failed)
    finally:
        failed.cancel()
        await child.stop()
        await asyncio.gather(ended, failed, return_exceptions=True)
        monitor.closed.set()
        await server.stop(grace=1)
