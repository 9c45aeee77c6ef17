"""Load on one server, by locust: as many users as streams, each with one answer after the other.

`python -m bench.server.load URL --api completions --model NAME --streams 8 --warm 2 --seconds 8` prints a JSON object.
It is a process of its own: what it costs is told, and is not the server's.
"""

import argparse
import json
import os
import time
from itertools import count
from typing import Any

import gevent
from locust import FastHttpUser, task
from locust.env import Environment

from bench.server.asking import ANSWER_TOKENS, prompt


class Seen:
    """When events came, and what was waited for each."""

    def __init__(self) -> None:
        self.numbers = count(1)
        self.asked: dict[int, float] = {}  # whose first event has not come
        self.first: list[tuple[float, float]] = []  # when asked, when the first event came
        self.gaps: list[tuple[float, float]] = []  # when an event came, after which time
        self.times: list[float] = []
        self.per_answer: list[int] = []
        self.failures: list[str] = []

    def event(self, number: int, last: float | None) -> float:
        """One event of an answer came, the one before it at last; gives the time."""
        now = time.monotonic()
        self.times.append(now)
        if last is None:
            self.first.append((self.asked.pop(number), now))
        else:
            self.gaps.append((now, now - last))
        return now

    def between(self, begin: float, end: float) -> dict[str, Any]:
        """What the time from begin to end came to."""
        answers, events = len(self.per_answer), sum(self.per_answer)
        # One event is one token, or a few, or all of an answer: the whole answers tell which. Where none was made in
        # time it was a stream, of which these servers send every token by itself.
        tokens = ANSWER_TOKENS * answers / events if events else 1
        # What did not come counts with the time that it was waited for until now: too little, and not nothing.
        waited = [end - asked for asked in self.asked.values()]
        return {
            "tokens_per_second": tokens * sum(begin < each <= end for each in self.times) / (end - begin),
            "ttft": [first - asked for asked, first in self.first if begin < first <= end] + waited,
            "itl": [gap for at, gap in self.gaps if begin < at <= end],
            "failures": self.failures,
        }


def user(api: str, model: str, seen: Seen) -> type[FastHttpUser]:
    """The users of an interface: completions (streamed), or generate (the baseline's, whole)."""

    class User(FastHttpUser):
        network_timeout = connection_timeout = 600
        max_retries = 0

        @task
        def ask(self) -> None:
            number = next(seen.numbers)
            seen.asked[number] = time.monotonic()
            events = self._whole(number) if api == "generate" else self._streamed(number)
            if events:
                seen.per_answer.append(events)
            else:
                seen.asked.pop(number, None)
                seen.failures.append("no whole answer")

        def _whole(self, number: int) -> int:
            body = {"prompt": prompt(number), "max_new_tokens": ANSWER_TOKENS, "temperature": 0}
            if self.client.post("/generate", json=body).status_code != 200:  # noqa: PLR2004
                return 0
            seen.event(number, None)
            return 1

        def _streamed(self, number: int) -> int:
            body = {"model": model, "prompt": prompt(number), "max_tokens": ANSWER_TOKENS, "temperature": 0}
            with self.client.post("/v1/completions", json=body | {"stream": True}, stream=True) as answer:
                events, at, last = 0, None, b""
                while event := answer.stream.readline(b"\n\n"):
                    if event.startswith(b"data: {"):
                        at, last = seen.event(number, at), event
                        events += 1
            return events if b'"length"' in last else 0

    return User


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--api", choices=["completions", "generate"], required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--streams", type=int, required=True)
    parser.add_argument("--warm", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    seen = Seen()
    runner = Environment(user_classes=[user(given.api, given.model, seen)], host=given.url).create_local_runner()
    runner.start(given.streams, spawn_rate=given.streams)
    gevent.sleep(given.warm)
    begin, used = time.monotonic(), time.process_time()
    gevent.sleep(given.seconds)
    end, used = time.monotonic(), time.process_time() - used
    measured = {**seen.between(begin, end), "client_cores": used / (end - begin)}
    print(json.dumps(measured), flush=True)
    # The answers that are under way are nobody's any more.
    os._exit(0)


if __name__ == "__main__":
    main()
