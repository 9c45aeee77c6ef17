"""The server's engine alone, without HTTP and without a second process: as many answers at a time as streams.

`server/.venv/bin/python -m bench.server.direct MODEL --streams 1 8 --warm 2 --seconds 8` prints one JSON object.
"""

import argparse
import json
import os
import time
from itertools import count
from threading import Event
from typing import Any

import torch
import transformers

from bench.server.asking import ANSWER_TOKENS, prompt
from server.engine.load import load
from server.engine.messages import FromEngine, GivenUp, Step, Submit
from server.engine.worker import Worker
from server.generation import Sampling

NOTHING: frozenset[int] = frozenset()


class Run:
    """An engine that is asked without a pause: what its thread tells, is noted and asked again there and then."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._numbers = count(1)
        self._begun: dict[int, float] = {}  # when asked
        self._last: dict[int, float] = {}  # when its last token came
        self._goes_on = False
        self._idle = Event()
        self.failed: list[str] = []
        self.first_text: list[int] = []
        self.first: list[tuple[float, float]] = []  # when asked, when its first token came
        self.gaps: list[tuple[float, float]] = []  # when a token came, after which time
        self.times: list[float] = []
        self.worker: Worker | None = None

    def ask(self, number: int) -> None:
        """Queue an answer."""
        self._idle.clear()
        self._begun[number] = time.monotonic()
        asked = Sampling(max_new_tokens=ANSWER_TOKENS, temperature=0, ignore_eos=True)
        assert self.worker is not None
        self.worker.submit(Submit(number, self._tokenizer.encode(prompt(number)), asked, NOTHING))

    def tell(self, message: FromEngine) -> None:
        """In the engine's thread: something was made."""
        if isinstance(message, GivenUp):
            self.failed.append(message.cause)
        if not isinstance(message, Step):
            return
        now = time.monotonic()
        for number, token, over in message.made:
            if number in self._last:
                self.gaps.append((now, now - self._last[number]))
            else:
                self.first.append((self._begun[number], now))
            self.times.append(now)
            self._last[number] = now
            if not number:
                self.first_text.append(token.id)
            if over:
                del self._begun[number], self._last[number]
                if self._goes_on:
                    self.ask(next(self._numbers))
        if not self._begun:
            self._idle.set()

    def wait(self) -> None:
        """Until nothing is under way."""
        self._idle.wait()

    def measure(self, streams: int, warm: float, seconds: float) -> dict[str, Any]:
        """Of the seconds that follow the warm ones."""
        for each in (self.first, self.gaps, self.times):
            each.clear()
        self._goes_on = True
        for _ in range(streams):
            self.ask(next(self._numbers))
        time.sleep(warm)
        begin = time.monotonic()
        time.sleep(seconds)
        end = time.monotonic()
        self._goes_on = False
        measured = {
            "tokens_per_second": sum(begin < each <= end for each in self.times) / (end - begin),
            "ttft": [first - asked for asked, first in self.first if begin < first <= end],
            "itl": [gap for at, gap in self.gaps if begin < at <= end],
            "failures": list(self.failed),
        }
        self.wait()
        return measured


def main() -> None:
    """Measure at every number of streams, and say what it ran on."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--streams", type=int, nargs="+", required=True)
    parser.add_argument("--warm", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    loaded = load(given.model)
    tokenizer = transformers.AutoTokenizer.from_pretrained(given.model)
    run = Run(tokenizer)
    run.worker = Worker(loaded, run.tell, max_running_requests=max(64, *given.streams))
    run.ask(0)
    run.wait()
    text = tokenizer.decode(run.first_text, skip_special_tokens=True)
    measured = [run.measure(streams, given.warm, given.seconds) for streams in given.streams]
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
    main()
