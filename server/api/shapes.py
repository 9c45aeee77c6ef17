"""Answers as OpenAI's clients expect them."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from typing import Any

from server.answering import FinishReason, Piece, Said, Whole, openai_reason
from server.words import Words


def usage(prompt: int, completion: int) -> dict[str, int]:
    """Tokens, as the engine counted them."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


class Chat:
    """Answers of /v1/chat/completions."""

    def __init__(self, head: dict[str, Any], words: Words) -> None:
        self._head = head
        self._words = words

    def whole(self, answer: Whole, *, prompt: int) -> dict[str, Any]:
        """The answer in one."""
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": answer.text},
            "logprobs": self._logprobs(answer.said),
            "finish_reason": openai_reason(answer.finish),
        }
        used = usage(prompt, answer.tokens)
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": used}

    def first(self) -> Iterator[dict[str, Any]]:
        """What comes before the text."""
        yield self.chunk([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])

    def choice(self, piece: Piece) -> dict[str, Any]:
        """One piece."""
        return {
            "index": 0,
            "delta": {"content": piece.text} if piece.text or not piece.finish else {},
            "logprobs": self._logprobs(piece.said),
            "finish_reason": openai_reason(piece.finish),
        }

    def chunk(self, choices: Sequence[Any], **more: Any) -> dict[str, Any]:
        """One event."""
        return {**self._head, "object": "chat.completion.chunk", "choices": choices, **more}

    def _logprobs(self, said: Sequence[Said]) -> dict[str, Any] | None:
        told = [each for each in said if each.token.logprob is not None and not each.token.last]
        if not told:
            return None
        return {
            "content": [
                {
                    **self._spelled(each.token.id, each.token.logprob),
                    "top_logprobs": [self._spelled(*candidate) for candidate in each.token.likeliest],
                }
                for each in told
            ]
        }

    def _spelled(self, token: int, logprob: float | None) -> dict[str, Any]:
        text = self._words.spelled(token)
        return {"token": text, "logprob": finite(logprob), "bytes": list(text.encode())}


class Completion:
    """Answers of /v1/completions."""

    def __init__(self, head: dict[str, Any], words: Words) -> None:
        self._head = {**head, "object": "text_completion"}
        self._words = words
        self._offset = 0

    def whole(self, answer: Whole, *, prompt: int) -> dict[str, Any]:
        """The answer in one."""
        choice = self._choice(answer.text, answer.said, answer.finish)
        return {**self._head, "choices": [choice], "usage": usage(prompt, answer.tokens)}

    def first(self) -> Iterator[dict[str, Any]]:
        """Nothing comes before the text."""
        return iter(())

    def choice(self, piece: Piece) -> dict[str, Any]:
        """One piece."""
        return self._choice(piece.text, piece.said, piece.finish)

    def chunk(self, choices: Sequence[Any], **more: Any) -> dict[str, Any]:
        """One event."""
        return {**self._head, "choices": choices, **more}

    def _choice(self, text: str, said: Sequence[Said], finish: FinishReason | None) -> dict[str, Any]:
        return {"index": 0, "text": text, "logprobs": self._logprobs(said), "finish_reason": openai_reason(finish)}

    def _logprobs(self, said: Sequence[Said]) -> dict[str, Any] | None:
        told = [each for each in said if each.token.logprob is not None and not each.token.last]
        if not told:
            return None
        spelled = self._words.spelled
        offsets = []
        for each in told:
            offsets.append(self._offset)
            self._offset += len(each.text)
        return {
            "tokens": [spelled(each.token.id) for each in told],
            "token_logprobs": [finite(each.token.logprob) for each in told],
            "top_logprobs": [
                {spelled(token): finite(logprob) for token, logprob in each.token.likeliest} for each in told
            ],
            "text_offset": offsets,
        }


async def chunks(
    shape: Chat | Completion, pieces: AsyncIterator[Piece], *, prompt: int, usage: bool
) -> AsyncGenerator[dict[str, Any], None]:
    """The events of a stream."""
    made = 0
    more: dict[str, Any] = {"usage": None} if usage else {}
    for event in shape.first():
        yield {**event, **more}
    async for piece in pieces:
        made += len(piece.said)
        # What is kept back makes no event of its own, unless its probabilities are asked for.
        if piece.text or piece.finish or any(each.token.logprob is not None for each in piece.said):
            yield shape.chunk([shape.choice(piece)], **more)
    if usage:
        yield shape.chunk([], usage=_usage(prompt, made))


_usage = usage


def finite(logprob: float | None) -> float | None:
    """A probability of zero has no logarithm that JSON could tell."""
    return None if logprob is None else max(logprob, -9999.0)
