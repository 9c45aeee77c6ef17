"""What config.json leaves to a model's code, by model_type. Tests hold it to published parameter counts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from blueprint.sizing.facts import AttentionKind, UnknownModelError
from blueprint.sizing.keys import Keys

Kinds = list[AttentionKind | None]
"""Of each layer, how it remembers; None for a layer without attention or state."""

_WORDS: Mapping[str, AttentionKind | None] = {
    "full_attention": "full",
    "global_attention": "full",
    "attention": "full",
    "sliding_attention": "sliding",
    "chunked_attention": "sliding",
    "linear_attention": "state",
    "mamba": "state",
}


@dataclass(frozen=True, kw_only=True)
class Family:
    """Models of one model_type.

    kinds: how each layer remembers.
    norms: vectors of hidden size in one layer.
    qkv_bias: biases of query, key and value where the config has no attention_bias.
    qk_norm: a norm of one head's size for query and key; "wide": of all heads'.
    gated: three matrices of a feed-forward, not two.
    expert_bias: biases of experts and router.
    tied: what tie_word_embeddings is when the config does not say.
    mamba: state layers are Mamba 2; otherwise gated delta networks.
    draft_keys, draft_layers: how the config counts layers that predict further tokens; how many without a word of it.
    """

    kinds: Callable[[Keys], Kinds]
    norms: int = 2
    qkv_bias: bool = False
    qk_norm: bool | str = False
    gated: bool = True
    expert_bias: bool = False
    tied: bool = False
    mamba: bool = False
    draft_keys: tuple[str, ...] = ()
    draft_layers: int = 0
    draft_repeats_embedding: bool = False


def _all(kind: AttentionKind) -> Callable[[Keys], Kinds]:
    return lambda keys: [kind] * _layers(keys)


def _layers(keys: Keys) -> int:
    count = keys.number("num_hidden_layers", "n_layer")
    if not 1 <= count <= 1000:  # noqa: PLR2004  more than any model; a list of it is made
        raise UnknownModelError("num_hidden_layers of config.json is no number of layers")
    return count


def _named(keys: Keys, otherwise: Callable[[Keys], Kinds]) -> Kinds:
    """By layer_types, where it is given."""
    words = keys.words("layer_types")
    if words is None:
        return otherwise(keys)
    if len(words) != _layers(keys):
        raise UnknownModelError("layer_types of config.json does not have an entry for each layer")
    unknown = sorted(set(words) - set(_WORDS))
    if unknown:
        raise UnknownModelError(f"layer_types of config.json has {', '.join(unknown)}, which sizing does not know")
    return [_WORDS[word] for word in words]


def _every(key: str, default: int, others: AttentionKind) -> Callable[[Keys], Kinds]:
    """Every nth layer is full attention, the rest are others."""

    def kinds(keys: Keys) -> Kinds:
        def by_interval(keys: Keys) -> Kinds:
            interval = max(1, keys.number(key, "_" + key, default=default))
            return ["full" if (index + 1) % interval == 0 else others for index in range(_layers(keys))]

        return _named(keys, by_interval)

    return kinds


def _window_of_all(keys: Keys) -> Kinds:
    return _named(keys, _all("sliding" if keys.has("sliding_window") else "full"))


def _window_if_used(keys: Keys) -> Kinds:
    if not keys.config.get("use_sliding_window"):
        return _all("full")(keys)
    first = keys.number("max_window_layers", default=0)
    return _named(keys, lambda keys: ["full" if index < first else "sliding" for index in range(_layers(keys))])


def _chunks(keys: Keys) -> Kinds:
    """Llama 4: layers with rotary positions attend within a chunk, every fourth sees all."""
    return _every("no_rope_layer_interval", 4, "sliding")(keys)


def _pattern(keys: Keys) -> Kinds:
    """Nemotron-H: M a Mamba layer, * attention, - and E a feed-forward alone."""
    pattern = keys.config.get("hybrid_override_pattern")
    if not isinstance(pattern, str) or not pattern or set(pattern) - set("M*-E"):
        raise UnknownModelError("config.json has no hybrid_override_pattern of M, *, - and E")
    of: Mapping[str, AttentionKind | None] = {"M": "state", "*": "full"}
    return [of.get(letter) for letter in pattern]


_DENSE = _all("full")
_MLA = _all("mla")
_DEEPSEEK = Family(kinds=_MLA, draft_keys=("num_nextn_predict_layers",), draft_repeats_embedding=True)
_GATED_DELTA = Family(
    kinds=_every("full_attention_interval", 4, "state"), qk_norm=True, draft_keys=("mtp_num_hidden_layers",)
)
_QWEN3 = Family(kinds=_window_if_used, qk_norm=True)
_GEMMA3 = Family(kinds=_every("sliding_window_pattern", 6, "sliding"), norms=4, qk_norm=True, tied=True)
_LLAMA4 = Family(kinds=_chunks)

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "llama": Family(kinds=_DENSE),
        "mistral": Family(kinds=_window_of_all),
        "ministral3": Family(kinds=_window_of_all),
        "mixtral": Family(kinds=_window_of_all),
        "qwen2": Family(kinds=_window_if_used, qkv_bias=True),
        "qwen2_moe": Family(kinds=_window_if_used, qkv_bias=True),
        "qwen3": _QWEN3,
        "qwen3_moe": _QWEN3,
        "qwen3_vl_text": _QWEN3,
        "qwen3_vl_moe_text": _QWEN3,
        "qwen3_next": Family(kinds=_GATED_DELTA.kinds, qk_norm=True, draft_layers=1),
        "qwen3_5_text": _GATED_DELTA,
        "qwen3_5_moe_text": _GATED_DELTA,
        # Its sliding_window is as wide as its context or nearly: counted as full attention, an upper bound.
        "phi3": Family(kinds=_DENSE),
        "gemma": Family(kinds=_DENSE, tied=True),
        "gemma2": Family(kinds=_every("sliding_window_pattern", 2, "sliding"), norms=4, tied=True),
        "gemma3_text": _GEMMA3,
        "gemma3": _GEMMA3,
        "gemma4_text": Family(kinds=_every("sliding_window_pattern", 6, "sliding"), norms=4, qk_norm=True, tied=True),
        "gpt_oss": Family(kinds=_every("sliding_window_pattern", 2, "sliding"), qkv_bias=True, expert_bias=True),
        "olmo2": Family(kinds=_DENSE, qk_norm="wide"),
        "deepseek_v2": _DEEPSEEK,
        "deepseek_v3": _DEEPSEEK,
        "kimi_k2": _DEEPSEEK,
        "glm4_moe": Family(
            kinds=_DENSE,
            qkv_bias=True,
            draft_keys=("num_nextn_predict_layers",),
            draft_layers=1,
            draft_repeats_embedding=True,
        ),
        "llama4_text": _LLAMA4,
        "minimax_m2": Family(kinds=_DENSE, qk_norm="wide"),
        "nemotron_h": Family(kinds=_pattern, norms=1, gated=False, mamba=True),
    }
)
"""By model_type. Everything else is unknown, and said to be."""
