"""TGI's interface, and the plain form of POST /generate. A stop string is part of the answer here, as TGI has it."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from server.answering import FinishReason, Piece, Question, Said, Whole
from server.api.errors import ApiError
from server.api.fields import GenerateFields, PromptFields, TGIFields, TGIParameters
from server.api.openai import REFUSALS, STREAMED
from server.api.shapes import finite
from server.api.streaming import EventStream, read_whole
from server.generation import Sampling
from server.service import Service
from server.words import Words

FINISH: dict[FinishReason, str] = {"eos": "eos_token", "length": "length", "stop": "stop_sequence"}


def router(service: Service) -> APIRouter:
    """The routes."""
    routes = APIRouter(responses=REFUSALS, max_body_size=service.settings.max_body_bytes)

    @routes.post("/generate")
    async def generate(fields: GenerateFields, request: Request) -> Response:
        if isinstance(fields, PromptFields):
            prompt = await service.words.tokens(fields.prompt)
            question = Question(
                prompt=prompt,
                sampling=Sampling(
                    max_new_tokens=service.fit(prompt, fields.max_new_tokens, param="max_new_tokens"),
                    temperature=fields.temperature,
                    top_p=fields.top_p,
                    top_k=fields.top_k,
                    seed=fields.seed,
                ),
                stops=fields.stop,
                keep_stop=True,
                text=fields.prompt,
            )
            answer = await _read(service, question, request)
            return JSONResponse({"generated_text": answer.text})
        if fields.stream:
            raise ApiError(400, "Streams are at /generate_stream.", param="stream", code="unsupported_parameter")
        return JSONResponse(await _whole(service, fields, request))

    @routes.post("/generate_stream", responses=STREAMED)
    async def generate_stream(fields: TGIFields, request: Request) -> Response:
        return await _stream(service, fields, request)

    @routes.post("/", responses=STREAMED)
    async def either(fields: TGIFields, request: Request) -> Response:
        if fields.stream:
            return await _stream(service, fields, request)
        return JSONResponse([await _whole(service, fields, request)])

    return routes


async def _question(service: Service, fields: TGIFields, *, logprobs: bool) -> Question:
    asked = fields.parameters
    prompt = await service.words.tokens(fields.inputs)
    if asked.truncate is not None:
        prompt = prompt[-asked.truncate :]
    tokens = service.fit(prompt, asked.max_new_tokens, param="max_new_tokens")
    return Question(
        prompt=prompt,
        sampling=_sampling(asked, tokens, logprobs=logprobs),
        stops=asked.stop,
        keep_stop=True,
        text=fields.inputs,
    )


async def _read(service: Service, question: Question, request: Request) -> Whole:
    return await read_whole(request, service.ask(request, "text_completion", question))


async def _whole(service: Service, fields: TGIFields, request: Request) -> dict[str, Any]:
    asked = fields.parameters
    words = service.words
    answer = await _read(service, await _question(service, fields, logprobs=asked.details), request)
    text = fields.inputs + answer.text if asked.return_full_text else answer.text
    if not asked.details:
        return {"generated_text": text}
    said = [*answer.said[:-1], _completed(answer.said[-1], answer.text, answer.said)]
    details = {
        "finish_reason": FINISH[answer.finish],
        "generated_tokens": answer.tokens,
        "seed": asked.seed,
        "prefill": [],
        "tokens": [_token(each, words) for each in said],
    }
    if asked.top_n_tokens:
        details["top_tokens"] = [_likeliest(each, words) for each in said]
    return {"generated_text": text, "details": details}


async def _stream(service: Service, fields: TGIFields, request: Request) -> Response:
    words = service.words
    question = await _question(service, fields, logprobs=True)
    pieces = service.ask(request, "text_completion", question)
    return EventStream(pieces, lambda read: _events(read, fields, question, words), done=False)


async def _events(
    pieces: AsyncIterator[Piece], fields: TGIFields, question: Question, words: Words
) -> AsyncGenerator[dict[str, Any], None]:
    """One event for each token; the last one also has the whole text."""
    index = 0
    text = fields.inputs if fields.parameters.return_full_text else ""
    held: Said | None = None  # the last token waits for what the end adds to it
    async for piece in pieces:
        text += piece.text
        for each in piece.said:
            if held is not None:
                index += 1
                yield _event(index, held, fields.parameters, words)
            held = each
        if piece.finish and held is not None:
            index += 1
            last = _completed(held, piece.text, piece.said)
            details = {
                "finish_reason": FINISH[piece.finish],
                "generated_tokens": index,
                "input_length": len(question.prompt),
                "seed": fields.parameters.seed,
            }
            yield _event(index, last, fields.parameters, words) | {"generated_text": text, "details": details}


def _completed(last: Said, text: str, said: Sequence[Said]) -> Said:
    """The last token with what was kept back of it and before it: bytes that became no character."""
    return Said(token=last.token, text=last.text + text[sum(len(each.text) for each in said) :])


def _event(index: int, said: Said, asked: TGIParameters, words: Words) -> dict[str, Any]:
    event = {"index": index, "token": _token(said, words), "generated_text": None, "details": None}
    return event | ({"top_tokens": _likeliest(said, words)} if asked.top_n_tokens else {})


def _token(said: Said, words: Words) -> dict[str, Any]:
    token = said.token
    return {
        "id": token.id,
        "text": said.text,
        "logprob": finite(token.logprob),
        "special": words.is_special(token.id),
    }


def _likeliest(said: Said, words: Words) -> list[dict[str, Any]]:
    return [
        {"id": token, "text": words.spelled(token), "logprob": finite(logprob), "special": words.is_special(token)}
        for token, logprob in said.token.likeliest
    ]


def _sampling(asked: TGIParameters, tokens: int, *, logprobs: bool) -> Sampling:
    draws = asked.do_sample or any(value is not None for value in (asked.temperature, asked.top_k, asked.top_p))
    return Sampling(
        max_new_tokens=tokens,
        temperature=(asked.temperature or 1) if draws else 0,
        top_p=asked.top_p or 1,
        top_k=asked.top_k or 0,
        seed=asked.seed,
        logprobs=asked.top_n_tokens if logprobs else None,
    )
