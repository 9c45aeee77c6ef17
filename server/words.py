"""The model's tokenizer, as the interfaces need it. Long texts are read beside the event loop."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import TemplateError

from server import log

LONG = 4_000  # characters: about a millisecond of tokenization, which is what a switch of threads may cost


def load_tokenizer(model_id: str, *, revision: str | None = None) -> Any:
    """The model's tokenizer. Raises what transformers raises."""
    # transformers imports torch wherever it is installed, which takes half a gigabyte: nothing here needs it.
    sys.modules.setdefault("torch", None)  # type: ignore[arg-type]  # None is how Python is told that there is none
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")  # that torch was not found
    from transformers import AutoTokenizer  # noqa: PLC0415 - after the above

    log.take_over_transformers()
    return AutoTokenizer.from_pretrained(model_id, revision=revision)


class PromptError(Exception):
    """The prompt cannot be made from what was given; says why, to who sent it."""


class Words:
    """Text to tokens and back."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._special = frozenset(tokenizer.all_special_ids)
        self.size = len(tokenizer)
        self.end: int | None = tokenizer.eos_token_id

    async def tokens(self, text: str) -> list[int]:
        """The tokens of a plain text, with those that the model wants around it."""
        if len(text) < LONG:
            return self._encode(text)
        return await asyncio.to_thread(self._encode, text)

    async def conversation(self, messages: Sequence[Mapping[str, str]]) -> tuple[str, list[int]]:
        """A conversation as the model's chat template writes it, and its tokens. Raises PromptError."""
        if not self._tokenizer.chat_template:
            raise PromptError("the model has no chat template: use /v1/completions")
        if sum(len(message["content"]) for message in messages) < LONG:
            return self._converse(messages)
        return await asyncio.to_thread(self._converse, messages)

    def text(self, tokens: Sequence[int]) -> str:
        """The text of tokens, without special ones."""
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def spelled(self, token: int) -> str:
        """One token alone, special or not."""
        return str(self._tokenizer.decode([token], clean_up_tokenization_spaces=False))

    def is_special(self, token: int) -> bool:
        """Whether it is no part of the text."""
        return token in self._special

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text))

    def _converse(self, messages: Sequence[Mapping[str, str]]) -> tuple[str, list[int]]:
        try:
            text = self._tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
        except TemplateError as error:
            raise PromptError(f"the model's chat template refuses the messages: {error}") from None
        return text, list(self._tokenizer.encode(text, add_special_tokens=False))
