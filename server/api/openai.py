"""OpenAI's interface: chat, completions and models."""

import secrets
import time
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from server.answering import Question
from server.api import shapes
from server.api.errors import ApiError, ErrorBody
from server.api.fields import ChatFields, CompletionFields, OpenAIFields
from server.api.streaming import EventStream, read_whole
from server.generation import Sampling
from server.service import Service

NAMELESS = frozenset({"tgi", "dummy"})
"""What TGI's documentation says to send, and huggingface_hub sends, for the one model that is there."""

REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (400, 401, 404, 413, 429, 500, 503, 504)
}
STREAMED: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
"""What is answered where a stream is asked for."""


def router(service: Service) -> APIRouter:
    """The routes."""
    routes = APIRouter(responses=REFUSALS, max_body_size=service.settings.max_body_bytes)
    created = int(time.time())

    @routes.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [_model(service, created)]}

    @routes.get("/v1/models/{model:path}")
    async def model(model: str) -> dict[str, Any]:
        _check_model(service, model)
        return _model(service, created)

    @routes.post("/v1/chat/completions", responses=STREAMED)
    async def chat(fields: ChatFields, request: Request) -> Response:
        _check_model(service, fields.model)
        words = service.words
        text, prompt = await words.conversation([message.plain() for message in fields.messages])
        asked = fields.max_completion_tokens or fields.max_tokens
        param = "max_completion_tokens" if fields.max_completion_tokens else "max_tokens"
        sampling = _sampling(
            fields,
            service.fit(prompt, asked, param=param),
            logprobs=(fields.top_logprobs or 0) if fields.logprobs else None,
        )
        question = Question(prompt=prompt, sampling=sampling, stops=fields.stops, text=text)
        pieces = service.ask(request, "chat", question)
        return await _answer(request, fields, question, pieces, shapes.Chat(_head(service, "chatcmpl"), words))

    @routes.post("/v1/completions", responses=STREAMED)
    async def completions(fields: CompletionFields, request: Request) -> Response:
        _check_model(service, fields.model)
        words = service.words
        given = fields.prompt
        text = given if isinstance(given, str) else next((part for part in given if isinstance(part, str)), None)
        if text is None:
            prompt = [part for part in given if isinstance(part, int)]
            if any(token >= words.size for token in prompt):
                raise ApiError(400, f"The model has the tokens 0 to {words.size - 1}.", param="prompt")
        else:
            prompt = await words.tokens(text)
        sampling = _sampling(
            fields, service.fit(prompt, fields.max_tokens, param="max_tokens"), logprobs=fields.logprobs
        )
        question = Question(prompt=prompt, sampling=sampling, stops=fields.stops, text=text)
        pieces = service.ask(request, "text_completion", question)
        return await _answer(request, fields, question, pieces, shapes.Completion(_head(service, "cmpl"), words))

    return routes


def _head(service: Service, prefix: str) -> dict[str, Any]:
    return {
        "id": f"{prefix}-{secrets.token_hex(12)}",
        "created": int(time.time()),
        "model": service.settings.served_name,
    }


def _model(service: Service, created: int) -> dict[str, Any]:
    known = {"max_model_len": service.longest} if service.started and not service.gate.draining else {}
    return {
        "id": service.settings.served_name,
        "object": "model",
        "created": created,
        "owned_by": "llm-inference",
        **known,
    }


def _check_model(service: Service, name: str | None) -> None:
    settings = service.settings
    if name is not None and name not in {settings.served_name, settings.model_id, *NAMELESS}:
        raise ApiError(
            404,
            f"This model is not here. This server has {settings.served_name}.",
            param="model",
            code="model_not_found",
        )


def _sampling(fields: OpenAIFields, tokens: int, *, logprobs: int | None) -> Sampling:
    return Sampling(
        max_new_tokens=tokens,
        temperature=fields.temperature,
        top_p=fields.top_p,
        top_k=fields.top_k,
        seed=fields.seed,
        logprobs=logprobs,
        ignore_eos=fields.ignore_eos,
    )


async def _answer(
    request: Request, fields: OpenAIFields, question: Question, pieces: Any, shape: shapes.Chat | shapes.Completion
) -> Response:
    if fields.stream:
        usage = fields.stream_options is not None and fields.stream_options.include_usage
        return EventStream(
            pieces, lambda read: shapes.chunks(shape, read, prompt=len(question.prompt), usage=usage), done=True
        )
    read = await read_whole(request, pieces)
    return JSONResponse(shape.whole(read, prompt=len(question.prompt)))
