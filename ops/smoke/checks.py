"""What is checked of a model: each check asks once, and says what is wrong."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx2

from endpoints.errors import redacted
from ops.smoke.subject import Subject

PROMPT = "Reply with one short sentence."
_TOKENS = 16
"""Enough for an answer, and for more than one piece of a stream."""
_STRUCTURED_PROMPT = "How many days has a week? Answer in JSON."
_STRUCTURED_TOKENS = 64
_SCHEMA = {
    "type": "object",
    "properties": {"days": {"type": "integer"}},
    "required": ["days"],
    "additionalProperties": False,
}
_KEY = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class FailedError(Exception):
    """A check failed; the message says how. final: another try would not end otherwise."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A model under test, a client of it, and how long an answer may take, in seconds."""

    subject: Subject
    client: httpx2.Client
    seconds: float

    def get(self, url: str) -> httpx2.Response:
        """A GET of what is inside. Raises FailedError for all but a 200."""
        headers = self.subject.inside_headers
        return self._checked(lambda: self.client.get(url, headers=headers, timeout=self.seconds))

    def post(self, url: str, body: Mapping[str, Any]) -> httpx2.Response:
        """A POST, whose answer is there in full. Raises FailedError for all but a 200."""
        return self._checked(
            lambda: self.client.post(url, json=body, headers=self.subject.headers, timeout=self.seconds)
        )

    def lines(self, url: str, body: Mapping[str, Any]) -> Iterator[str]:
        """The lines of an answer as they come. Raises FailedError for all but a 200, and when the connection breaks."""
        headers = self.subject.headers
        try:
            with self.client.stream("POST", url, json=body, headers=headers, timeout=self.seconds) as response:
                if response.status_code != HTTPStatus.OK:
                    response.read()
                    raise self._refused(response)
                yield from response.iter_lines()
        except httpx2.HTTPError as error:
            raise FailedError(_broken(error)) from None

    def _checked(self, send: Callable[[], httpx2.Response]) -> httpx2.Response:
        try:
            response = send()
        # Not chained: a cause holds the request, with the key in its headers.
        except httpx2.HTTPError as error:
            raise FailedError(_broken(error)) from None
        if response.status_code != HTTPStatus.OK:
            raise self._refused(response)
        return response

    def _refused(self, response: httpx2.Response) -> FailedError:
        said = self.shown(response.text)
        return FailedError(
            f"HTTP {response.status_code}{f': {said}' if said else ''}", final=response.status_code in _KEY
        )

    def shown(self, text: str) -> str:
        """A server's words for a message."""
        return redacted(text, tuple(self.subject.secrets), limit=200)


def health(asking: Asking) -> None:
    """It says that it is well."""
    asking.get(f"{asking.subject.inside}{asking.subject.health_path}")


def completion(asking: Asking) -> None:
    """It gives an answer, and the answer is not empty."""
    subject = asking.subject
    if subject.openai_url is None:
        answer = _json(asking.post(f"{subject.url}/", {"inputs": PROMPT}))
        if not answer:
            raise FailedError(f"HTTP 200 and nothing in it: {asking.shown(json.dumps(answer))}")
        return
    path, body = _question(asking, PROMPT, _TOKENS)
    text = _text(_choice(_json(asking.post(f"{subject.openai_url}{path}", body))))
    if not text.strip():
        raise FailedError("HTTP 200 with an empty answer")


def stream(asking: Asking) -> None:
    """It answers piece by piece, in more than one, to the end."""
    path, body = _question(asking, PROMPT, _TOKENS)
    body |= {"stream": True, "stream_options": {"include_usage": True}}
    pieces, text, finish, done = 0, "", None, False
    for line in asking.lines(f"{asking.subject.openai_url}{path}", body):
        if not line.startswith("data:"):
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            done = True
            break
        chunk = _parsed(data)
        if isinstance(chunk, dict) and "error" in chunk:
            raise FailedError(f"the stream ends with an error: {asking.shown(json.dumps(chunk['error']))}")
        if not isinstance(chunk, dict) or not chunk.get("choices"):
            continue  # the numbers of tokens
        choice = _choice(chunk)
        piece = _text(choice)
        pieces, text, finish = pieces + bool(piece), text + piece, choice.get("finish_reason") or finish
    if not done or finish is None:
        raise FailedError(
            f"the stream broke off after {pieces} pieces: no {'finish_reason' if done else 'data: [DONE]'}"
        )
    if not text.strip():
        raise FailedError("the stream ends without any text")
    if pieces < 2:  # noqa: PLR2004
        raise FailedError("the whole answer came in one piece: something on the way holds streams back")


def structured(asking: Asking) -> None:
    """Its answer keeps to the schema that the question names."""
    path, body = _question(asking, _STRUCTURED_PROMPT, _STRUCTURED_TOKENS)
    form = {"name": "week", "schema": _SCHEMA, "strict": True}
    body |= {"response_format": {"type": "json_schema", "json_schema": form}}
    text = _text(_choice(_json(asking.post(f"{asking.subject.openai_url}{path}", body))))
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    days = answer.get("days") if isinstance(answer, dict) and set(answer) == {"days"} else None
    if not isinstance(days, int) or isinstance(days, bool):
        raise FailedError(f"the answer does not keep to the schema: {asking.shown(text) or 'it is empty'}")


def metrics(asking: Asking) -> None:
    """It exposes the metrics that this project's rules, scalers and dashboards read."""
    subject = asking.subject
    if subject.metrics_url is None:  # not offered; see offered()
        return
    names = {
        line.split()[2] if line.startswith("# TYPE ") else line.partition("{")[0].partition(" ")[0]
        for line in asking.get(subject.metrics_url).text.splitlines()
        if line.startswith("# TYPE ") or (line and not line.startswith("#"))
    }
    missing = [name for name in subject.metrics if name not in names]
    if missing:
        raise FailedError(f"{len(missing)} of {len(subject.metrics)} metrics are missing: {', '.join(missing)}")


Check = Callable[[Asking], None]
CHECKS: Mapping[str, Check] = {
    "health": health,
    "completion": completion,
    "stream": stream,
    "structured": structured,
    "metrics": metrics,
}


def left_out(name: str, subject: Subject) -> str | None:
    """Why a check does not concern a model; None where it does."""
    if name == "stream" and subject.openai_url is None:
        return "its engine does not speak the OpenAI API"
    if name == "structured" and not subject.structured:
        return "not declared (smoke.structured)"
    if name == "metrics" and subject.metrics_url is None:
        return subject.unseen
    return None


def _question(asking: Asking, prompt: str, tokens: int) -> tuple[str, dict[str, Any]]:
    subject = asking.subject
    body: dict[str, Any] = {"model": subject.model or _listed(asking), "max_tokens": tokens, "temperature": 0}
    if subject.ask == "completion":
        return "/completions", {**body, "prompt": prompt}
    return "/chat/completions", {**body, "messages": [{"role": "user", "content": prompt}]}


def _listed(asking: Asking) -> str:
    listed = _json(asking.get(f"{asking.subject.openai_url}/models"))
    try:
        return str(listed["data"][0]["id"])
    except (KeyError, IndexError, TypeError):
        raise FailedError("it lists no model at /v1/models") from None


def _json(response: httpx2.Response) -> Any:
    return _parsed(response.text)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise FailedError("HTTP 200 with something that is no JSON") from None


def _choice(answer: Any) -> Mapping[str, Any]:
    try:
        choice = answer["choices"][0]
    except (KeyError, IndexError, TypeError):
        choice = None
    if not isinstance(choice, dict):
        raise FailedError("HTTP 200 with something that is no answer of the OpenAI API: it has no choices")
    return choice


def _text(choice: Mapping[str, Any]) -> str:
    """What was said, or thought: a model that reasons may spend all of a short answer on it."""
    said = choice.get("message") or choice.get("delta") or choice
    parts = (said.get(key) for key in ("content", "text", "reasoning_content", "reasoning"))
    return "".join(part for part in parts if isinstance(part, str))


def _broken(error: httpx2.HTTPError) -> str:
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
        return f"it cannot be reached ({type(error).__name__})"
    return f"the connection broke, or was silent for too long ({type(error).__name__})"
