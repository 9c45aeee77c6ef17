"""The engine's side of its process: runs the batching, and tells after every step what it made."""

import gc
import time
from collections.abc import Callable, Collection
from typing import Any

import torch

from server.engine.batching import Batching, batching_config, started
from server.engine.load import Loaded
from server.engine.messages import Cancel, Channel, FromEngine, GivenUp, Ready, Step, Submit
from server.engine.sampling import Draws, choose, tokens
from server.generation import Sampling, Token

STOP_SECONDS = 30
"""So long is waited for the step that runs when the engine stops."""

CPU_STEP_TOKENS = 512  # prompts are read in pieces of so many: the running answers wait for one
CPU_CACHE_TOKENS = 32_768  # if not told: on a CPU the library would take most of the machine's memory
MEMORY_SECONDS = 1  # between two looks at the GPU's memory: torch takes 0.1 ms to tell, and it seldom changes


class Worker:
    """Implements server.engine.batching.Listener.

    tell: called in the batching's thread. kv_cache_tokens: in whole pages of 256; None for what the device has.
    """

    def __init__(
        self,
        loaded: Loaded,
        tell: Callable[[FromEngine], None],
        *,
        max_running_requests: int = 64,
        kv_cache_tokens: int | None = None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        on_cpu = loaded.device == "cpu"
        if kv_cache_tokens is None and on_cpu:
            kv_cache_tokens = max(CPU_CACHE_TOKENS, loaded.context_length)
        config = batching_config(
            max_running_requests=max_running_requests,
            cache_tokens=kv_cache_tokens,
            max_batch_tokens=max(CPU_STEP_TOKENS, max_running_requests) if on_cpu else None,
        )
        self._tell = tell
        self._ended = ended
        self._requests: dict[str, Draws] = {}
        # Of the step that runs, in the batching's thread alone.
        self._began = 0
        self._made: dict[str, Token] = {}
        self._scheduled: list[int] = []
        self._finished: set[str] = set()
        self._looked = -MEMORY_SECONDS * 10**9
        # Last: it starts the thread. Raises what the library raises where the cache does not fit.
        self._batching = started(lambda: Batching(loaded.model, config, loaded.context_length, self))
        self.longest = min(loaded.context_length, self._batching.cache_tokens)

    def submit(self, asked: Submit) -> None:
        """Queue a request."""
        name = str(asked.number)
        self._requests[name] = Draws(asked.sampling, asked.stop_ids)
        self._batching.submit(
            name, list(asked.prompt), max_new_tokens=asked.sampling.max_new_tokens, stop_ids=asked.stop_ids
        )
        # Registered first, then looked: a thread that ends in between fails what is registered.
        if not self._batching.alive:
            self.failed(name, "stopped")

    def cancel(self, number: int) -> None:
        """Free a request's place. One that is over has none."""
        if self._requests.pop(str(number), None) is not None:
            self._batching.cancel_request(str(number))

    def stop(self) -> None:
        """End the thread; answers that still run are given up."""
        self._batching.stop(hard_stop=True, timeout=STOP_SECONDS)

    # What the batching tells, in its own thread.

    def scheduled(self, request_ids: Collection[str]) -> None:
        """These are part of the step that begins."""
        self._began = time.monotonic_ns()
        for request_id in request_ids:
            draws = self._requests.get(request_id)
            if draws is not None and draws.scheduled is None:
                draws.scheduled = self._began
                self._scheduled.append(int(request_id))

    def sample(self, logits: Any, request_ids: Collection[str]) -> Any:
        """The ids of the next tokens, one for each row of logits."""
        requests = [self._requests.get(each, _NOBODY) for each in request_ids]
        chosen = choose(logits, requests)
        self._made = dict(zip(request_ids, tokens(logits, chosen, requests), strict=True))
        return chosen

    def finished(self, request_id: str) -> None:
        """Its last token was made."""
        self._finished.add(request_id)

    def failed(self, request_id: str, cause: str) -> None:
        """It was given up."""
        draws = self._requests.pop(request_id, None)
        if draws is not None:
            self._tell(GivenUp(int(request_id), cause, draws.scheduled))

    def stepped(self, *, size: int, waiting: int, running: int, cache_used: float) -> None:
        """A step ended: tell what it made."""
        made, self._made = self._made, {}
        scheduled, self._scheduled = self._scheduled, []
        finished, self._finished = self._finished, set()
        for request_id in finished:
            self._requests.pop(request_id, None)
        self._tell(
            Step(
                began=self._began,
                ended=time.monotonic_ns(),
                scheduled=scheduled,
                made=[(int(each), token, each in finished) for each, token in made.items()],
                size=size,
                waiting=waiting,
                running=running,
                cache_used=cache_used,
                gpu_memory=self._gpu_memory(),
            )
        )

    def ended(self) -> None:
        """The loop ended: nothing that still waits will be answered."""
        for request_id in list(self._requests):
            self.failed(request_id, "stopped")
        self._ended()

    def _gpu_memory(self) -> dict[int, int] | None:
        now = time.monotonic_ns()
        if now - self._looked < MEMORY_SECONDS * 10**9:
            return None
        self._looked = now
        if not (torch.cuda.is_available() and torch.cuda.is_initialized()):
            return {}
        return {index: torch.cuda.memory_reserved(index) for index in range(torch.cuda.device_count())}


# A request that was cancelled during the step: its row is chosen in the cheapest way and goes nowhere.
_NOBODY = Draws(Sampling(max_new_tokens=1, temperature=0))


def work(channel: Channel, loaded: Loaded, *, max_running_requests: int, kv_cache_tokens: int | None) -> None:
    """Answer what is asked for over a channel, until either end of it is closed."""
    # A loop that ends by itself closes it: the other process learns of it as it learns of this one's death.
    worker = Worker(
        loaded,
        channel.send,
        max_running_requests=max_running_requests,
        kv_cache_tokens=kv_cache_tokens,
        ended=channel.close,
    )
    # A full collection would look at all that is loaded, and stop every step for a second.
    gc.collect()
    gc.freeze()
    channel.send(Ready(longest=worker.longest, stop_ids=loaded.stop_ids))
    while (message := channel.receive()) is not None:
        if isinstance(message, Submit):
            worker.submit(message)
        elif isinstance(message, Cancel):
            worker.cancel(message.number)
    worker.stop()
