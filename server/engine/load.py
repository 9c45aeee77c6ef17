"""A model, by repository and revision or from a directory."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import torch
from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig

from server.generation import LoadError

Quantization = Literal["none", "bitsandbytes-8bit", "bitsandbytes-4bit"]
"""What is quantized while loading. A model that is stored quantized says so in its own configuration: none is right."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A model that is ready to run. context_length: the most tokens of prompt and answer together."""

    model: Any
    context_length: int
    stop_ids: frozenset[int]
    device: str


def load(
    model_id: str,
    *,
    revision: str | None = None,
    dtype: str = "auto",
    device: str = "auto",
    quantization: Quantization = "none",
    max_model_len: int | None = None,
) -> Loaded:
    """Load a model onto one device. dtype: auto (as stored), float32, float16, bfloat16. Raises LoadError."""
    place = _device(device)
    config = AutoConfig.from_pretrained(model_id, revision=revision)
    context_length = _context_length(config, max_model_len)
    options: dict[str, Any] = {}
    if quantization != "none":
        options["quantization_config"] = _quantizer(config, quantization)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            model_id, revision=revision, dtype=dtype, device_map={"": place}, **options
        )
    except ImportError as error:
        # A stored quantization whose package is not there: the library's sentence names it.
        raise LoadError(f"{model_id} needs a package that is not installed: {error}") from error
    return Loaded(
        model=model.eval(),
        context_length=context_length,
        stop_ids=_stop_ids(model),
        device=place,
    )


def _device(device: str) -> str:
    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda:0"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _context_length(config: Any, asked: int | None) -> int:
    own = getattr(config.get_text_config(), "max_position_embeddings", None)
    if own is None:
        if asked is None:
            raise LoadError("the model's configuration has no max_position_embeddings: set MAX_MODEL_LEN")
        return asked
    if asked is not None and asked > own:
        raise LoadError(f"MAX_MODEL_LEN is {asked}, and the model reads at most {own} tokens")
    return int(asked or own)


def _quantizer(config: Any, quantization: Quantization) -> Any:
    stored = getattr(config, "quantization_config", None)
    if stored is not None:
        method = stored.get("quant_method") if isinstance(stored, dict) else stored.quant_method
        raise LoadError(f"QUANTIZATION is {quantization}, and the model is stored with {method} already: use none")
    if find_spec("bitsandbytes") is None:
        raise LoadError(f"QUANTIZATION is {quantization}, and the package bitsandbytes is not installed")
    if quantization == "bitsandbytes-8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)


def _stop_ids(model: Any) -> frozenset[int]:
    """The end tokens of the model and its generation settings; the server adds the tokenizer's.

    Each alone is often incomplete.
    """
    found: set[int] = set()
    for ids in (model.generation_config.eos_token_id, model.config.get_text_config().eos_token_id):
        found.update([ids] if isinstance(ids, int) else ids or [])
    return frozenset(found)
