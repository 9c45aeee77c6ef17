"""One layer's parameters, and what it keeps of a request, from its dimensions."""

from dataclasses import dataclass

from blueprint.sizing.facts import Attention, AttentionKind
from blueprint.sizing.families import Family
from blueprint.sizing.keys import Keys

_STATE_BYTES = 4
"""States are float32: what mamba_ssm_dtype of Qwen3.5's and mamba_ssm_cache_dtype of Nemotron 3's config.json say."""

_CONV_BYTES = 2


@dataclass(frozen=True, kw_only=True)
class Mixer:
    """What mixes tokens in one layer: its parameters, and its memory of a request."""

    attention: int = 0
    key_value: int = 0
    shared: int = 0
    memory: Attention | None = None

    @property
    def total(self) -> int:
        """All its parameters."""
        return self.attention + self.key_value + self.shared


@dataclass(frozen=True, kw_only=True)
class FeedForward:
    """One layer's feed-forward. width: of what one token passes through; count and chosen: of its experts."""

    dense: int = 0
    shared: int = 0
    experts: int = 0
    active_experts: int = 0
    width: int = 1
    count: int = 0
    chosen: int = 0

    @property
    def total(self) -> int:
        """All its parameters."""
        return self.dense + self.shared + self.experts


def attention_of(keys: Keys, family: Family, kind: AttentionKind) -> Mixer:
    """Attention with keys and values of every head or group of heads."""
    hidden, heads = keys.number("hidden_size"), keys.number("num_attention_heads")
    kv_heads = keys.number("num_key_value_heads", default=heads)
    key = keys.number("head_dim", default=hidden // heads)
    if kind == "full":
        # Gemma 4: heads of another size and number where all tokens are seen.
        kv_heads = keys.number("num_global_key_value_heads", default=kv_heads)
        key = keys.number("global_head_dim", default=key)
    value = keys.number("v_head_dim", default=key)
    gate = heads * key if keys.config.get("attn_output_gate") or keys.config.get("model_type") == "qwen3_next" else 0
    bias = keys.config.get("attention_bias", family.qkv_bias)
    attention = hidden * (heads * key + gate) + heads * value * hidden
    same = kind == "full" and bool(keys.config.get("attention_k_eq_v"))
    key_value = hidden * kv_heads * (key if same else key + value)
    shared = 0
    if bias:
        attention += heads * key
        key_value += kv_heads * (key + value)
    if family.expert_bias:
        # gpt-oss: a bias of the output, and a sink for each head.
        shared += hidden + heads
    if family.qk_norm:
        shared += (heads + kv_heads) * key if family.qk_norm == "wide" else 2 * key
    window = keys.optional("sliding_window", "attention_chunk_size") if kind == "sliding" else None
    memory = Attention(kind=kind, layers=1, kv_heads=kv_heads, key_dim=key, value_dim=value, window=window)
    return Mixer(attention=attention, key_value=key_value, shared=shared, memory=memory)


def mla_of(keys: Keys) -> Mixer:
    """DeepSeek's attention: queries and keys through low ranks, one vector for each token."""
    hidden, heads = keys.number("hidden_size"), keys.number("num_attention_heads")
    rank, rotary = keys.number("kv_lora_rank"), keys.number("qk_rope_head_dim")
    query, value = keys.number("qk_nope_head_dim"), keys.number("v_head_dim")
    through = keys.optional("q_lora_rank")
    shared = hidden * (rank + rotary) + rank
    if through is None:
        attention = hidden * heads * (query + rotary)
    else:
        attention = through * heads * (query + rotary)
        shared += hidden * through + through
    attention += rank * heads * (query + value) + heads * value * hidden
    memory = Attention(kind="mla", layers=1, kv_heads=1, key_dim=rank + rotary, value_dim=0)
    return Mixer(attention=attention, shared=shared, memory=memory)


def state_of(keys: Keys, family: Family) -> Mixer:
    """A layer with a state instead of keys and values."""
    return _mamba(keys) if family.mamba else _gated_delta(keys)


def _gated_delta(keys: Keys) -> Mixer:
    """Qwen3-Next's linear attention."""
    hidden = keys.number("hidden_size")
    key_heads, value_heads = keys.number("linear_num_key_heads"), keys.number("linear_num_value_heads")
    key, value = keys.number("linear_key_head_dim"), keys.number("linear_value_head_dim")
    kernel = keys.number("linear_conv_kernel_dim")
    through = 2 * key_heads * key + value_heads * value
    attention = hidden * (through + value_heads * value + 2 * value_heads) + value_heads * value * hidden
    shared = through * kernel + 2 * value_heads + value
    state = value_heads * key * value * _STATE_BYTES + through * (kernel - 1) * _CONV_BYTES
    return Mixer(attention=attention, shared=shared, memory=Attention(kind="state", layers=1, state_bytes=state))


def _mamba(keys: Keys) -> Mixer:
    """Mamba 2, as Nemotron-H has it."""
    hidden, heads = keys.number("hidden_size"), keys.number("mamba_num_heads")
    dim, groups, size = keys.number("mamba_head_dim"), keys.number("n_groups"), keys.number("ssm_state_size")
    kernel = keys.number("conv_kernel")
    inner = heads * dim
    through = inner + 2 * groups * size
    attention = hidden * (inner + through + heads) + inner * hidden
    shared = through * (kernel + 1) + 3 * heads + inner
    state = heads * dim * size * _STATE_BYTES + through * (kernel - 1) * _CONV_BYTES
    return Mixer(attention=attention, shared=shared, memory=Attention(kind="state", layers=1, state_bytes=state))


def feed_forward_of(keys: Keys, family: Family, index: int) -> FeedForward:
    """The feed-forward of the layer with this index: dense, of experts, or none."""
    pattern = keys.config.get("hybrid_override_pattern")
    if isinstance(pattern, str) and pattern[index] in "M*":
        return FeedForward()
    count = keys.number("num_experts", "n_routed_experts", "num_local_experts", default=0)
    if isinstance(pattern, str) and pattern[index] == "-":
        count = 0
    if not count or _dense(keys, index):
        return _dense_step(keys, family)
    return _experts(keys, family, count)


def _dense(keys: Keys, index: int) -> bool:
    """Whether a layer of a model with experts has none."""
    only = keys.config.get("mlp_only_layers")
    if isinstance(only, list) and index in only:
        return True
    step = keys.number("interleave_moe_layer_step", "decoder_sparse_step", default=1)
    return index < keys.number("first_k_dense_replace", default=0) or (step > 1 and (index + 1) % step != 0)


def _dense_step(keys: Keys, family: Family) -> FeedForward:
    width = keys.number("intermediate_size_mlp", "intermediate_size")
    matrices = 3 if family.gated else 2
    return FeedForward(dense=matrices * keys.number("hidden_size") * width, width=width)


def _experts(keys: Keys, family: Family, count: int) -> FeedForward:
    hidden, matrices = keys.number("hidden_size"), 3 if family.gated else 2
    width = keys.number("moe_intermediate_size", "expert_intermediate_size", "intermediate_size")
    chosen = keys.number("num_experts_per_tok", "experts_per_token", "top_k_experts", default=1)
    one = matrices * hidden * width + (2 * width + hidden if family.expert_bias else 0)
    # The experts that every token passes through: their count, or their width.
    always = keys.number("moe_shared_expert_intermediate_size", "shared_expert_intermediate_size", default=0)
    if not always:
        always = width * keys.number("n_shared_experts", default=0)
    if keys.config.get("model_type") == "llama4_text":
        always = width
    if keys.config.get("enable_moe_block"):
        always = keys.number("intermediate_size")
    router = hidden * count + (count if family.expert_bias else 0)
    if keys.has("shared_expert_intermediate_size"):
        router += hidden
    return FeedForward(
        dense=matrices * hidden * always,
        shared=router,
        experts=count * one,
        active_experts=min(chosen, count) * one,
        width=chosen * width + always,
        count=count,
        chosen=chosen,
    )
