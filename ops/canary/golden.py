"""Golden prompts: what a model's answers have to contain, asked of a canary and of the model beside it."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2
from pydantic import Field, TypeAdapter, ValidationError

from blueprint.settings.base import SettingsModel
from blueprint.text import TextError, load
from ops.endpoints.outcome import UnusableError


class Golden(SettingsModel):
    """One prompt, and what the answer to it has to contain."""

    prompt: str = Field(min_length=1)
    contains: str | None = Field(default=None, min_length=1)
    matches: str | None = Field(default=None, min_length=1)
    max_tokens: int = Field(default=256, ge=1)

    def passes(self, answer: str) -> bool:
        """Whether an answer is as it has to be."""
        return (self.contains is None or self.contains in answer) and (
            self.matches is None or re.search(self.matches, answer) is not None
        )


_LIST: TypeAdapter[list[Golden]] = TypeAdapter(list[Golden])


def read_golden(path: Path) -> Sequence[Golden]:
    """The prompts of a file. Raises UnusableError when it is none."""
    try:
        prompts = _LIST.validate_python(load(path.read_text()))
        for one in prompts:
            re.compile(one.matches or "")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "(top)"
        raise UnusableError(f"{path.name}: {where}: {first['msg'].lower()}. docs/canary.md shows a file.") from None
    except (OSError, UnicodeDecodeError, TextError, re.error) as error:
        raise UnusableError(f"{path.name} cannot be used: {error}.") from None
    useless = next((one.prompt for one in prompts if one.contains is None and one.matches is None), None)
    if useless is not None or not prompts:
        raise UnusableError(f"{path.name}: each prompt needs contains or matches. docs/canary.md shows a file.")
    return prompts


def spoiled(prompts: Sequence[Golden], *, canary: str, stable: str, model: str, key: str | None) -> Sequence[str]:
    """The prompts that the canary fails and the model passes. canary, stable: URLs of the two. model: its name.

    A prompt that the model itself fails says nothing about the canary.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx2.Client(headers=headers, timeout=120, trust_env=False) as http:
        return [
            one.prompt
            for one in prompts
            if one.passes(_answer(http, stable, one, model)) and not one.passes(_answer(http, canary, one, model))
        ]


def _answer(http: httpx2.Client, url: str, golden: Golden, model: str) -> str:
    """What is answered; empty where nothing is, which passes no prompt that wants something."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": golden.prompt}],
        "temperature": 0,
        "max_tokens": golden.max_tokens,
    }
    try:
        answer = http.post(f"{url}/v1/chat/completions", json=body)
        answer.raise_for_status()
        said: Any = json.loads(answer.text)["choices"][0]["message"]["content"]
    except (httpx2.HTTPError, ValueError, LookupError, TypeError):
        return ""
    return said if isinstance(said, str) else ""
