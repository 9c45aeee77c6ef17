"""Bars of fit: what each GPU of a model holds, against its memory."""

from collections.abc import Iterable, Mapping
from typing import Any

from ops.plan.page.bars import Part, bar
from ops.plan.page.markup import Markup, element

_KINDS = ("weights", "activation", "reserve", "cache")
_NOTE = (
    "Bar: the memory of one GPU, by what is likely. Line: where the KV cache begins if all else takes the least, and "
    "the most. Upright: what the engine uses, and all of the GPU. Reserve: CUDA, its graphs, communication."
)
Gib = Mapping[str, float]


def figure(data: Iterable[Mapping[str, Any]]) -> Markup:
    """Each model of the section `fit`."""
    models = list(data)
    notes = [element("p", _NOTE, class_="why")] if any(one["memory"] for one in models) else []
    return element("div", *notes, element("div", *map(_model, models), class_="cards"))


def _model(one: Mapping[str, Any]) -> Markup:
    return element(
        "article",
        element("h3", one["model"], " ", badge(one["verdict"])),
        *(_memory(one) if one["memory"] else ()),
        element("p", one["why"], class_="why"),
    )


def badge(verdict: str) -> Markup:
    """A verdict, in its colour and in words."""
    return element("span", verdict, class_=f"badge {verdict.replace(' ', '-')}")


def parts_of(memory: Mapping[str, Any]) -> dict[str, Gib]:
    """What a GPU holds by what takes it, in the order of its bar. reserve: all that is neither of the others."""
    terms: Mapping[str, Gib] = memory["termsGiB"]
    beside = [band for name, band in terms.items() if name not in ("weights", "activation")]
    nothing = dict.fromkeys(("low", "likely", "high"), 0.0)
    reserve = {side: round(sum(band[side] for band in beside), 2) for side in nothing}
    named = (terms["weights"], terms.get("activation", nothing), reserve, memory["kvCacheGiB"])
    return dict(zip(_KINDS, named, strict=True))


def _memory(one: Mapping[str, Any]) -> list[Markup]:
    memory, gpu = one["memory"], one["memory"]["gpuGiB"]
    parts = parts_of(memory)
    taken = {side: sum(parts[kind][side] for kind in _KINDS[:3]) for side in ("low", "likely", "high")}
    texts = {
        "weights": f"weights {gib(parts['weights'])}",
        "activation": f"activation {gib(parts['activation'])}",
        "reserve": f"reserve {gib(parts['reserve'])}",
        "cache": _cache(parts["cache"]),
    }
    where = f"{memory['gpus']} x {one['accelerator']}; of each GPU's {gpu:g} GiB"
    engine = f"the engine uses {gib(memory['engineGiB'])}"
    drawn = bar(
        [Part(kind=kind, size=parts[kind]["likely"]) for kind in _KINDS],
        of=max(gpu, taken["high"]),
        label=f"{one['model']}, {where}, in GiB: {', '.join(texts.values())}; {engine}",
        band=(taken["low"], taken["high"]),
        marks=[memory["engineGiB"]["likely"], gpu],
    )
    return [
        element("p", f"{where} {engine}"),
        drawn,
        element("ul", *(_key(kind, text) for kind, text in texts.items()), class_="legend"),
    ]


def _key(kind: str, text: str) -> Markup:
    return element("li", element("i", class_=f"swatch {kind}", aria_hidden="true"), text)


def _cache(band: Gib) -> str:
    if band["likely"] >= 0:
        return f"KV cache {gib(band)}"
    missing = {"low": -band["high"], "likely": -band["likely"], "high": -band["low"]}
    return f"KV cache none, {gib(missing)} more are needed for the rest"


def gib(band: Gib) -> str:
    """A band for people: what is likely, and in brackets the least and the most where they differ."""
    low, likely, high = (f"{band[side]:,.1f}" for side in ("low", "likely", "high"))
    return likely if low == high else f"{likely} ({low} to {high})"
