"""From a config.json, as plain data, to the facts of a model. What it does not say is not guessed."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from blueprint.sizing.facts import Attention, AttentionKind, ModelFacts, Parts, Quantization, UnknownModelError
from blueprint.sizing.families import FAMILIES, Family
from blueprint.sizing.keys import Keys
from blueprint.sizing.layers import FeedForward, Mixer, attention_of, feed_forward_of, mla_of, state_of
from blueprint.sizing.quantization import kv_cache_bits, quantization_of

_TEXT = ("text_config", "llm_config", "language_config")
"""Where models that also read images keep what is said of the text model."""

_MATRICES_OF_VISION_LAYER = 4
"""Query, key, value and output, each of hidden by hidden."""


def read_config(config: Mapping[str, Any], *, checkpoint_bytes: int | None = None) -> ModelFacts:
    """The facts of the model that a config.json describes.

    Raises UnknownModelError for an architecture that is not known, and when a key is missing or cannot be.
    """
    try:
        return _read(config, checkpoint_bytes)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise UnknownModelError(f"config.json cannot be: {where} of its layers is out of range") from None


def _read(config: Mapping[str, Any], checkpoint_bytes: int | None) -> ModelFacts:
    text = next((config[key] for key in _TEXT if isinstance(config.get(key), Mapping)), config)
    name = str(text.get("model_type") or config.get("model_type") or "")
    family = FAMILIES.get(name)
    if family is None:
        raise UnknownModelError(
            f"{name[:60] or 'no model_type'} is no architecture that sizing knows (docs/foresight.md lists them)"
        )
    keys = Keys(text)
    mixers, steps = _layers(keys, family)
    quantization = quantization_of(config, text)
    tied = bool(text.get("tie_word_embeddings", config.get("tie_word_embeddings", family.tied)))
    parts = _parts(config, keys, family, mixers, steps, tied=tied)
    idle = sum(step.experts - step.active_experts for step in steps)
    expert = next((step for step in steps if step.experts), None)
    return ModelFacts(
        architecture=name,
        parts=parts,
        active=parts.total - idle,
        checkpoint_bytes=checkpoint_bytes,
        quantization=quantization,
        kv_cache_bits=kv_cache_bits(config, text),
        layers=len(mixers),
        hidden=keys.number("hidden_size"),
        heads=keys.number("num_attention_heads"),
        feed_forward=max(step.width for step in steps),
        vocabulary=keys.number("vocab_size"),
        context=keys.optional("max_position_embeddings"),
        tied=tied,
        experts=expert.count if expert else None,
        experts_per_token=expert.chosen if expert else None,
        attention=_attention(mixers),
    )


def _layers(keys: Keys, family: Family) -> tuple[list[Mixer], list[FeedForward]]:
    """Of each layer what mixes tokens, and its feed-forward. Either may be nothing."""
    kinds = family.kinds(keys)
    mixers = [_mixer(keys, family, kind) for kind in kinds]
    steps = [feed_forward_of(keys, family, index) for index in range(len(kinds))]
    return mixers, steps


def _mixer(keys: Keys, family: Family, kind: AttentionKind | None) -> Mixer:
    match kind:
        case None:
            return Mixer()
        case "mla":
            return mla_of(keys)
        case "state":
            return state_of(keys, family)
        case _:
            return attention_of(keys, family, kind)


def _parts(
    config: Mapping[str, Any],
    keys: Keys,
    family: Family,
    mixers: list[Mixer],
    steps: list[FeedForward],
    *,
    tied: bool,
) -> Parts:
    hidden, vocabulary = keys.number("hidden_size"), keys.number("vocab_size")
    embedding = hidden * vocabulary
    norms = hidden * (family.norms * len(mixers) + 1)
    return Parts(
        embedding=embedding,
        head=0 if tied else embedding,
        attention=sum(mixer.attention for mixer in mixers),
        key_value=sum(mixer.key_value for mixer in mixers),
        shared=norms + sum(mixer.shared for mixer in mixers) + sum(step.shared for step in steps),
        dense=sum(step.dense for step in steps),
        experts=sum(step.experts for step in steps),
        vision=_vision(config),
        draft=_draft(keys, family, mixers, steps, embedding),
    )


def _draft(keys: Keys, family: Family, mixers: list[Mixer], steps: list[FeedForward], embedding: int) -> int:
    """Parameters of the layers that predict further tokens: the last kind of layer again, and their projection.

    DeepSeek's checkpoints repeat embedding and head in them (README_WEIGHTS.md of deepseek-ai/DeepSeek-V3).
    """
    count = next((keys.number(key, default=0) for key in family.draft_keys if keys.has(key)), family.draft_layers)
    hidden = keys.number("hidden_size")
    layer = mixers[-1].total + steps[-1].total + 2 * hidden * hidden
    return count * (layer + (2 * embedding if family.draft_repeats_embedding else 0))


def _vision(config: Mapping[str, Any]) -> int:
    """Parameters of the layers of a vision tower, without its few others; 0 where there is none.

    Raises UnknownModelError when there is one whose layers have no size.
    """
    tower = config.get("vision_config")
    if not isinstance(tower, Mapping):
        return 0
    keys = Keys(tower, where="vision_config.")
    if not keys.has("hidden_size", "intermediate_size"):
        return 0
    hidden, width = keys.number("hidden_size"), keys.number("intermediate_size")
    layers = keys.number("num_hidden_layers", "depth")
    return layers * (_MATRICES_OF_VISION_LAYER * hidden * hidden + 2 * hidden * width)


def _attention(mixers: list[Mixer]) -> list[Attention]:
    """Layers with the same memory of a request, together."""
    counted = Counter(mixer.memory for mixer in mixers if mixer.memory is not None)
    return [memory.model_copy(update={"layers": count}) for memory, count in counted.items()]


def quantized(facts: ModelFacts, method: str, bits: float) -> ModelFacts:
    """The same model, its matrices quantised as an engine does it while loading; what already is stays."""
    if facts.quantization is not None:
        return facts
    return facts.model_copy(update={"quantization": Quantization(method=method, bits=bits), "checkpoint_bytes": None})
