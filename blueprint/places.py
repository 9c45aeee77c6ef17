"""Where a mistake stands in a stack file: pydantic's locations, as the keys that a person wrote."""

import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from blueprint.issues import KeyPath
from blueprint.settings import Settings
from blueprint.settings.base import tag_of


@dataclass(frozen=True)
class Place:
    """Where pydantic's location points: the keys that a person wrote, and what is known about the last of them.

    allowed: the keys that may stand there.
    about: what the value means; form: how it is written.
    tags: where one of several mappings may stand, the words that tell which.
    field: its field, when it is the key of a model.
    """

    path: KeyPath
    allowed: Sequence[str]
    about: str
    form: str
    tags: str
    field: FieldInfo | None


def locate(location: Sequence[int | str]) -> Place:
    """Follow a location through the models, leaving out what pydantic adds (union tags, key markers)."""
    path: list[str] = []
    current: Any = Settings
    container: Any = None
    field: FieldInfo | None = None
    about = form = ""
    allowed: Sequence[str] = ()
    for part in location:
        # Behind the key of a mapping it is pydantic's mark; elsewhere somebody wrote such a key.
        if part == "[key]" and get_origin(_bare(container)) is dict:
            about = form = _described(get_args(_bare(container))[0])
            continue
        options = models_of(current)
        tagged = [model for model in options if (tag_of(model) or ("", ""))[1] == part]
        if tagged and len(options) > 1:
            current = tagged[0]
            continue
        path.append(str(part))
        container = current
        if len(options) == 1:
            fields = {info.alias or name: info for name, info in options[0].model_fields.items()}
            allowed = sorted(fields)
            field = fields.get(str(part))
            current = field.annotation if field else None
            about = (field.description if field else None) or _described_in(field)
            form = ""
        else:
            current, field = _item(current), None
            form = _described(current)
            about = form or about
    nested = models_of(current)
    if not about and len(nested) == 1:
        about = (nested[0].__doc__ or "").splitlines()[0]
    words = [repr(tag[1]) for tag in map(tag_of, nested) if tag]
    tags = f"{', '.join(words[:-1])} or {words[-1]}" if len(nested) > 1 else ""
    return Place(tuple(path), allowed, about, form, tags, field)


def _described_in(field: FieldInfo | None) -> str:
    """The description that an annotated type brings along, when the field itself has none."""
    return next((e.description for e in field.metadata if getattr(e, "description", None)), "") if field else ""


def _described(annotation: Any) -> str:
    extras = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((e.description for e in extras if isinstance(e, FieldInfo) and e.description), "")


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """The settings models that may stand where an annotation says."""
    annotation = _bare(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, types.UnionType):
        return [model for option in get_args(annotation) for model in models_of(option)]
    return []


def _item(annotation: Any) -> Any:
    arguments = get_args(_bare(annotation))
    return arguments[-1] if arguments else None


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
