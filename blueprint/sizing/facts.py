"""The facts of a model that sizing needs. The lock keeps them, so that a preview computes without a network."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

AttentionKind = Literal["full", "sliding", "mla", "state"]
"""How a layer remembers a request.

* full: keys and values of every token.
* sliding: keys and values of the last tokens of a window.
* mla: one compressed vector for every token, the same on every GPU.
* state: a state of fixed size, whatever the length (Mamba, gated delta networks).
"""


class _Fact(BaseModel):
    # Built at first use, as the locks are.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Attention(_Fact):
    """Layers that remember in the same way.

    kv_heads, key_dim, value_dim: of one layer. For mla, key_dim is the compressed vector with its rotary part, and
        value_dim is 0.
    window: tokens that a sliding layer looks back.
    state_bytes: state of one layer for one request, in bytes.
    """

    kind: AttentionKind
    layers: int = Field(ge=1)
    kv_heads: int | None = Field(default=None, ge=1)
    key_dim: int | None = Field(default=None, ge=1)
    value_dim: int | None = Field(default=None, ge=0)
    window: int | None = Field(default=None, ge=1)
    state_bytes: int | None = Field(default=None, ge=0)


class Parts(_Fact):
    """Parameters by what becomes of them when a model is divided and quantised; a count each.

    embedding, head: 0 for the head where it is the embedding again.
    attention: query and output, divided by tensor parallelism.
    key_value: divided by at most the number of KV heads, repeated beyond.
    shared: on every GPU of a stage: norms, routers, the compressing projections of mla.
    dense: feed-forward of every token. experts: of some.
    vision: the tower that reads images, in 16 bits and divided.
    draft: layers that predict further tokens; in the checkpoint, loaded for speculative decoding only.
    """

    embedding: int = Field(ge=0)
    head: int = Field(default=0, ge=0)
    attention: int = Field(default=0, ge=0)
    key_value: int = Field(default=0, ge=0)
    shared: int = Field(default=0, ge=0)
    dense: int = Field(default=0, ge=0)
    experts: int = Field(default=0, ge=0)
    vision: int = Field(default=0, ge=0)
    draft: int = Field(default=0, ge=0)

    @property
    def total(self) -> int:
        """Parameters of the model, without the draft layers."""
        layers = self.attention + self.key_value + self.shared + self.dense + self.experts
        return self.embedding + self.head + layers + self.vision


class Quantization(_Fact):
    """How the checkpoint holds its matrices.

    method: the word of config.json.
    bits: of one quantised parameter with its share of the scales; None when the config does not say.
    attention, dense: whether those matrices are quantised; experts always are.
    """

    method: str
    bits: float | None = Field(default=None, gt=0, le=32)
    attention: bool = True
    dense: bool = True


class ModelFacts(_Fact):
    """What config.json says of a model's size.

    checkpoint_bytes: sum of the safetensors files; None when only the config was read.
    active: parameters that one token passes through.
    feed_forward: width of the widest feed-forward layer of one token: with experts, of all that it visits.
    kv_cache_bits: where the checkpoint asks for a quantised KV cache.
    context: longest request that the model was made for.
    """

    architecture: str
    parts: Parts
    active: int = Field(ge=0)
    checkpoint_bytes: int | None = Field(default=None, ge=1)
    quantization: Quantization | None = None
    kv_cache_bits: int | None = Field(default=None, ge=1, le=32)
    layers: int = Field(ge=1)
    hidden: int = Field(ge=1)
    heads: int = Field(ge=1)
    feed_forward: int = Field(ge=1)
    vocabulary: int = Field(ge=1)
    context: int | None = Field(default=None, ge=1)
    tied: bool
    experts: int | None = Field(default=None, ge=1)
    experts_per_token: int | None = Field(default=None, ge=1)
    # A list, because the lock is written as YAML.
    attention: list[Attention]

    @property
    def parameters(self) -> int:
        """Parameters of the model, without draft layers."""
        return self.parts.total


class UnknownModelError(Exception):
    """A config.json from which the facts cannot be read; the message says what is missing."""
