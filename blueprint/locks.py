"""The lock files: which commit a model's revision means, which digest an image's tag means, and how that is known."""

import datetime
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from blueprint.issues import DescriptionError, Issue, shown
from blueprint.sizing.facts import ModelFacts
from blueprint.text import TextError, load

MODELS_LOCK = "models.lock.yaml"
IMAGES_LOCK = "images.lock.yaml"

CommitSha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Licence = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=100)]


class _LockModel(BaseModel):
    # Built at first use: a command that reads no lock does not pay for it.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Known(_LockModel):
    """How a pin came to be known.

    resolved: asked from source (a hub, mirror, registry or directory) on a day.
    published: read at source, where somebody published it, on a day.
    unresolved: not known; deploys to the lab only.
    """

    how: Literal["resolved", "published", "unresolved"]
    source: str | None = Field(default=None, min_length=1)
    date: datetime.date | None = None

    @model_validator(mode="after")
    def _resolved_has_a_source(self) -> Self:
        if self.how != "unresolved" and (self.source is None or self.date is None):
            raise ValueError(f"how: {self.how} needs source (where it was read) and date (the day)")
        return self


UNRESOLVED = Known(how="unresolved")


class ModelPin(_LockModel):
    """The commit that a repository's revision stands for.

    licence: its identifier at the Hub, such as apache-2.0; None where it was not read, or its card says none.
    licence_name: the card's name of a licence that the Hub calls other.
    gated: the Hub gives the files to accounts that accepted its terms; None where it does not, or was not asked.
    facts: what sizing needs of the model at that commit; None where they were not read, or its kind is not known.
    """

    sha: CommitSha | None = None
    known: Known = UNRESOLVED
    licence: Licence | None = None
    licence_name: Licence | None = None
    gated: Literal[True] | None = None
    facts: ModelFacts | None = None

    @model_validator(mode="after")
    def _sha_when_known(self) -> Self:
        if (self.sha is None) != (self.known.how == "unresolved"):
            raise ValueError("sha is given exactly when known.how is resolved or published")
        return self


class ImagePin(_LockModel):
    """The digest that an image's tag stands for."""

    digest: Digest | None = None
    known: Known = UNRESOLVED

    @model_validator(mode="after")
    def _digest_when_known(self) -> Self:
        if (self.digest is None) != (self.known.how == "unresolved"):
            raise ValueError("digest is given exactly when known.how is resolved or published")
        return self


class ModelsLock(_LockModel):
    """models.lock.yaml: pins by ``repository@revision``."""

    version: Literal[1] = 1
    models: Mapping[str, ModelPin] = Field(default_factory=dict)

    def pin(self, repository: str, revision: str) -> ModelPin:
        """The pin of a revision; an unresolved one when the lock does not name it."""
        return self.models.get(f"{repository}@{revision}", ModelPin())


class ImagesLock(_LockModel):
    """images.lock.yaml: pins by ``registry/repository:tag``."""

    version: Literal[1] = 1
    images: Mapping[str, ImagePin] = Field(default_factory=dict)

    def pin(self, image: str) -> ImagePin:
        """The pin of a tag; an unresolved one when the lock does not name it."""
        return self.images.get(image, ImagePin())


def read_models_lock(text: str) -> ModelsLock:
    """Parse models.lock.yaml.

    Raises DescriptionError when it is not YAML or not of the lock's schema.
    """
    return _read(ModelsLock, MODELS_LOCK, text)


def read_images_lock(text: str) -> ImagesLock:
    """Parse images.lock.yaml.

    Raises DescriptionError when it is not YAML or not of the lock's schema.
    """
    return _read(ImagesLock, IMAGES_LOCK, text)


Lock = TypeVar("Lock", bound=_LockModel)


def _read(kind: type[Lock], source: str, text: str) -> Lock:
    try:
        return kind.model_validate(load(text) or {})
    except TextError as error:
        issue = Issue(path=(), problem=str(error), remedy="Restore it from version control.")
        raise DescriptionError(source, [issue]) from None
    except ValidationError as error:
        raise DescriptionError(source, [_lock_issue(detail) for detail in error.errors()]) from None


def _lock_issue(detail: Mapping[str, Any]) -> Issue:
    problem = {
        "extra_forbidden": "unknown key",
        # What one of our own checks says of a whole entry.
        "value_error": detail["msg"].removeprefix("Value error, "),
    }.get(detail["type"], f"{shown(detail['input'])} does not fit: {detail['msg'].lower()}")
    return Issue(
        path=tuple(str(part) for part in detail["loc"]),
        problem=problem,
        remedy="Lock files are written by `llm lock`; restore it from version control, or run that again.",
    )
