"""The JSON schema of a stack file, for completion and checking in editors."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from blueprint.accelerators import ACCELERATORS
from blueprint.engines import ENGINES
from blueprint.engines.facts import Typed
from blueprint.engines.flags import flags_of
from blueprint.settings import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_SECURE = {
    "type": "object",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
}
"""A secret as Pulumi writes it into a stack file: encrypted."""

_ENGINES = {"ClusterVllm": "vllm", "EndpointVllm": "vllm", "ClusterSglang": "sglang", "ClusterTgi": "tgi"}
"""Settings models of engines whose versions and words are in the registry."""


def stack_schema(project: str) -> dict[str, Any]:
    """The schema of a whole ``Pulumi.<stack>.yaml`` of a project.

    It knows every key and its form. What only shows when settings are read together, `pulumi preview` says.
    """
    settings = Settings.model_json_schema(by_alias=True)
    definitions = settings.get("$defs", {})
    for model in nested_models(Settings):
        properties = (settings if model is Settings else definitions[model.__name__])["properties"]
        for key, default in defaults(model).items():
            properties[key].setdefault("default", default)
    # Cross-checks hold these to the registries; completion needs the names.
    definitions["Cluster"]["properties"]["accelerators"]["propertyNames"] = {"enum": sorted(ACCELERATORS)}
    definitions["AcceleratorChoice"]["properties"]["type"]["enum"] = sorted(ACCELERATORS)
    for definition, engine in _ENGINES.items():
        _engine_words(definitions, definition, engine)
    token = {
        **_SECURE,
        "description": "Read token for the Hub, as `pulumi config set --secret hubReadToken` writes it.",
    }
    config = {
        "type": "object",
        "description": f"Configuration, by namespace and key. {_first_line(Settings)}",
        "properties": {
            **{f"{project}:{key}": value for key, value in settings["properties"].items()},
            f"{project}:hubReadToken": token,
        },
        "required": [f"{project}:{key}" for key in settings.get("required", [])],
        # Keys of Pulumi and of its providers are theirs to check.
        "patternProperties": {
            f"^(?!{project}:)[^:]+:.": True,
            f"^{project}-secrets:.": {
                **_SECURE,
                "description": "The value of a secret that a model or an image names.",
            },
        },
        "additionalProperties": False,
    }
    texts = {key: {"type": "string"} for key in ("encryptionsalt", "encryptedkey", "secretsprovider")}
    schema = {
        "$schema": DIALECT,
        "title": f"A stack of {project}",
        "type": "object",
        "properties": {"config": config, **texts, "environment": {"type": ["array", "object"]}},
        "required": ["config"],
        "additionalProperties": False,
        "$defs": definitions,
    }
    return {key: _tidy(value) if isinstance(value, dict) else value for key, value in schema.items()}


def _engine_words(definitions: dict[str, Any], definition: str, engine: str) -> None:
    """The versions of an engine, and what its versions together offer for each option, for completion."""
    facts = ENGINES[engine]
    properties = definitions[definition]["properties"]
    properties["version"]["enum"] = sorted(facts.versions)
    for typed in (*facts.typed, *(Typed(key=key, flag=flag) for key, flag in facts.words_of.items())):
        found = [flags_of(engine, version).get(typed.flag) for version in facts.versions]
        words = sorted({word for flag in found if flag for word in flag.values})
        option = properties.get(typed.key)
        text = next((part for part in (option or {}).get("anyOf", []) if part.get("type") == "string"), None)
        if words and text is not None:
            text["enum"] = words


def nested_models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A settings model and all that it contains, each once, outermost first."""
    seen: dict[type[BaseModel], None] = {}
    waiting = [model]
    while waiting:
        current = waiting.pop(0)
        if current in seen:
            continue
        seen[current] = None
        inner = [found for field in current.model_fields.values() for found in models_in(field.annotation)]
        waiting = [*inner, *waiting]
    yield from seen


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The settings models that an annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    inner = getattr(annotation, "__args__", ())
    return [model for argument in inner for model in models_in(argument)]


def defaults(model: type[BaseModel]) -> dict[str, Any]:
    """What the keys of a model mean when they are absent, as a stack file would write it."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        value = None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
        if isinstance(value, BaseModel):
            value = value.model_dump(by_alias=True, exclude_unset=True)
        if value is not None:
            found[field.alias or name] = value
    return found


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").splitlines()[0]


def _tidy(schema: Any) -> Any:
    """What pydantic wrote, without the titles that it makes of names, and with mappings closed to other keys."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {key: _tidy(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
    if "patternProperties" in tidy:
        tidy.setdefault("additionalProperties", False)
    return tidy
