"""What is wrong with a description: where, what was given, why it cannot be, what would work."""

import re
import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

KeyPath = tuple[str, ...]
"""Keys from the top of the project's configuration down to a value: ``("models", "llama-8b", "scaling", "min")``."""

# User access tokens and organisation tokens of the Hugging Face Hub.
_TOKEN = re.compile(r"(hf|api_org)_[A-Za-z0-9]{16,}")


_SECRET_NAME = re.compile(r"(^|_)(KEY|TOKEN|PASSWORD|SECRET)$")


def mask(text: str) -> str:
    """The text without what looks like a Hugging Face token: a token in the wrong place must not reach a log."""
    return _TOKEN.sub(r"\1_***", text)


def looks_like_token(text: str) -> bool:
    """Whether a text holds what looks like a Hugging Face token."""
    return _TOKEN.search(text) is not None


def names_a_secret(variable: str, text: str) -> bool:
    """Whether a variable, by its name or by what it holds, seems to be a key, a token or a password."""
    return _SECRET_NAME.search(variable.upper()) is not None or looks_like_token(text)


def shown(value: Any) -> str:
    """A value as a message shows it: short, on one line, without tokens."""
    return _GIVEN.repr(value)


class _Given(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 2, 100, 60

    def repr_str(self, x: str, level: int) -> str:
        # Before it is shortened, which would leave half of a token.
        return super().repr_str(mask(x), level)

    def repr_int(self, x: int, level: int) -> str:
        try:
            return super().repr_int(x, level)
        except ValueError:
            # Python refuses to write it out.
            return "a number of thousands of digits"


_GIVEN = _Given()


@dataclass(frozen=True, kw_only=True)
class Issue:
    """One mistake.

    path: the key that is wrong.
    problem: what was given and why it cannot be, as one clause or sentence.
    remedy: what would work, as a sentence.
    reads: further keys that the judgement rests on; when one of them is itself refused, this issue is not raised,
        because it would judge a value that nobody wrote.
    """

    path: KeyPath
    problem: str
    remedy: str
    reads: tuple[KeyPath, ...] = ()

    def render(self, source: str) -> str:
        """One line for people: ``Pulumi.dev.yaml: models.m.scaling.min: 3 is above max 2. Use ...``."""
        where = ".".join(part if part.isprintable() else repr(part) for part in self.path) or "(top)"
        return mask(f"{source}: {where}: {self.problem.rstrip('.')}. {self.remedy}")


class DescriptionError(Exception):
    """A description was refused. Carries every issue that was found, not only the first."""

    def __init__(self, source: str, issues: Iterable[Issue]):
        self.source = source
        self.issues: Sequence[Issue] = sorted(issues, key=lambda issue: (issue.path, issue.problem))
        count = len(self.issues)
        head = f"{source} is refused: {count} mistake{'s' if count != 1 else ''}, nothing was touched."
        super().__init__("\n".join([head, *(f"  {issue.render(source)}" for issue in self.issues)]))
