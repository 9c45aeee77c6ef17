"""Attention over the paged cache for processors, request by request.

The library's own way without a GPU lets every request's query look at the keys of all, behind a mask: the work grows
with the square of the batch, and all keys are copied at every step. Here each request looks at its own, in place where
they lie in one page.
"""

import threading
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

NAME = "per_request"


class _Layout(NamedTuple):
    """Where a step's requests lie in the cache. lengths: with the new token. tables: pages of each.

    rows, places: page of each new token, and its place in it.
    """

    lengths: list[int]
    tables: list[list[int]]
    rows: Any
    places: Any


class _Steps(threading.local):
    """The layout of the step that a thread makes: all layers have the same, which the first one reads."""

    layout: _Layout | None = None


_steps = _Steps()


def begin() -> None:
    """A step begins in this thread: its requests lie elsewhere than those of the one before."""
    _steps.layout = None


def attend(  # noqa: PLR0917 - the signature is the library's
    module: Any,  # noqa: ARG001
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,  # noqa: ARG001
    scaling: float | None = None,
    **given: Any,
) -> tuple[Any, None]:
    """Query, key and value are 1 x heads x tokens x size; what is given back is 1 x tokens x heads x size.

    With a block table (every request has one new token) keys and values are the new ones, to be written to the cache.
    Without, the library has read the cache: they hold all that each request looks at, one after the other.
    """
    if given.get("block_table") is None:
        starts, ends = given["cu_seq_lens_q"].tolist(), given["cu_seq_lens_k"].tolist()
        parts = [
            _prefill(query[:, :, first:last], key[:, :, begin:end], value[:, :, begin:end], scaling)
            for (first, last), (begin, end) in zip(pairwise(starts), pairwise(ends), strict=True)
        ]
    else:
        parts = _decode(query, key, value, scaling, given)
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None


def _prefill(query: Any, key: Any, value: Any, scaling: float | None) -> Any:
    new, whole = query.shape[2], key.shape[2]
    mask = None
    if 1 < new < whole:  # a later piece of a prompt: it sees all of the earlier ones, and itself causally
        mask = torch.ones(new, whole, dtype=torch.bool, device=query.device).tril(whole - new)
    causal = new == whole and new > 1
    return scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=causal, scale=scaling, enable_gqa=True
    )


def _layout(given: dict[str, Any]) -> _Layout:
    page = given["k_cache"].shape[1]
    lengths = given["cu_seq_lens_k"].diff().tolist()
    tables = given["block_table"][:, : -(-max(lengths) // page)].tolist()
    return _Layout(
        lengths,
        tables,
        rows=torch.tensor([table[(length - 1) // page] for table, length in zip(tables, lengths, strict=True)]),
        places=torch.tensor([(length - 1) % page for length in lengths]),
    )


def _decode(query: Any, key: Any, value: Any, scaling: float | None, given: dict[str, Any]) -> list[Any]:
    if _steps.layout is None:
        _steps.layout = _layout(given)
    lengths, tables, rows, places = _steps.layout
    keys, values = given["k_cache"], given["v_cache"]
    keys[rows, places] = key[0].transpose(0, 1)
    values[rows, places] = value[0].transpose(0, 1)
    # The query heads that share a key head become its queries: nothing is repeated.
    size, heads = query.shape[-1], key.shape[1]
    grouped = query[0].transpose(0, 1).view(len(lengths), heads, -1, size)
    return [
        scaled_dot_product_attention(
            grouped[i : i + 1], _read(keys, tables[i], length), _read(values, tables[i], length), scale=scaling
        ).view(1, -1, 1, size)
        for i, length in enumerate(lengths)
    ]


def _read(cache: Any, table: list[int], length: int) -> Any:
    """The first tokens of a request, 1 x heads x tokens x size."""
    page = cache.shape[1]
    if length <= page:
        return cache[table[0], :length].transpose(0, 1)[None]
    used = torch.tensor(table[: -(-length // page)])
    return cache[used].flatten(0, 1)[:length].transpose(0, 1)[None]


AttentionInterface.register(NAME, attend)
