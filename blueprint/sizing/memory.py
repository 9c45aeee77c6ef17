"""Weights on each GPU, and what one request keeps there."""

from dataclasses import dataclass

from blueprint.sizing.constants import CONSTANTS, Constant
from blueprint.sizing.facts import Attention, ModelFacts

BLOCK = 16
"""Tokens of one block of the KV cache: vLLM's default."""

_BITS = 16
_BYTE = 8

KV_BYTES = {"bfloat16": 2.0, "float16": 2.0, "fp8": 1.0, "int8": 1.0, "float32": 4.0}
"""Bytes of one number of the KV cache, by the beginning of its kv_cache_dtype."""


@dataclass(frozen=True)
class Band:
    """A number of bytes that is not known exactly."""

    low: float
    likely: float
    high: float

    def __add__(self, other: "Band") -> "Band":
        return Band(self.low + other.low, self.likely + other.likely, self.high + other.high)


def scaled(constant: Constant, by: float) -> Band:
    """A constant times a number of bytes."""
    return Band(constant.low * by, constant.likely * by, constant.high * by)


def weights(facts: ModelFacts, *, tensor: int = 1, pipeline: int = 1) -> Band | None:
    """Bytes of the weights on the fullest GPU; None when the quantisation does not say how many bits it takes."""
    method = facts.quantization.method if facts.quantization else None
    size = stored(facts, tensor=tensor, pipeline=pipeline)
    if size is None:
        return None
    name = "loaded" if method is None else "loaded.mxfp4" if method == "mxfp4" else "loaded.quantized"
    return scaled(CONSTANTS[name], size)


def stored(facts: ModelFacts, *, tensor: int = 1, pipeline: int = 1) -> float | None:
    """Bytes of the fullest GPU's share as the checkpoint holds them; None as in weights.

    A stage of a pipeline has its share of the layers, rounded up, and one of embedding and head.
    """
    parts, bytes_of = facts.parts, _bytes_of(facts)
    if bytes_of is None:
        return None
    kv_heads = min((group.kv_heads or 1 for group in facts.attention if group.kind in ("full", "sliding")), default=1)
    layers = (
        bytes_of["attention"] * parts.attention / tensor
        + bytes_of["attention"] * parts.key_value / min(tensor, kv_heads)
        + bytes_of["plain"] * parts.shared
        + bytes_of["dense"] * parts.dense / tensor
        + bytes_of["experts"] * parts.experts / tensor
    )
    share = -(-facts.layers // pipeline) / facts.layers
    ends = max(parts.embedding, parts.head) if pipeline > 1 else parts.embedding + parts.head
    return share * layers + bytes_of["plain"] * (ends + parts.vision) / tensor


def _bytes_of(facts: ModelFacts) -> dict[str, float] | None:
    """Bytes of one parameter of each kind, so that all together are what the files hold."""
    quantization, parts = facts.quantization, facts.parts
    plain = _BITS / _BYTE
    small = quantization.bits / _BYTE if quantization and quantization.bits else plain
    found = {
        "plain": plain,
        "attention": small if quantization and quantization.attention else plain,
        "dense": small if quantization and quantization.dense else plain,
        "experts": small,
    }
    if facts.checkpoint_bytes is None:
        return None if quantization and quantization.bits is None else found
    computed = (
        plain * (parts.embedding + parts.head + parts.shared + parts.vision)
        + found["attention"] * (parts.attention + parts.key_value)
        + found["dense"] * parts.dense
        + found["experts"] * parts.experts
    )
    # The draft layers are in the files, and not loaded.
    factor = facts.checkpoint_bytes / (computed + small * parts.draft)
    return {kind: factor * size for kind, size in found.items()}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one request keeps on the fullest GPU.

    kv_bytes: of one number. batched: most tokens in one step, which a sliding layer has to hold beside its window.
    sliding: how the engine keeps sliding layers: "window" (vLLM), or as a share of all tokens (SGLang's
        --swa-full-tokens-ratio, 0.8). states: copies of a state that one request may hold.
    """

    facts: ModelFacts
    tensor: int = 1
    pipeline: int = 1
    kv_bytes: float = 2.0
    batched: int = 2048
    sliding: float | None = None
    states: int = 1

    def bytes(self, length: int) -> float:
        """Bytes that a request of this length keeps."""
        return sum(self._of(group, length) for group in self.facts.attention)

    def _of(self, group: Attention, length: int) -> float:
        layers = -(-group.layers // self.pipeline)
        if group.kind == "state":
            return layers * (group.state_bytes or 0) * self.states / self.tensor
        heads = group.kv_heads or 1
        mine = 1 if group.kind == "mla" else max(1.0, heads / self.tensor)
        token = layers * mine * ((group.key_dim or 0) + (group.value_dim or 0)) * self.kv_bytes
        return token * self._tokens(group, length)

    def _tokens(self, group: Attention, length: int) -> float:
        if group.kind != "sliding" or group.window is None:
            return _blocks(length)
        if self.sliding is not None:
            return self.sliding * _blocks(length)
        # Source: SlidingWindowSpec in vllm/v1/kv_cache_interface.py: the window, one step, and a block that both touch.
        return _blocks(min(group.window - 1 + self.batched, length)) + BLOCK

    def longest(self, memory: float, *, most: int) -> int:
        """The longest request, in tokens and at most so many, that the memory holds; 0 where it holds none."""
        low, high = 0, most
        while low < high:
            middle = (low + high + 1) // 2
            if self.bytes(middle) <= memory:
                low = middle
            else:
                high = middle - 1
        return low


def _blocks(tokens: int) -> int:
    return -(-tokens // BLOCK) * BLOCK
