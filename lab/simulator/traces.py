"""Requests as they arrived at a real service, to be asked again."""

import csv
import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path


@dataclass(frozen=True)
class Arrival:
    """A request. at: seconds since the first one. tokens: of its answer."""

    at: float
    prompt_tokens: int
    tokens: int


def read(path: Path) -> Sequence[Arrival]:
    """The requests of a file with the columns arrival_s, prompt_tokens and output_tokens, in order.

    Lines that begin with # are left out. Raises ValueError for a file without these columns or without a request.
    """
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        try:
            found = [Arrival(float(r["arrival_s"]), int(r["prompt_tokens"]), int(r["output_tokens"])) for r in rows]
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path}: not arrival_s,prompt_tokens,output_tokens: {error}") from None
    if not found:
        raise ValueError(f"{path}: no request")
    return sorted(found, key=lambda arrival: arrival.at)


def repeated(trace: Sequence[Arrival], seconds: float) -> Iterator[Arrival]:
    """The trace again and again for as long as this; its last gap is as long as its mean."""
    length = trace[-1].at * (1 + 1 / len(trace)) or seconds
    for turn in count():
        for arrival in trace:
            if (at := arrival.at + turn * length) >= seconds:
                return
            yield replace(arrival, at=at)


def answering(trace: Sequence[Arrival], tokens: int) -> Sequence[Arrival]:
    """The same requests with answers of one length."""
    return [replace(arrival, tokens=tokens) for arrival in trace]
