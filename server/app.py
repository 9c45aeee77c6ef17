"""The ASGI application."""

from fastapi import FastAPI, Request, Response

from server.api import health, openai, tgi
from server.api.doorman import Doorman
from server.api.errors import add_handlers
from server.api.streaming import Gone
from server.service import Service


def create_app(service: Service) -> FastAPI:
    """All routes around one service."""
    app = FastAPI(title="llm-inference server", version="0.1.0", docs_url=None, redoc_url=None)
    for routes in (health, openai, tgi):
        app.include_router(routes.router(service))
    add_handlers(app)

    def gone(_: Request, __: Exception) -> Response:
        return Response(status_code=499)  # nobody reads it; the log has it, in nginx's number

    app.add_exception_handler(Gone, gone)
    app.add_middleware(
        Doorman,
        gate=service.gate,
        observer=service.observer,
        keys=service.settings.keys(),
        max_body_bytes=service.settings.max_body_bytes,
    )
    return app
