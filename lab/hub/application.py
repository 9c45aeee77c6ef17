"""The application: the routes, and the gate before them."""

import uuid
from collections.abc import Callable

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lab.hub import control, data_plane, endpoints_api, hub_api
from lab.hub.gate import Gate
from lab.hub.refusal import Refusal
from lab.hub.service import Service
from lab.hub.world import World


def application(world: World, *, home: str | None, save: Callable[[], None], step: float = 0.0) -> ASGIApp:
    """The stand-in over one world. `step`: virtual seconds that pass before each request, but for the Hub's."""
    service = Service(world)
    app = FastAPI(title="Inference Endpoints, simulated", openapi_url=None, docs_url=None, redoc_url=None)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _unknown)
    for router in (
        control.router(world, service.machine, home=home),
        endpoints_api.router(world, service),
        data_plane.router(world, service.machine),
        hub_api.router(world),  # last: it takes every path
    ):
        app.include_router(router)
    return Gate(_with_request_id(app), world, service.machine, save=save, step=step)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return error.answer()


async def _unknown(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code)


def _with_request_id(app: ASGIApp) -> ASGIApp:
    """Every answer names its request, by the client's name for it if it has one."""

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope["headers"]).get(b"x-amzn-trace-id") or uuid.uuid4().hex.encode()

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"x-request-id", given)]
            await send(message)

        await app(scope, receive, send_named)

    return named
