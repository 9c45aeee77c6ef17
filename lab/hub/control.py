"""/_lab: what tests and the lab's own commands see and move. For programs of this machine alone."""

import dataclasses
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from lab.errors import LabError
from lab.hub.endpoints_api import json_body
from lab.hub.machine import Machine
from lab.hub.operations import OPERATIONS
from lab.hub.refusal import Refusal
from lab.hub.views import address
from lab.hub.world import World

VERSION = 1
"""Of the state's layout and of these routes."""


def router(world: World, machine: Machine, *, home: str | None) -> APIRouter:
    """The routes over one world."""
    routes = APIRouter(prefix="/_lab")

    @routes.get("/health")
    async def health() -> Response:
        return JSONResponse({"home": home, "version": VERSION})

    @routes.get("/state")
    async def state() -> Response:
        shown = [
            {"namespace": one.namespace, "name": one.name, "state": one.state, "url": address(world, one)}
            for one in world.endpoints
        ]
        return JSONResponse({"now": world.clock.now(), "endpoints": shown})

    @routes.get("/requests")
    async def requests() -> Response:
        return JSONResponse({"requests": [request.as_json() for request in world.log.requests]})

    @routes.delete("/requests")
    async def forget_requests() -> Response:
        world.log.clear()
        return JSONResponse({})

    @routes.post("/advance")
    async def advance(request: Request) -> Response:
        def move(given: dict[str, Any]) -> dict[str, Any]:
            world.clock.advance(float(given["seconds"]))
            machine.settle_all()
            return {"now": world.clock.now()}

        return _told(move, await json_body(request))

    _faults(routes, world)
    _switches(routes, world)
    return routes


def _faults(routes: APIRouter, world: World) -> None:
    @routes.get("/faults")
    async def faults() -> Response:
        return JSONResponse({"faults": world.faults.as_json()})

    @routes.post("/faults")
    async def add_fault(request: Request) -> Response:
        return _told(lambda given: dataclasses.asdict(world.faults.add(OPERATIONS, given)), await json_body(request))

    @routes.delete("/faults")
    async def forget_faults() -> Response:
        world.faults.clear()
        return JSONResponse({})


def _switches(routes: APIRouter, world: World) -> None:
    @routes.get("/switches")
    async def switches() -> Response:
        return JSONResponse(dataclasses.asdict(world.switches))

    @routes.put("/switches")
    async def change_switches(request: Request) -> Response:
        def change(given: dict[str, Any]) -> dict[str, Any]:
            world.switches = world.switches.changed(given)
            return dataclasses.asdict(world.switches)

        return _told(change, await json_body(request))


def _told(act: Any, given: Any) -> Response:
    """What came of it, or why it cannot be."""
    if not isinstance(given, dict):
        raise Refusal(400, "the body is no JSON object")
    try:
        return JSONResponse(act(given))
    except (LabError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise Refusal(400, str(error)) from None
