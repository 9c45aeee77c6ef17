"""`llm generate`: let a model go on with a text, through huggingface_hub's InferenceClient."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import click
import httpx2

from ops.asking.answers import (
    Options,
    Piece,
    answer_options,
    ask,
    broken,
    end,
    headers,
    patience,
    print_piece,
    prompt_of,
    refusal,
    shown,
)
from ops.asking.targets import Target
from ops.endpoints.outcome import NotSoError, UnusableError

_WITHOUT = ("vLLM", "sGLang", "llamacpp")
"""Engines that answer as the OpenAI API does, and have no route that InferenceClient.text_generation calls."""
_FINISHED = {"eos_token": "stop", "stop_sequence": "stop", "length": "length"}


@click.command("generate")
@click.argument("model")
@click.argument("prompt", required=False)
@click.option("--stream/--no-stream", default=True, help="Print each word as it comes, or the whole at once.")
@answer_options
def command(model: str, prompt: str | None, stream: bool, **given: Any) -> None:
    """Let MODEL go on with PROMPT, or with what stands in a pipe.

    For engines that generate text as Hugging Face's Text Generation Inference does: tgi, huggingface, custom. The
    others are asked with `llm chat`. (What is generated from the settings is written by `llm schema`.)
    """
    options = Options(**given)
    question = prompt_of(prompt)
    if question is None:
        raise click.UsageError("PROMPT is missing: give it, or write it into a pipe.")
    settings = options.settings(max_tokens="max_new_tokens", temperature="temperature")
    show = print_piece if stream and not options.as_json else (lambda _: None)
    with options.target(model) as target:
        if target.engine in _WITHOUT:
            raise UnusableError(
                f"{target.name} runs {target.engine}, which has no such route. Ask it with `llm chat {model}`."
            )
        answer = ask(target, options.timeout, partial(_pieces, target, question, settings, stream), show)
    if options.as_json:
        click.echo(answer.as_json(model))
        return
    if not stream:
        print_piece(answer.text)
    end(answer)


def _pieces(target: Target, prompt: str, settings: dict[str, Any], stream: bool, seconds: float) -> Iterator[Piece]:
    # They take half a second, which --help need not.
    from huggingface_hub import InferenceClient  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError, TextGenerationError  # noqa: PLC0415

    from endpoints.session import Destination, destined  # noqa: PLC0415

    allowed = patience(target, seconds)
    # None takes the header away: without a token the library would send one that it finds on this machine.
    own: dict[str, Any] = {"authorization": f"Bearer {target.token}" if target.token else None}
    client = InferenceClient(
        model=target.url,
        token="-",  # noqa: S106  never sent
        timeout=allowed.read,
        headers={**headers(target, seconds), **own},
    )
    try:
        with client, destined(Destination(target.url, seconds=allowed.read or seconds)):
            answer = client.text_generation(prompt, details=True, stream=stream, **settings)
            if stream:
                yield from _streamed(target, answer)
            else:
                yield _whole(answer)
    # Not chained: a cause holds the request, with the token in its headers.
    except HfHubHTTPError as error:
        raise refusal(target, error.response) from None
    except TextGenerationError as error:
        raise NotSoError(f"{target.name}: {shown(target, str(error))}") from None
    except (httpx2.HTTPError, TimeoutError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, httpx2.HTTPError) else error
        raise broken(target, cause, seconds) from None
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise NotSoError(f"{target.name}: its answer is no generated text ({type(error).__name__}).") from None


def _streamed(target: Target, answer: Any) -> Iterator[Piece]:
    empty = True
    for event in answer:
        empty = False
        yield Piece(text="" if event.token.special else event.token.text, **_end(event.details))
    if empty:
        raise NotSoError(f"{target.name}: its server does not stream. Use --no-stream.")


def _whole(answer: Any) -> Piece:
    if not isinstance(answer.generated_text, str):
        raise TypeError
    return Piece(text=answer.generated_text, **{"finish": "stop", **_end(answer.details)})


def _end(details: Any) -> dict[str, Any]:
    if details is None:
        return {}
    asked, made = getattr(details, "input_length", None), details.generated_tokens
    usage = {"prompt_tokens": asked, "completion_tokens": made, "total_tokens": asked and asked + made}
    return {"usage": usage, "finish": _FINISHED.get(details.finish_reason, str(details.finish_reason))}
