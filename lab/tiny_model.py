"""Make a tiny Llama with a tokenizer of its own.

`server/.venv/bin/python lab/tiny_model.py FOLDER [DTYPE [END [SIZE]]]`

About 3 M parameters, 29 M where SIZE is `small`, 111 M where it is `medium`, random but for a fixed seed. It says
nothing of sense. In float64 when no dtype is given: what a batch changes in the last digits then never changes a draw,
on any processor, and texts can be compared. END is `never`, where the end token is never the likeliest one and an
answer is as long as it may be, or `soon`, for people who chat: after some dozens of tokens.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

WORDS = 4096
CONTEXT = 2048
WIDTH = 0.12
"""Standard deviation of the weights."""
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SIZES: Mapping[str, Mapping[str, int]] = {
    "tiny": {
        "hidden_size": 192,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
    },
    # For measurements: where a step is short, whatever is around it looks large.
    "small": {
        "hidden_size": 512,
        "intermediate_size": 1536,
        "num_hidden_layers": 8,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
    },
    # The dimensions of SmolLM2-135M, but for its vocabulary (https://mintlify.wiki/kvark/meganeura/models/smollm2).
    "medium": {
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
    },
}
SPECIAL = ["<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]


def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE, trained on this repository's own pages: any text goes through it unchanged."""
    root = Path(__file__).parents[1]
    pages = [*sorted(root.glob("docs/**/*.md")), root / "README.md"]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator((page.read_text() for page in pages), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<|begin|>",  # noqa: S106
        eos_token="<|end|>",  # noqa: S106
        pad_token="<|end|>",  # noqa: S106
        chat_template=CHAT_TEMPLATE,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def model(words: PreTrainedTokenizerFast, dtype: str, end: str, size: str) -> LlamaForCausalLM:
    """Weights wide enough that the next token depends on the text, and few candidates share its probability."""
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(words),
        **SIZES[size],
        max_position_embeddings=CONTEXT,
        initializer_range=WIDTH,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
        dtype=dtype,
        tie_word_embeddings=False,
    )
    made = LlamaForCausalLM(config).to(getattr(torch, dtype))
    with torch.no_grad():
        # A row of zeros gives logit 0, far below the largest of thousands: no special token ends or breaks a text.
        made.lm_head.weight[: len(SPECIAL)] = 0
        if end == "soon":
            # Wider than the others, so that it is the largest of thousands more often than once in thousands.
            made.lm_head.weight[words.eos_token_id] = 2.3 * WIDTH * torch.randn(config.hidden_size)
    return made


def main(folder: str, dtype: str = "float64", end: str = "never", size: str = "tiny") -> None:
    """Make it in a folder."""
    words = tokenizer()
    words.save_pretrained(folder)
    made = model(words, dtype, end, size)
    made.save_pretrained(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
