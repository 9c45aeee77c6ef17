"""Every error in OpenAI's format, whoever makes it."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from server.admission import Busy, Draining
from server.answering import AnswerError
from server.words import PromptError

TYPES = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}


class ErrorDetail(BaseModel):
    """What went wrong. param: the field that it is about. code: for programs."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(BaseModel):
    """The body of every answer of 400 and up."""

    error: ErrorDetail


class ApiError(Exception):
    """An error to answer with."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.retry = retry
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """OpenAI's form of it."""
        kind = TYPES.get(
            self.status, "invalid_request_error" if self.status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error"
        )
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> JSONResponse:
        """The whole answer."""
        headers = dict(self.headers)
        if self.retry is not None:
            headers["Retry-After"] = str(self.retry)
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(self.body(), status_code=self.status, headers=headers)


# The connection ends with it: what else comes on it is the rest of that body.
TOO_LONG = ApiError(
    413, "The body has more bytes than this server takes.", code="body_too_long", headers={"Connection": "close"}
)


def as_api_error(error: Exception) -> ApiError:  # noqa: PLR0911 - one for each kind
    """What to answer for an exception. What is not foreseen tells nothing of itself."""
    match error:
        case ApiError():
            return error
        case Draining():
            return ApiError(503, str(error), code="server_draining", retry=error.seconds)
        case Busy():
            return ApiError(429, str(error), code="queue_full", retry=error.seconds)
        case AnswerError():
            return ApiError(error.status, error.message, code=error.code)
        case PromptError():
            return ApiError(400, str(error), param="messages")
        case RequestValidationError():
            return _invalid(error)
        case HTTPException(status_code=413):
            return TOO_LONG
        case HTTPException():
            message = {404: "There is nothing at this path.", 405: "This path does not take this method."}
            said = message.get(error.status_code, "The request cannot be read.")
            return ApiError(error.status_code, said, headers=error.headers)  # of 405: what the path takes
        case _:
            return ApiError(
                500, "The server failed. Its log tells more, under the request's id.", code="internal_error"
            )


def _invalid(error: RequestValidationError) -> ApiError:
    problem = error.errors()[0]
    if problem["type"] == "json_invalid":
        return ApiError(400, "The body is no JSON.", code="invalid_json")
    param = _param(problem["loc"]) or None
    if problem["type"] == "extra_forbidden":
        message = f"{param} is not supported by this server: leave it out."
        return ApiError(400, message, param=param, code="unsupported_parameter")
    said = problem["msg"].removeprefix("Value error, ")
    return ApiError(400, f"{param}: {said}" if param else said, param=param, code="invalid_value")


def _param(location: Sequence[str | int]) -> str:
    """The field by its path, without what pydantic adds to it: where it lies, and which form of a union was tried."""
    forms = {"body", "path", "str", "TGIFields", "PromptFields"}
    parts = [str(part) for part in location if part not in forms]
    return ".".join(part for part in parts if part.replace("_", "").isalnum())


def add_handlers(app: FastAPI) -> None:
    """Answer every exception of a route with as_api_error. Unforeseen ones are caught, and logged, further out."""

    def answer(_: Request, error: Exception) -> JSONResponse:
        return as_api_error(error).response()

    for kind in (ApiError, Busy, AnswerError, PromptError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, answer)
