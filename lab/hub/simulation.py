"""What a simulated model says: the same answer to the same question, and that it is simulated."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lab.hub import structured

DEFAULT_TOKENS = 128
_PREFACE = "This is a simulated answer of the lab; no model has read:"
_ECHOED = 24


@dataclass(frozen=True)
class Generated:
    """An answer: its words, each a token here, and why it ended."""

    words: Sequence[str]
    finish: Literal["stop", "length"]
    prompt_tokens: int

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.words)

    @property
    def usage(self) -> dict[str, int]:
        """Numbers of tokens; a token is a word here."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": len(self.words),
            "total_tokens": self.prompt_tokens + len(self.words),
        }


def generate(prompt: str, limit: int | None, stop: Sequence[str] = (), structure: str | None = None) -> Generated:
    """The answer to a prompt: that it is simulated, then the prompt's last words; or the JSON that it has to be."""
    asked = prompt.split()
    words = [*_PREFACE.split(), *asked[-_ECHOED:]] if structure is None else structure.split(" ")
    pieces = [word if index == 0 else f" {word}" for index, word in enumerate(words)]
    finish: Literal["stop", "length"] = "stop"
    for index in range(len(pieces)):
        if any(text and text in "".join(pieces[: index + 1]) for text in stop):
            pieces = pieces[:index]
            break
    most = DEFAULT_TOKENS if limit is None else limit
    if len(pieces) > most:
        pieces, finish = pieces[:most], "length"
    return Generated(pieces, finish, len(asked))


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a request to an OpenAI route asks.

    kind: `chat` or `text`. usage: whether a stream ends with the numbers of tokens.
    structure: the JSON that the answer has to be, if any.
    """

    kind: str
    prompt: str
    limit: int | None
    stop: Sequence[str]
    stream: bool
    usage: bool
    structure: str | None = None

    def answer(self) -> Generated:
        """The answer."""
        return generate(self.prompt, self.limit, self.stop, self.structure)


def question(kind: str, body: Mapping[str, Any]) -> Question:
    """What a body asks. Raises ValueError, whose words are for the caller."""
    wanted = "messages" if kind == "chat" else "prompt"
    asked = body.get(wanted)
    if not asked or (kind == "chat" and not isinstance(asked, list)):
        raise ValueError(f"{wanted}: Field required")
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if not is_count(limit):
        raise ValueError("max_tokens must be at least 1")
    return Question(
        kind=kind,
        prompt=prompt_of(asked) if kind == "chat" else _joined(asked),
        limit=limit,
        stop=stops(body.get("stop")),
        stream=bool(body.get("stream")),
        usage=bool(mapping(body, "stream_options").get("include_usage")),
        structure=structured.wanted(body),
    )


def stops(given: Any) -> list[str]:
    """The texts that end an answer. Raises ValueError."""
    if given is not None and not isinstance(given, str | list):
        raise ValueError("stop: expected text, or a list of texts")
    return [given] if isinstance(given, str) else [str(item) for item in given or []]


def mapping(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of a body that is an object, or is not there. Raises ValueError."""
    value = body.get(name)
    if value is not None and not isinstance(value, Mapping):
        raise ValueError(f"{name}: expected an object")
    return value or {}


def is_count(limit: Any) -> bool:
    """Whether a number of tokens is one, or is not given."""
    return limit is None or (isinstance(limit, int) and not isinstance(limit, bool) and limit >= 1)


def _joined(prompt: Any) -> str:
    return "\n".join(str(item) for item in prompt) if isinstance(prompt, list) else str(prompt)


def identifier(prefix: str, body: Mapping[str, Any]) -> str:
    """The identifier of an answer, the same for the same question."""
    return prefix + hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:24]


def prompt_of(messages: Sequence[Any]) -> str:
    """The text of a conversation."""
    texts: list[str] = []
    for message in messages:
        content = message.get("content") if isinstance(message, Mapping) else None
        if isinstance(content, str):
            texts.append(content)
        elif isinstance(content, list):
            texts += [str(part.get("text", "")) for part in content if isinstance(part, Mapping)]
    return "\n".join(texts)


def vector(text: str, size: int = 8) -> list[float]:
    """The simulated embedding of a text."""
    digest = hashlib.sha256(text.encode()).digest()
    return [round(byte / 127.5 - 1, 4) for byte in digest[:size]]


def completion(answer: Generated, *, kind: str, name: str, created: int, model: str) -> dict[str, Any]:
    """An OpenAI answer in one piece; kind is `chat` or `text`."""
    choice: dict[str, Any] = {"index": 0, "logprobs": None, "finish_reason": answer.finish}
    if kind == "chat":
        choice["message"] = {"role": "assistant", "content": answer.text}
    else:
        choice["text"] = answer.text
    return {
        "id": name,
        "object": "chat.completion" if kind == "chat" else "text_completion",
        "created": created,
        "model": model,
        "choices": [choice],
        "usage": answer.usage,
    }


def completion_chunks(
    answer: Generated, *, kind: str, name: str, created: int, model: str, usage: bool
) -> Iterator[str]:
    """An OpenAI answer as the data of server-sent events, one per word."""
    head = {
        "id": name,
        "object": "chat.completion.chunk" if kind == "chat" else "text_completion",
        "created": created,
        "model": model,
    }
    extra: dict[str, Any] = {"usage": None} if usage else {}

    def chunk(piece: str | None, finish: str | None, role: str | None = None) -> str:
        choice: dict[str, Any] = {"index": 0, "logprobs": None, "finish_reason": finish}
        if kind == "chat":
            choice["delta"] = ({"role": role} if role else {}) | ({} if piece is None else {"content": piece})
        else:
            choice["text"] = piece or ""
        return json.dumps({**head, "choices": [choice], **extra})

    if kind == "chat":
        yield chunk("", None, "assistant")
    for word in answer.words:
        yield chunk(word, None)
    yield chunk(None, answer.finish)
    if usage:
        yield json.dumps({**head, "choices": [], "usage": answer.usage})
    yield "[DONE]"


def generation(answer: Generated, *, details: bool) -> dict[str, Any]:
    """A TGI answer in one piece."""
    body: dict[str, Any] = {"generated_text": answer.text}
    if details:
        body["details"] = _details(answer) | {"prefill": [], "seed": None, "tokens": _tokens(answer)}
    return body


def generation_events(answer: Generated) -> Iterator[str]:
    """A TGI answer as the data of server-sent events, one per token; the last one has the whole text."""
    tokens = _tokens(answer)
    for index, token in enumerate(tokens):
        last = index == len(tokens) - 1
        yield json.dumps(
            {
                "index": index + 1,
                "token": token,
                "generated_text": answer.text if last else None,
                "details": {**_details(answer), "input_length": answer.prompt_tokens} if last else None,
            }
        )


def _details(answer: Generated) -> dict[str, Any]:
    finish = "eos_token" if answer.finish == "stop" else "length"
    return {"finish_reason": finish, "generated_tokens": len(answer.words), "seed": None}


def _tokens(answer: Generated) -> list[dict[str, Any]]:
    return [
        {"id": index + 1, "text": word, "logprob": -0.1, "special": False} for index, word in enumerate(answer.words)
    ]
