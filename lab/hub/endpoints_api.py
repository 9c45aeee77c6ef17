"""The routes of the Endpoints API: /v2, /v3 and the catalogue of tested models."""

import json
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from lab.hub import recipes
from lab.hub.auth import authenticated, authorized
from lab.hub.fields import parsed
from lab.hub.logs import structured_logs, text_logs
from lab.hub.refusal import Refusal
from lab.hub.service import Service
from lab.hub.views import endpoint_view, hardware_view, page, quotas_view
from lab.hub.world import MANAGE, SEE, Endpoint, World


async def json_body(request: Request) -> Any:
    """The JSON of a request. Raises Refusal."""
    try:
        return parsed(await request.body())
    except ValueError:
        raise Refusal(400, "VALIDATION_FAILED: body: is no JSON") from None


def router(world: World, service: Service) -> APIRouter:
    """The routes over one world."""
    routes = APIRouter()
    _endpoints(routes, world, service)
    _observation(routes, world, service)
    _hardware(routes, world)
    _catalog(routes, world, service)
    return routes


def _endpoints(routes: APIRouter, world: World, service: Service) -> None:
    def answer(endpoint: Endpoint, status: int = 200) -> Response:
        return JSONResponse(endpoint_view(world, endpoint), status)

    @routes.get("/v2/endpoint/{namespace}")
    async def list_endpoints(request: Request, namespace: str) -> Response:
        authorized(world, request, SEE, namespace)
        query = request.query_params
        tags = [tag for given in query.getlist("tags") for tag in given.split(",") if tag]
        items, more, before, total = service.list(
            namespace, tags=tags, search=query.get("search"), cursor=query.get("cursor"), limit=query.get("limit")
        )
        content = page(items, lambda endpoint: endpoint_view(world, endpoint), more=more, before=before)
        return JSONResponse(content | {"totalItems": total} if world.switches.total_items else content)

    @routes.post("/v2/endpoint/{namespace}")
    async def create(request: Request, namespace: str) -> Response:
        token = authorized(world, request, MANAGE, namespace)
        endpoint = service.create(namespace, await json_body(request), by=token.account)
        return answer(endpoint, world.switches.create_status)

    @routes.get("/v2/endpoint/{namespace}/{name}")
    async def get(request: Request, namespace: str, name: str) -> Response:
        authorized(world, request, SEE, namespace)
        return answer(service.get(namespace, name))

    @routes.put("/v2/endpoint/{namespace}/{name}")
    async def update(request: Request, namespace: str, name: str) -> Response:
        token = authorized(world, request, MANAGE, namespace)
        return answer(service.update(namespace, name, await json_body(request), by=token.account))

    @routes.delete("/v2/endpoint/{namespace}/{name}")
    async def delete(request: Request, namespace: str, name: str) -> Response:
        authorized(world, request, MANAGE, namespace)
        service.delete(namespace, name)
        return JSONResponse({})

    @routes.post("/v2/endpoint/{namespace}/{name}/{action}")
    async def act(request: Request, namespace: str, name: str, action: str) -> Response:
        token = authorized(world, request, MANAGE, namespace)
        actions = {"pause": service.pause, "resume": service.resume, "scale-to-zero": service.scale_to_zero}
        if action not in actions:
            raise Refusal(404, "Not found")
        return answer(actions[action](namespace, name, by=token.account))


def _observation(routes: APIRouter, world: World, service: Service) -> None:
    @routes.get("/v2/endpoint/{namespace}/{name}/replica")
    async def replicas(request: Request, namespace: str, name: str) -> Response:
        authorized(world, request, SEE, namespace)
        endpoint = service.get(namespace, name)
        live = {"stage": "running", "live": True}
        items = [{"id": f"{endpoint.id}-{index}", "status": live} for index in range(endpoint.ready)]
        return JSONResponse({"items": items})

    @routes.get("/v2/endpoint/{namespace}/{name}/logs")
    async def logs(request: Request, namespace: str, name: str) -> Response:
        authorized(world, request, SEE, namespace)
        return PlainTextResponse(text_logs(service.get(namespace, name), request.query_params))

    @routes.get("/v3/endpoint/{namespace}/{name}/logs")
    async def logs_v3(request: Request, namespace: str, name: str) -> Response:
        authorized(world, request, SEE, namespace)
        return JSONResponse({"items": structured_logs(service.get(namespace, name), request.query_params)})

    @routes.get("/v3/endpoint/{namespace}/{name}/logs/sse")
    async def logs_sse(request: Request, namespace: str, name: str) -> Response:
        authorized(world, request, SEE, namespace)
        lines = structured_logs(service.get(namespace, name), request.query_params)
        if world.switches.log_stream == "501":
            raise Refusal(501, "Not implemented")
        return PlainTextResponse(
            "".join(f"data: {json.dumps(line)}\n\n" for line in lines), media_type="text/event-stream"
        )

    @routes.get("/v2/endpoint/{namespace}/{name}/open-metrics")
    async def metrics(request: Request, namespace: str, name: str) -> Response:
        authorized(world, request, SEE, namespace)
        endpoint = service.get(namespace, name)
        text = (
            "# TYPE lab_requests counter\n"
            f'lab_requests_total{{endpoint="{endpoint.name}"}} {endpoint.requests}\n'
            "# TYPE lab_replicas gauge\n"
            f'lab_replicas{{endpoint="{endpoint.name}"}} {endpoint.ready}\n# EOF\n'
        )
        return Response(text, media_type="application/openmetrics-text; version=1.0.0; charset=utf-8")


def _hardware(routes: APIRouter, world: World) -> None:
    @routes.get("/v2/provider")
    async def everybodys_hardware() -> Response:
        return JSONResponse(hardware_view(world, None))

    @routes.get("/v2/provider/quotas/{namespace}")
    async def quotas(request: Request, namespace: str) -> Response:
        authorized(world, request, SEE, namespace)
        return JSONResponse(quotas_view(world, namespace))

    @routes.get("/v2/provider/{namespace}")
    async def hardware(request: Request, namespace: str) -> Response:
        authorized(world, request, SEE, namespace)
        return JSONResponse(hardware_view(world, namespace))


def _catalog(routes: APIRouter, world: World, service: Service) -> None:
    @routes.get("/api/v1/catalog/list")
    async def catalog(request: Request) -> Response:
        return JSONResponse({"items": recipes.listed(request.query_params)})

    @routes.post("/api/v1/catalog/{kind}/{name:path}/deploy")
    async def deploy(request: Request, kind: str, name: str) -> Response:
        authenticated(world, request)
        body = await json_body(request)
        if not isinstance(body, dict) or not isinstance(body.get("namespace"), str):
            raise Refusal(400, "VALIDATION_FAILED: body: missing field `namespace`")
        token = authorized(world, request, MANAGE, body["namespace"])
        wanted = recipes.body(kind, name, body)
        endpoint = service.create(body["namespace"], wanted, by=token.account)
        endpoint.config["model"]["fromCatalog"] = True
        return JSONResponse({"endpoint": endpoint_view(world, endpoint)})
