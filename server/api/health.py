"""What probes ask. Neither touches the model, nor asks for a key."""

from fastapi import APIRouter

from server.api.errors import ApiError, ErrorBody
from server.service import LOADING_SECONDS, Service


def router(service: Service) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get("/health", responses={503: {"model": ErrorBody}})
    async def health() -> dict[str, str]:
        if service.started and not service.alive:
            raise _stopped()
        return {"status": "ok"}

    @routes.get("/ready", responses={503: {"model": ErrorBody}})
    async def ready() -> dict[str, str]:
        if service.gate.draining:
            raise ApiError(503, "The server is about to exit.", code="server_draining", retry=LOADING_SECONDS)
        if not service.started:
            raise ApiError(503, "The model is being loaded.", code="model_loading", retry=LOADING_SECONDS)
        if not service.alive:
            raise _stopped()
        return {"status": "ready"}

    return routes


def _stopped() -> ApiError:
    return ApiError(503, "The engine has stopped.", code="engine_error", retry=LOADING_SECONDS)
