"""The server's engine without HTTP: as many answers at a time as there are streams, in one loop.

`server/.venv/bin/python -m bench.server.direct MODEL --streams 1 8 --warm 2 --seconds 8` prints one JSON object.
"""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Mapping
from itertools import count
from typing import Any

import torch
import transformers

from bench.server.asking import ANSWER_TOKENS, prompt
from server.engine.engine import Engine
from server.engine.load import load
from server.generation import Sampling


class Nobody:
    """Watches nothing: neither a request nor the engine."""

    def request(
        self, operation: str, *, headers: Mapping[str, str], request_id: str, parameters: Mapping[str, float | int]
    ) -> Any:
        """Never asked: there is no HTTP."""
        raise NotImplementedError

    def batch(self, *, size: int, waiting: int, running: int, cache_used: float) -> None:
        """Nothing."""

    def accepted(self, *, prompt_tokens: int) -> None:
        """Nothing."""

    def scheduled(self) -> None:
        """Nothing."""

    def produced(self, tokens: int) -> None:
        """Nothing."""

    def content(self, *, prompt: str | None = None, answer: str | None = None) -> None:
        """Nothing."""

    def ended(self, status: str, *, finish_reason: str | None = None) -> None:
        """Nothing."""


class Run:
    """An engine that is asked without a pause."""

    def __init__(self, engine: Engine, tokenizer: Any) -> None:
        self._engine = engine
        self._tokenizer = tokenizer
        self._numbers = count()
        self._first: list[tuple[float, float]] = []  # when asked, when its first token came
        self._gaps: list[tuple[float, float]] = []  # when a token came, after which time
        self._times: list[float] = []

    async def answer(self, number: int) -> list[int]:
        """The tokens of one answer."""
        ids: list[int] = []
        last = began = time.monotonic()
        asked = Sampling(max_new_tokens=ANSWER_TOKENS, temperature=0)
        async for tokens in self._engine.generate(self._tokenizer.encode(prompt(number)), asked, Nobody()):
            now = time.monotonic()
            if ids:
                self._gaps.append((now, now - last))
            else:
                self._first.append((began, now))
            self._times += [now] * len(tokens)
            ids += [token.id for token in tokens]
            last = now
        return ids

    async def measure(self, streams: int, warm: float, seconds: float) -> dict[str, Any]:
        """Of the seconds that follow the warm ones."""
        for each in (self._first, self._gaps, self._times):
            each.clear()

        async def stream() -> None:
            while True:
                await self.answer(next(self._numbers))

        tasks = [asyncio.create_task(stream()) for _ in range(streams)]
        await asyncio.sleep(warm)
        begin = time.monotonic()
        await asyncio.sleep(seconds)
        end = time.monotonic()
        for task in tasks:
            if task.done():
                task.result()  # raises what ended it
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return {
            "tokens_per_second": sum(begin < each <= end for each in self._times) / (end - begin),
            "ttft": [first - asked for asked, first in self._first if begin < first <= end],
            "itl": [gap for at, gap in self._gaps if begin < at <= end],
        }


async def main() -> None:
    """Measure at every number of streams, and say what it ran on."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--streams", type=int, nargs="+", required=True)
    parser.add_argument("--warm", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    loaded = load(given.model)
    engine = Engine(loaded, Nobody(), max_running_requests=max(64, *given.streams))
    engine.start()
    await engine.warm_up()
    run = Run(engine, loaded.tokenizer)
    text = loaded.tokenizer.decode(await run.answer(0), skip_special_tokens=True)
    measured = [await run.measure(streams, given.warm, given.seconds) for streams in given.streams]
    engine.stop()
    parameters = sum(each.numel() for each in loaded.model.parameters()) / 1e6
    about = {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "threads": torch.get_num_threads(),
        "parameters, millions": round(parameters, 1),
        "dtype": str(loaded.model.dtype),
    }
    print(json.dumps({"about": about, "text": text, "measured": measured}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
