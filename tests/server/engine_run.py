"""Drive the engine without HTTP, and print what was seen as JSON: `server/.venv/bin/python ... MODEL`."""

import asyncio
import json
import random
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
from transformers import AutoTokenizer

from server.engine.engine import Engine
from server.engine.load import Loaded, load
from server.engine.messages import Channel, Ready
from server.engine.worker import work
from server.generation import EngineError, LoadError, Sampling, Token


class Watched:
    """Counts what the engine tells of one request."""

    def __init__(self) -> None:
        self.told: list[str | int] = []
        self.times: list[int | None] = []

    def accepted(self, *, prompt_tokens: int) -> None: ...

    def scheduled(self, at: int | None = None) -> None:
        self.told.append("scheduled")
        self.times.append(at)

    def produced(self, tokens: int, at: int | None = None) -> None:
        self.told.append(tokens)
        self.times.append(at)

    def content(self, *, prompt: str | None = None, answer: str | None = None) -> None: ...

    def ended(self, status: str, *, finish_reason: str | None = None) -> None: ...


class Observed:
    """Keeps every step."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []

    def request(self, operation: str, *, headers: Mapping[str, str], request_id: str, parameters: Any) -> Watched:
        raise NotImplementedError

    def batch(self, **step: Any) -> None:
        self.steps.append(step)

    def gpu_memory(self, held: Mapping[int, int]) -> None: ...

    def most(self, what: str) -> float:
        return max(step[what] for step in self.steps)


class Run:
    """An engine whose other side is a thread here, where its model can be made to fail."""

    def __init__(self, loaded: Loaded, *, max_running_requests: int = 64, kv_cache_tokens: int | None = None) -> None:
        self.observed = Observed()
        ours, theirs = socket.socketpair()
        self.engine = Engine(self.observed, ours)
        limits = {"max_running_requests": max_running_requests, "kv_cache_tokens": kv_cache_tokens}
        self.thread = threading.Thread(target=work, args=(Channel(theirs), loaded), kwargs=limits)

    async def __aenter__(self) -> Self:
        self.thread.start()
        await self.engine.open()
        await self.engine.warm_up()
        self.observed.steps.clear()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.engine.close()
        await asyncio.to_thread(self.thread.join)

    def prompt(self, text: str) -> list[int]:
        return TOKENIZER(text)["input_ids"]

    async def tokens(self, text: str, watch: Watched | None = None, **rules: Any) -> list[Token]:
        sampling = Sampling(**{"max_new_tokens": 48, **rules})
        answer: list[Token] = []
        async for piece in self.engine.generate(self.prompt(text), sampling, watch or Watched()):
            answer.extend(piece)
        return answer

    async def ids(self, text: str, **rules: Any) -> list[int]:
        return [token.id for token in await self.tokens(text, **rules)]

    async def settled(self) -> dict[str, Any]:
        """The last step's numbers once nothing runs."""
        async with asyncio.timeout(10):
            while not self.observed.steps or self.observed.steps[-1]["running"] or self.observed.steps[-1]["waiting"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return self.observed.steps[-1]


async def choice(run: Run, model: Any) -> dict[str, Any]:
    text = "Tell me of the sea"
    start = torch.tensor([run.prompt(text)])
    generated = model.generate(start, do_sample=False, max_new_tokens=48)
    rules = [{}, {"top_p": 0.9}, {"top_k": 5}, {"temperature": 0.6, "top_k": 40, "top_p": 0.8}]
    alone = [await run.ids(text, seed=11, **rule) for rule in rules]
    others = [run.ids(f"Question {i}", max_new_tokens=30 + i, **rules[i % 4]) for i in range(12)]
    batched = await asyncio.gather(*(run.ids(text, seed=11, **rule) for rule in rules), *others)
    with_logprobs = await run.tokens(text, seed=11, logprobs=3)
    return {
        "greedy": await run.ids(text, temperature=0) == generated[0, start.shape[1] :].tolist(),
        "alone": alone,
        "batched": batched[:4],
        "batch": run.observed.most("size"),
        "other seed": await run.ids(text, seed=12) != alone[0],
        "no seed differs": await run.ids(text) != await run.ids(text),
        "coldest": await run.ids(text, temperature=1e-9, seed=1) == await run.ids(text, temperature=0),
        "first only": await run.ids(text, top_p=0.0001, seed=1) == await run.ids(text, temperature=0),
        "logprobs": [[t.id, t.logprob, t.likeliest] for t in with_logprobs[:4]],
        "logprobs change nothing": [t.id for t in with_logprobs] == alone[0],
    }


async def ends(run: Run, spare: Loaded) -> dict[str, Any]:
    watch = Watched()
    limited = await run.tokens("One two", watch, max_new_tokens=7)
    whole = await run.ids("One two", temperature=0)
    # What is likely to come: a stop token of this model, for once.
    stop = whole[5]
    async with Run(replace(spare, stop_ids=frozenset({stop}))) as stopping:
        stopped = await stopping.tokens("One two", temperature=0)
        ignored = await stopping.tokens("One two", temperature=0, ignore_eos=True)
    return {
        "limited": len(limited),
        "told": watch.told,
        "times": watch.times,
        "stopped": [token.id for token in stopped] == whole[: whole.index(stop) + 1],
        "last": [token.last for token in stopped],
        "ignored": [token.id for token in ignored] == whole,
        "ignored last": any(token.last for token in ignored),
    }


async def cancelled(run: Run) -> dict[str, Any]:
    dice = random.Random(3)

    async def vanish(i: int) -> None:
        answer = run.engine.generate(
            run.prompt(f"Question {i}"), Sampling(max_new_tokens=1000, ignore_eos=True), Watched()
        )
        patience = dice.choice([0, 1, 3, 9])
        task = asyncio.ensure_future(anext(answer))
        for _ in range(patience):
            await task
            task = asyncio.ensure_future(anext(answer))
        await asyncio.sleep(dice.random() * 0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await answer.aclose()

    expected = await run.ids("A survivor", seed=4)
    survivor, *_ = await asyncio.gather(run.ids("A survivor", seed=4), *(vanish(i) for i in range(200)))
    left = await run.settled()
    run.observed.steps.clear()
    again = await asyncio.gather(*(run.ids(f"Question {i}", ignore_eos=True) for i in range(8)))
    return {
        "left": left,
        "survivor": survivor == expected,
        "again": [len(ids) for ids in again],
        "size": run.observed.most("size"),
    }


async def limits(loaded: Loaded) -> dict[str, Any]:
    async with Run(loaded, max_running_requests=3, kv_cache_tokens=1024) as run:
        fitting = await asyncio.gather(
            *(run.ids(f"Question {i}", seed=i, max_new_tokens=350) for i in range(6)),
        )
        alone = [await run.ids(f"Question {i}", seed=i, max_new_tokens=350) for i in range(2)]
        try:
            await run.ids("Too long", max_new_tokens=1024)
        except EngineError as error:
            refused = str(error)
        left = await run.settled()
        return {
            "lengths": [len(ids) for ids in fitting],
            "same": fitting[:2] == alone,
            "running": run.observed.most("running"),
            "size": run.observed.most("size"),
            "used": run.observed.most("cache_used"),
            "left": left["cache_used"],
            "longest": run.engine.longest,
            "refused": refused,
        }


async def failures(loaded: Loaded) -> dict[str, Any]:
    failing = 0

    def fail(*_: object) -> None:
        nonlocal failing
        if failing:
            failing -= 1
            raise RuntimeError("canary")

    async def outcome(text: str) -> str:
        try:
            return str(len(await run.ids(text)))
        except EngineError as error:
            return str(error)

    hook = loaded.model.register_forward_pre_hook(fail)
    async with Run(loaded) as run:
        failing = 1
        once = [await outcome("One"), await outcome("Two")]
        alive = run.engine.alive
        failing = 3
        often = [await outcome("One"), await outcome("Two"), await outcome("Three")]
        async with asyncio.timeout(10):
            while run.engine.alive:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        often.append(await outcome("Four"))
    hook.remove()
    return {"once": once, "alive": alive, "often": often}


async def silent() -> dict[str, Any]:
    """Of an engine that is there and says nothing any more, and then is not there."""
    ours, theirs = socket.socketpair()
    engine = Engine(Observed(), ours)
    channel = Channel(theirs)
    channel.send(Ready(longest=2048, stop_ids=frozenset()))
    await engine.open()
    answer = asyncio.ensure_future(anext(engine.generate([1], Sampling(max_new_tokens=4), Watched())))
    await asyncio.sleep(0)
    at_once = engine.alive
    with patch("server.engine.engine.STUCK_SECONDS", 0.1):
        await asyncio.sleep(0.2)
        later = engine.alive
    channel.close()
    try:
        await answer
    except EngineError as error:
        return {"at once": at_once, "later": later, "told": str(error)}
    return {}


def refusals(folder: str) -> list[str]:
    said = []
    for options in ({"quantization": "bitsandbytes-4bit"}, {"max_model_len": 4096}):
        try:
            load(folder, **options)
        except LoadError as error:
            said.append(str(error))
    return said


async def main(folder: str) -> None:
    loaded = load(folder)
    spare = load(folder)  # a model belongs to one engine while that runs
    seen: dict[str, Any] = {"refusals": refusals(folder)}
    async with Run(loaded, max_running_requests=16) as run:
        seen["choice"] = await choice(run, spare.model)
        seen["ends"] = await ends(run, spare)
    async with Run(loaded, max_running_requests=8) as run:
        seen["cancelled"] = await cancelled(run)
    seen["limits"] = await limits(loaded)
    seen["failures"] = await failures(loaded)
    seen["silent"] = await silent()
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    TOKENIZER = AutoTokenizer.from_pretrained(sys.argv[1])
    asyncio.run(main(sys.argv[1]))
