"""From plain configuration to typed settings, with every mistake said in this project's words."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError, create_model
from pydantic.fields import FieldInfo

from blueprint.issues import Issue, KeyPath, shown
from blueprint.places import Place, locate, models_of
from blueprint.settings import Settings
from blueprint.settings.base import (
    DnsLabel,
    EndpointName,
    HostName,
    HttpAddress,
    HttpPath,
    HubNamespace,
    HubRepository,
    HubRevision,
    ImageReference,
    LabelValue,
    ObjectName,
    SecretName,
    tag_of,
)
from blueprint.settings.exposure import AddressRange, KeyName
from blueprint.settings.images import ProjectPath, Repository, Stage, Tag, TaggedImage

_BOUNDS = {
    "greater_than_equal": "is below the smallest allowed value, {ge}",
    "greater_than": "is not above {gt}",
    "less_than_equal": "is above the largest allowed value, {le}",
    "less_than": "is not below {lt}",
}
_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "a text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_RANGE = {"ge": "at least {}", "gt": "above {}", "le": "at most {}", "lt": "below {}"}
_UNREADABLE = ("union_tag_invalid", "union_tag_not_found")
"""Mistakes after which nothing tells what the mapping around them should hold."""

_STAND_INS: Sequence[Any] = (
    "placeholder",
    "placeholder/placeholder",
    "placeholder.example",
    "placeholder.example/placeholder",
    "x1",
    "/placeholder",
    "0" * 12,
    1,
    1024,
    {"placeholder": {}},
)
"""Candidates for a required value that was refused, so that the rest can still be read and judged."""

_DROP = object()

_RETIRED: Mapping[tuple[str, str], str] = {
    (
        "access",
        "protected",
    ): "The old word protected meant different things, and the API takes it for private without a "
    "word. private: tokens of the organisation. authenticated: anyone with a Hugging Face account.",
}
"""By key and value, what to say of words that were allowed once, or elsewhere."""

_ELSEWHERE: Mapping[str, str] = {
    "canary": "An endpoint has an address of its own, and nothing in front of it shares requests out. Add a second "
    "model with target: endpoint, and ask it by its own address.",
}
"""By key of a model that its target does not have, what to do instead."""

_FORMS: Mapping[str, str] = {
    constraint.pattern: description.description
    for kind in (
        AddressRange,
        DnsLabel,
        EndpointName,
        HostName,
        HttpAddress,
        HttpPath,
        HubNamespace,
        HubRepository,
        HubRevision,
        ImageReference,
        KeyName,
        LabelValue,
        ObjectName,
        ProjectPath,
        Repository,
        SecretName,
        Stage,
        Tag,
        TaggedImage,
    )
    for constraint, description in [get_args(kind)[1:3]]
}
"""By pattern, the words for it: a field's own description says what it means, not how it is written."""


@dataclass(frozen=True)
class Parsed:
    """What could be read.

    settings: the description without what was refused; None when too little is left.
    refused: key paths that were refused, so that no later check judges what stands in their place.
    """

    settings: Settings | None
    issues: Sequence[Issue]
    refused: Sequence[KeyPath]


def parse(config: Mapping[str, Any]) -> Parsed:
    """Read configuration. Never raises for bad input: one run finds the mistakes of every part of it."""
    issues: list[Issue] = []
    refused: list[KeyPath] = []
    changed: set[KeyPath] = set()
    remaining: Any = config
    while True:
        try:
            return Parsed(Settings.model_validate(remaining), issues, refused)
        except ValidationError as error:
            details = error.errors(include_url=False)
        changes: dict[KeyPath, Any] = {}
        before = tuple(refused)
        for detail in details:
            place = locate(detail["loc"])
            issue = _issue(detail, place)
            # Neither what stands inside a refused part, nor a whole that is incomplete because of one.
            if not any(_within(issue.path, path) or _within(path, issue.path) for path in before):
                issues.append(issue)
            refused.append(issue.path)
            path = place.path
            # What did not help once does not help twice: give up the mapping around it.
            while path in changed:
                path = path[:-1]
            changes[path] = _stand_in(place.field) if path == place.path else _DROP
        if () in changes:
            return Parsed(None, issues, refused)
        changed |= set(changes)
        remaining = _mended(remaining, changes)


def _within(path: KeyPath, parent: KeyPath) -> bool:
    return path[: len(parent)] == parent


def _mended(value: Any, changes: Mapping[KeyPath, Any], at: KeyPath = ()) -> Any:
    if not any(_within(path, at) for path in changes):
        return value
    if isinstance(value, Mapping):
        kept = {str(key): (key, _mended(child, changes, (*at, str(key)))) for key, child in value.items()}
        kept |= {path[-1]: (path[-1], new) for path, new in changes.items() if path[:-1] == at and path}
        return {key: child for key, child in kept.values() if child is not _DROP}
    if isinstance(value, list):
        items = enumerate(value)
        return [_mended(item, changes, (*at, str(i))) for i, item in items if (*at, str(i)) not in changes]
    return value


def _stand_in(field: FieldInfo | None) -> Any:
    """What a refused key holds while the rest is read: nothing, or a valid value where the key is required."""
    if field is None or not field.is_required():
        return _DROP
    options = models_of(field.annotation)
    if options:
        # The one that needs least; a single mapping says itself what it lacks.
        return min(map(_smallest, options), key=len) if len(options) > 1 else {}
    if get_origin(field.annotation) is Literal:
        return get_args(field.annotation)[0]
    if get_origin(field.annotation) is dict:
        return _STAND_INS[-1]
    annotated: Any = Annotated[(field.annotation, None, *field.metadata)]
    # Not a TypeAdapter, whose import alone costs every run 30 ms.
    alone: Any = create_model("alone", value=(annotated, ...))
    for candidate in _STAND_INS:
        try:
            return alone.model_validate({"value": candidate}, strict=True).model_dump()["value"]
        except ValidationError:
            continue
    return _DROP


def _smallest(model: type[BaseModel]) -> Mapping[str, Any]:
    """One of several mappings, with its tag and no key that it does not need."""
    required = {info.alias or name: info for name, info in model.model_fields.items() if info.is_required()}
    return {key: _stand_in(info) for key, info in required.items()} | dict([tag] if (tag := tag_of(model)) else [])


def _issue(detail: Mapping[str, Any], place: Place) -> Issue:
    kind, context, path = detail["type"], detail.get("ctx", {}), place.path
    given = "this value" if _may_be_secret(path) else shown(detail.get("input"))
    if kind in ("extra_forbidden", "invalid_key"):
        near = difflib.get_close_matches(path[-1], place.allowed, n=1, cutoff=0.6)
        hint = f"Did you mean {near[0]}? " if near else ""
        allowed = f"{hint}Allowed here: {', '.join(place.allowed)}."
        problem, remedy = "unknown key", _ELSEWHERE.get(path[-1], allowed) if "target" in place.allowed else allowed
    elif kind == "missing":
        problem, remedy = "this key is missing", f"Add it: {place.about}"
    elif kind in _UNREADABLE:
        key = context["discriminator"].strip("'")
        path, remedy = (*path, key), f"Use {place.tags}."
        missing = kind == "union_tag_not_found"
        word = "target" if key == "target" else path[-2]
        problem = "this key is missing" if missing else f"{shown(detail['input'][key])} is no {word}"
    elif kind == "too_short":
        problem, remedy = "this is empty", f"Add at least one. {place.about}"
    elif kind == "literal_error":
        meaning = _RETIRED.get((path[-1], str(detail["input"])), place.about)
        problem, remedy = f"{given} is not allowed", f"Use {context['expected']}. {meaning}"
    elif kind in _BOUNDS:
        problem = f"{given} {_BOUNDS[kind].format(**context)}"
        remedy = f"Use a value {_range(place.field)}. {place.about}"
    elif kind in _KINDS:
        problem, remedy = f"{given} is not {_KINDS[kind]}", f"Give {_KINDS[kind]}. {place.about}"
    elif kind == "string_pattern_mismatch":
        pattern = context["pattern"]
        problem = f"{given} does not have the allowed form, {pattern}"
        remedy = place.form or _FORMS.get(pattern) or place.about or "Use that form."
    else:
        problem, remedy = f"{given} does not fit: {detail['msg'].lower()}", place.form or place.about
    return Issue(path=path, problem=problem, remedy=remedy.strip())


def _may_be_secret(path: KeyPath) -> bool:
    """Whether what stands there by mistake may be a token or password of any form, which no message shows."""
    # The address of an incoming webhook is its password.
    of_receivers = path[:2] == ("monitoring", "routes")
    named = not {"keys", "keySecret", "registry", "secrets"}.isdisjoint(path[2:])
    return path[:1] == ("huggingface",) or of_receivers or named


def _range(field: FieldInfo | None) -> str:
    limits = [
        words.format(getattr(constraint, name))
        for constraint in (field.metadata if field else ())
        for name, words in _RANGE.items()
        if hasattr(constraint, name)
    ]
    return " and ".join(limits) or "within it"
