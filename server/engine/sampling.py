"""The choice of the next tokens of a batch, each by its own request's rule.

The library's own processors sort the whole vocabulary for every row, and know one seed for all requests. Here a row
costs what its rule needs, and a request's draws depend on nothing but its seed.
"""

import random
import secrets
from typing import Any

import torch

from server.generation import Sampling, Token

# Of so many likeliest tokens top_p is nearly always a part; the rare flat distribution is sorted whole.
CANDIDATES = 1024
COLDEST = 1e-5  # below it, logits divided by the temperature overflow float32


class Draws:
    """One request's rule, what ends it, and its random numbers: one per token, from its seed.

    scheduled: when it got its place in the batch, by time.monotonic_ns; None while it waits.
    """

    def __init__(self, sampling: Sampling, stop_ids: frozenset[int] = frozenset()) -> None:
        self.sampling = sampling
        self.stop_ids = stop_ids
        self.scheduled: int | None = None
        self._random = random.Random(secrets.randbits(64) if sampling.seed is None else sampling.seed)  # noqa: S311

    def next(self) -> float:
        """A number in [0, 1)."""
        return self._random.random()


def choose(logits: Any, requests: list[Draws]) -> Any:
    """The next token of every row of logits (rows x vocabulary), as a tensor of ids."""
    chosen = logits.argmax(dim=-1)
    warm = [row for row, draws in enumerate(requests) if draws.sampling.temperature > 0]
    if not warm:
        return chosen
    device = logits.device
    rules = [requests[row].sampling for row in warm]
    temperature = torch.tensor([max(rule.temperature, COLDEST) for rule in rules], device=device)
    uniform = torch.tensor([requests[row].next() for row in warm], device=device)
    rows = torch.tensor(warm, device=device)
    # As many rows as the batch has: then there is nothing to pick out.
    picked = logits if len(warm) == len(requests) else logits[rows]
    mass = (picked / temperature[:, None]).softmax(dim=-1)
    drawn = _draw(mass, uniform)
    cut = [i for i, rule in enumerate(rules) if rule.top_p < 1 or 0 < rule.top_k < mass.shape[-1]]
    if cut:
        index = torch.tensor(cut, device=device)
        drawn[index] = _draw_cut(mass[index], uniform[index], [rules[i] for i in cut])
    chosen[rows] = drawn
    return chosen


def tokens(logits: Any, chosen: Any, requests: list[Draws]) -> list[Token]:
    """The chosen tokens with what their requests want to know of them.

    Probabilities are the model's own: before temperature, top_k and top_p.
    """
    ids = chosen.tolist()
    asked = [row for row, draws in enumerate(requests) if draws.sampling.logprobs is not None]
    told: dict[int, tuple[float, tuple[tuple[int, float], ...]]] = {}
    if asked:
        rows = torch.tensor(asked, device=logits.device)
        scores = logits[rows].log_softmax(dim=-1)
        own = scores.gather(1, chosen[rows, None])[:, 0].tolist()
        most = max(requests[row].sampling.logprobs or 0 for row in asked)
        values, indices = (part.tolist() for part in scores.topk(min(most, scores.shape[-1]), dim=-1))
        for i, row in enumerate(asked):
            count = requests[row].sampling.logprobs or 0
            told[row] = own[i], tuple(zip(indices[i][:count], values[i][:count], strict=True))
    made = []
    for row, id_ in enumerate(ids):
        logprob, likeliest = told.get(row, (None, ()))
        made.append(Token(id=id_, logprob=logprob, likeliest=likeliest, last=id_ in requests[row].stop_ids))
    return made


def _draw(mass: Any, uniform: Any) -> Any:
    """Where the cumulated mass of each row first exceeds its share: a token of mass 0 is never drawn."""
    cumulated = mass.cumsum(dim=-1)
    total = cumulated[:, -1:]
    # Rounding may lift share * total to total, which nothing exceeds.
    target = torch.minimum(uniform[:, None] * total, torch.nextafter(total, torch.zeros_like(total)))
    # A model that overflowed to NaN finds no place; an id outside the vocabulary would end a GPU's whole process.
    return torch.searchsorted(cumulated, target, right=True)[:, 0].clamp(max=mass.shape[-1] - 1)


def _draw_cut(mass: Any, uniform: Any, rules: list[Sampling]) -> Any:
    """Draw from the top_k likeliest, and of these from the fewest that hold top_p of the mass."""
    size = mass.shape[-1]
    top_k = torch.tensor([rule.top_k or size for rule in rules], device=mass.device)
    top_p = torch.tensor([rule.top_p for rule in rules], device=mass.device)
    width = min(size, max(CANDIDATES, *(rule.top_k for rule in rules)))
    likeliest, ids = mass.topk(width, dim=-1)
    drawn = _draw_sorted(likeliest, ids, uniform, top_k, top_p)
    if width < size:
        wide = (top_k > width) & (likeliest.sum(dim=-1) < top_p)
        if wide.any():
            ordered, ids = mass[wide].sort(dim=-1, descending=True)
            drawn[wide] = _draw_sorted(ordered, ids, uniform[wide], top_k[wide], top_p[wide])
    return drawn


def _draw_sorted(mass: Any, ids: Any, uniform: Any, top_k: Any, top_p: Any) -> Any:
    width = mass.shape[-1]
    mass = mass.masked_fill(torch.arange(width, device=mass.device) >= top_k[:, None], 0)
    cumulated = mass.cumsum(dim=-1)
    # Without top_k all tokens share 1, those beyond the candidates too.
    total = torch.where(top_k > width, 1.0, cumulated[:, -1])
    beyond = cumulated - mass >= (top_p * total)[:, None]
    beyond[:, 0] = False  # with top_p 0, the likeliest alone
    mass = mass.masked_fill(beyond, 0)
    return ids.gather(1, _draw(mass, uniform)[:, None])[:, 0]
