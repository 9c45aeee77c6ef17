"""`llm chat`: talk to a model through the OpenAI client, each word as it comes."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click
import httpx2

from ops.asking.answers import (
    Answer,
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
from ops.asking.targets import Target, is_loopback
from ops.endpoints.outcome import NotSoError, UnusableError

if TYPE_CHECKING:
    from openai import OpenAI

Message = dict[str, Any]


@click.command("chat")
@click.argument("model")
@click.argument("prompt", required=False)
@click.option("--system", help="What the model is told before the conversation.")
@click.option("--model-name", help="The model's name at its server. [default: the stack's, or what the server lists]")
@answer_options
def command(model: str, prompt: str | None, system: str | None, model_name: str | None, **given: Any) -> None:
    """Ask MODEL, and print its answer as it comes.

    PROMPT is the question; without it the question is read from a pipe, and on a terminal a conversation begins, which
    Ctrl-D ends. An endpoint that sleeps is woken, which costs money from then on.
    """
    options = Options(**given)
    question = prompt_of(prompt)
    if question is None and options.as_json:
        raise click.UsageError("--json needs PROMPT, or a pipe.")
    with options.target(model) as target:
        if target.openai_url is None:
            raise UnusableError(
                f"{target.name} does not speak the OpenAI API: its engine is {target.engine}. `llm generate` may "
                "reach it."
            )
        with _http(target, options.timeout) as http:
            conversation = _Conversation(target, _client(target, http), model_name, options)
            history: list[Message] = [{"role": "system", "content": system}] if system else []
            if question is None:
                _converse(conversation, history)
                return
            answer = conversation.ask([*history, _user(question)], quiet=options.as_json)
            if options.as_json:
                click.echo(answer.as_json(model))


def _converse(conversation: "_Conversation", history: list[Message]) -> None:
    """Question after question, until the end of the input. A question that failed is forgotten."""
    while True:
        click.echo("> ", nl=False, err=True)
        line = sys.stdin.readline()
        if not line:
            click.echo(err=True)
            return
        if not line.strip():
            continue
        asked = [*history, _user(line.strip())]
        try:
            answer = conversation.ask(asked)
        except NotSoError as error:
            click.echo()
            error.show()
            continue
        history[:] = [*asked, {"role": "assistant", "content": answer.text}]


@dataclass
class _Conversation:
    """A model, and how it is asked."""

    target: Target
    client: "OpenAI"
    model_name: str | None
    options: Options

    def ask(self, messages: Sequence[Message], *, quiet: bool = False) -> Answer:
        """The answer, shown as it comes unless quiet."""
        show = (lambda _: None) if quiet else print_piece
        answer = ask(self.target, self.options.timeout, partial(self._pieces, messages), show)
        if not quiet:
            end(answer)
        return answer

    def _pieces(self, messages: Sequence[Message], seconds: float) -> Iterator[Piece]:
        import openai  # noqa: PLC0415  it takes half a second, which --help need not

        call: dict[str, Any] = {
            "extra_headers": headers(self.target, seconds),
            "timeout": patience(self.target, seconds),
        }
        try:
            self.model_name = self.model_name or self.target.model or self._listed(call)
            stream = self.client.chat.completions.create(  # type: ignore[call-overload]
                model=self.model_name,
                messages=list(messages),
                stream=True,
                stream_options={"include_usage": True},
                **self.options.settings(max_tokens="max_tokens", temperature="temperature"),
                **call,
            )
            with stream:
                for chunk in stream:
                    yield _piece(chunk)
        # Not chained: a cause holds the request, with the token in its headers.
        except openai.APIStatusError as error:
            raise refusal(self.target, error.response) from None
        except openai.APIConnectionError as error:
            cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
            raise broken(self.target, cause, seconds) from None
        except httpx2.HTTPError as error:
            raise broken(self.target, error, seconds) from None
        except (openai.OpenAIError, ValueError, TypeError, AttributeError) as error:
            said = shown(self.target, str(error)) if isinstance(error, openai.APIError) else type(error).__name__
            raise NotSoError(f"{self.target.name}: its answer is no answer of the OpenAI API: {said}.") from None

    def _listed(self, call: dict[str, Any]) -> str:
        names = [str(model.id) for model in self.client.models.list(**call).data]
        if self.target.name in names:
            return self.target.name
        if len(names) == 1:
            return names[0]
        there = shown(self.target, ", ".join(names)) or "none"
        raise NotSoError(f"{self.target.name}: its server lists these models: {there}. --model-name chooses one.")


def _piece(chunk: Any) -> Piece:
    usage = chunk.usage and {
        "prompt_tokens": chunk.usage.prompt_tokens,
        "completion_tokens": chunk.usage.completion_tokens,
        "total_tokens": chunk.usage.total_tokens,
    }
    if not chunk.choices:
        return Piece(usage=usage)
    choice = chunk.choices[0]
    return Piece(text=choice.delta.content or "", usage=usage, finish=choice.finish_reason)


def _user(text: str) -> Message:
    return {"role": "user", "content": text}


def _http(target: Target, seconds: float) -> httpx2.Client:
    """Sends what the OpenAI client asks with our token, or none, whatever its own environment variables say."""

    def own(request: httpx2.Request) -> None:
        for name in ("authorization", "openai-organization", "openai-project"):
            request.headers.pop(name, None)
        if target.token:
            request.headers["authorization"] = f"Bearer {target.token}"

    # Redirects would take the question to wherever an answer says, a proxy a call to this machine away from it.
    return httpx2.Client(
        event_hooks={"request": [own]},
        follow_redirects=False,
        trust_env=not is_loopback(target.url),
        timeout=patience(target, seconds),
    )


def _client(target: Target, http: httpx2.Client) -> "OpenAI":
    from openai import OpenAI  # noqa: PLC0415  it takes half a second, which --help need not

    # The key is never sent: see _http. Calls are repeated here, since only we know who sleeps.
    return OpenAI(base_url=target.openai_url, api_key="-", max_retries=0, http_client=http)
