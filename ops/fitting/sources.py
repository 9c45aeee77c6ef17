"""Where `llm fit` reads the facts of a model: a config.json, the lock, or options."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from blueprint.locks import ModelsLock
from blueprint.sizing.config import read_config
from blueprint.sizing.facts import ModelFacts, UnknownModelError

_DIMENSIONS: Mapping[str, str] = {
    "layers": "num_hidden_layers",
    "hidden": "hidden_size",
    "feedForward": "intermediate_size",
    "heads": "num_attention_heads",
    "kvHeads": "num_key_value_heads",
    "headDim": "head_dim",
    "vocabulary": "vocab_size",
    "context": "max_position_embeddings",
}
"""Dimensions of a model like Llama, by what the option calls them."""

_NEEDED = ("layers", "hidden", "feedForward", "heads", "vocabulary")


def facts_of_file(path: Path) -> ModelFacts:
    """The facts of a config.json; of a folder, of that in it, with the sizes of the weight files beside it.

    Raises click.ClickException when it cannot be read.
    """
    file = path / "config.json" if path.is_dir() else path
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{file} cannot be read: {error}.") from None
    if not isinstance(config, dict):
        raise click.ClickException(f"{file} is no config.json: it holds no mapping.")
    size = sum(one.stat().st_size for one in file.parent.glob("*.safetensors"))
    return _read(config, size or None)


def facts_of_dimensions(text: str) -> ModelFacts:
    """The facts of a dense model whose dimensions are given as name=number, with commas between.

    Raises click.BadParameter when they are not.
    """
    given: dict[str, int] = {}
    for item in text.split(","):
        name, _, number = item.strip().partition("=")
        if name not in _DIMENSIONS or not number.isdecimal():
            raise click.BadParameter(
                f"{item!r} is no name=number with a name of {', '.join(_DIMENSIONS)}", param_hint="--dimensions"
            )
        given[_DIMENSIONS[name]] = int(number)
    missing = [name for name in _NEEDED if _DIMENSIONS[name] not in given]
    if missing:
        raise click.BadParameter(f"{', '.join(missing)} missing", param_hint="--dimensions")
    return _read({"model_type": "llama", **given}, None)


def facts_of_lock(lock: ModelsLock, repository: str, revision: str) -> ModelFacts:
    """The facts that the lock has.

    Raises click.ClickException when it has none.
    """
    facts = lock.pin(repository, revision).facts
    if facts is None:
        raise click.ClickException(
            f"models.lock.yaml has no facts of {repository}@{revision}. Run `llm lock {repository}@{revision}` where "
            "the Hub or a directory with it can be reached, or give its config.json with --config."
        )
    return facts


def _read(config: Mapping[str, Any], size: int | None) -> ModelFacts:
    try:
        return read_config(config, checkpoint_bytes=size)
    except UnknownModelError as error:
        raise click.ClickException(f"Unknown: {error}.") from None
