"""How a checkpoint holds its matrices, and its KV cache, by the words of config.json."""

from collections.abc import Iterator, Mapping
from typing import Any

from blueprint.sizing.facts import Quantization

_SCALE = 16
"""Bits of a scale that a group of parameters shares."""

BITS: Mapping[str, float] = {
    "fp8": 8.0,
    "fbgemm_fp8": 8.0,
    # 4 bits and one 8-bit scale for 32 parameters: OCP Microscaling specification 1.0, section 5.2.
    "mxfp4": 4.25,
    # 4 bits and one 8-bit scale for 16 parameters: NVIDIA's NVFP4 format.
    "nvfp4": 4.5,
}
"""Bits of one parameter with its share of the scales, by method; AWQ's and GPTQ's depend on their group size."""

_EXPERTS_ALONE = ("mxfp4",)
"""Methods whose checkpoints quantise the experts and nothing else (gpt-oss: modules_to_not_convert)."""


def quantization_of(config: Mapping[str, Any], text: Mapping[str, Any]) -> Quantization | None:
    """How the matrices are quantised; None where they are not. Bits are None where the words say too little."""
    given = _given(config, text)
    method = str(given.get("quant_method") or given.get("quant_algo") or "").lower()
    if not method:
        return None
    skipped = [str(name) for name in _skipped(given)]
    alone = method in _EXPERTS_ALONE
    return Quantization(
        method=method,
        bits=_bits(method, given),
        attention=not alone and not any("attn" in name for name in skipped),
        dense=not alone and not any(name.endswith("mlp") for name in skipped),
    )


def kv_cache_bits(config: Mapping[str, Any], text: Mapping[str, Any]) -> int | None:
    """Bits of the KV cache that the checkpoint asks for; None where it does not."""
    scheme = _given(config, text).get("kv_cache_scheme")
    bits = scheme.get("num_bits") if isinstance(scheme, Mapping) else None
    return bits if isinstance(bits, int) and 1 <= bits <= 32 else None  # noqa: PLR2004  bits of a float


def _given(config: Mapping[str, Any], text: Mapping[str, Any]) -> Mapping[str, Any]:
    for place in (config, text):
        for key in ("quantization_config", "compression_config"):
            if isinstance(place.get(key), Mapping):
                found: Mapping[str, Any] = place[key]
                return found
    return {}


def _skipped(given: Mapping[str, Any]) -> Iterator[object]:
    for key in ("modules_to_not_convert", "ignore", "ignored_layers"):
        names = given.get(key)
        if isinstance(names, list):
            yield from names


def _bits(method: str, given: Mapping[str, Any]) -> float | None:
    algorithm = str(given.get("quant_algo") or "").lower()
    if method == "modelopt":
        return BITS.get(algorithm)
    if method in ("awq", "gptq", "auto-round", "auto_round"):
        bits, group = given.get("bits", given.get("w_bit")), given.get("group_size", given.get("q_group_size"))
        if not isinstance(bits, int):
            return None
        # A scale and a zero point for each group; -1 is a group of a whole row.
        return bits + (_SCALE + bits) / group if isinstance(group, int) and group > 0 else float(bits)
    if method == "compressed-tensors":
        return _compressed(given)
    return BITS.get(method)


def _compressed(given: Mapping[str, Any]) -> float | None:
    groups = given.get("config_groups")
    found = [one.get("weights") for one in groups.values()] if isinstance(groups, Mapping) else []
    weights = [one for one in found if isinstance(one, Mapping) and isinstance(one.get("num_bits"), int)]
    if len(weights) != 1:
        return None
    bits, group = weights[0]["num_bits"], weights[0].get("group_size")
    return bits + _SCALE / group if isinstance(group, int) and group > 0 else float(bits)
