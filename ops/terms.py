"""A model's terms: its licence, by the card with which its README begins, and whether it is gated.

Keys and identifiers: https://huggingface.co/docs/hub/model-cards and https://huggingface.co/docs/hub/repositories-licenses.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from blueprint.locks import Licence, ModelPin
from blueprint.text import TextError, load

CARD = "README.md"

OTHER = "other"

_LARGEST_CARD = 2**20
_TAG = "license:"
_LICENCE: TypeAdapter[str] = TypeAdapter(Licence)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """licence, licence_name: as in the lock. gated: None where the source cannot tell."""

    licence: str | None = None
    licence_name: str | None = None
    gated: bool | None = None

    @classmethod
    def of_pin(cls, pin: ModelPin) -> "Terms":
        """What the lock says."""
        return cls(licence=pin.licence, licence_name=pin.licence_name, gated=pin.gated)

    @property
    def called(self) -> str | None:
        """The licence in words."""
        return f"{self.licence} ({self.licence_name})" if self.licence_name else self.licence


def terms_of(card: Mapping[str, Any], tags: Iterable[Any] = (), *, gated: bool | None = None) -> Terms:
    """The terms by a card. tags: the Hub's, where a licence stands as `license:NAME`, too.

    What is no identifier of a licence, or several, is left out.
    """
    tagged = [tag.removeprefix(_TAG) for tag in tags if isinstance(tag, str) and tag.startswith(_TAG)]
    given = card.get("license") or tagged
    if isinstance(given, list) and len(given) == 1:
        (given,) = given
    licence = _identifier(given)
    name = _identifier(card.get("license_name")) if licence == OTHER else None
    return Terms(licence=licence, licence_name=name, gated=gated)


def terms_of_readme(text: bytes) -> Terms | None:
    """The terms by a README; None where it does not begin with a card."""
    lines = text[:_LARGEST_CARD].decode(errors="replace").splitlines()
    if not lines or lines[0].strip() != "---":
        return None
    end = next((number for number, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
    try:
        card = load("\n".join(lines[1:end])) if end else None
    except TextError:
        return None
    return terms_of(card) if isinstance(card, dict) else None


def _identifier(value: object) -> str | None:
    try:
        return _LICENCE.validate_python(value, strict=True)
    except ValidationError:
        return None


def changed_terms(before: Terms, now: Terms) -> Iterable[str]:
    """What is new about the terms, a clause each."""
    if before.called is None and now.called is not None:
        yield f"licence {now.called}"
    elif before.called is not None and now.called is None:
        yield f"licence was {before.called}, and the source names none"
    elif before.called != now.called:
        yield f"licence changed from {before.called} to {now.called}"
    if now.gated and not before.gated:
        yield "gated: only a token of an account that accepted its terms reads it"
    elif before.gated and not now.gated:
        yield "no longer gated"
