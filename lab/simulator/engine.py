"""An engine in virtual time: continuous batching over a paged KV cache, as vLLM and SGLang schedule.

Steps that are alike are taken at once: between two requests that come or end nothing changes but numbers.
"""

from collections import deque
from dataclasses import dataclass

from lab.dataplane.load import Finish, Load, Request
from lab.simulator.faults import Faults
from lab.simulator.traces import Arrival

BLOCK_TOKENS = 16
_PATH = "/v1/chat/completions"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """How fast an engine is, and how much fits.

    By default Llama 3.1 8B in 16 bits (16 GB, 128 KiB of KV cache for a token) on an L40S (48 GB, 864 GB/s,
    181 TFLOPS), by arithmetic, not measured: a step reads the weights, and 1,250 tokens of KV cache for each
    sequence; a prompt's token takes 16 GFLOP at half of the card's speed.

    chunk_tokens: of prompts that one step takes. batch: sequences at most. queue: requests that may wait at most.
    cached: share of each prompt that the prefix cache has.
    """

    step_seconds: float = 0.0185
    sequence_seconds: float = 0.00019
    prompt_tokens_per_second: float = 5600
    chunk_tokens: int = 2048
    batch: int = 128
    kv_tokens: int = 200_000
    queue: int | None = None
    cached: float = 0.25
    gpu_bytes: float = 48e9
    weight_bytes: float = 16e9
    kv_token_bytes: float = 131_072


@dataclass(eq=False)
class _Sequence:
    """A request in the engine. prefill: tokens to compute before the next one; context: tokens in the KV cache."""

    request: Request
    arrival: Arrival
    prefill: int
    fails: bool
    context: int = 0
    blocks: int = 0


class Engine:
    """One process. It tells what it does to its load."""

    def __init__(self, *, engine: str, version: str, model: str, machine: Machine, faults: Faults, now: float) -> None:
        self._machine, self._faults = machine, faults
        self._now = self._step_begun = now
        self._kv_tokens = faults.kv_tokens or machine.kv_tokens
        self.load = Load(
            engine=engine, version=version, model=model, kv_tokens=self._kv_tokens, clock=lambda: self._now
        )
        self._waiting: deque[_Sequence] = deque()
        self._running: list[_Sequence] = []
        self._blocks = 0
        self._most_bytes = self._leaked = 0.0
        self._owed_failures = 0.0
        # What is being done: so many alike steps, each of so many seconds, with so many tokens of prompts.
        self._steps, self._step_seconds, self._chunk = 0, 0.0, 0

    @property
    def in_flight(self) -> int:
        """Requests that run and wait."""
        return self.load.requests_running + self.load.requests_waiting

    @property
    def memory_bytes(self) -> float:
        """What it holds of its GPU, if it takes memory as it goes: what was once taken is kept for the next time."""
        return min(self._machine.gpu_bytes, self._machine.weight_bytes + self._most_bytes + self._leaked)

    def ask(self, arrival: Arrival) -> None:
        """A request arrives now."""
        machine = self._machine
        if machine.queue is not None and len(self._waiting) >= machine.queue:
            self.load.turned_away(path=_PATH, streamed=True)
            return
        cached = int(arrival.prompt_tokens * machine.cached) // BLOCK_TOKENS * BLOCK_TOKENS
        request = self.load.request(
            prompt_tokens=arrival.prompt_tokens,
            tokens=arrival.tokens,
            finish="stop",
            path=_PATH,
            streamed=True,
            cached_tokens=cached,
        )
        request.arrived()
        self._waiting.append(
            _Sequence(request, arrival, max(1, arrival.prompt_tokens - cached), fails=self._next_fails())
        )
        # It is looked at after the step that is going on.
        self._steps = min(self._steps, 1)
        if not self._steps:
            self._plan()

    def advance(self, until: float) -> None:
        """Work until then."""
        while self._steps:
            done = min(self._steps, int((until - self._step_begun) / self._step_seconds + 1e-9))
            if not done:
                break
            self._now = self._step_begun = self._step_begun + done * self._step_seconds
            self._steps -= done
            self._work(done)
            if not self._steps:
                self._plan()
        self._now = until

    def _wrong(self) -> bool:
        return self._now >= self._faults.since

    def _next_fails(self) -> bool:
        self._owed_failures += self._faults.failing if self._wrong() else 0
        fails = self._owed_failures >= 1
        self._owed_failures -= fails
        return fails

    def _plan(self) -> None:
        """Decide on the next step, and on how many that are like it follow."""
        self._step_begun = self._now
        if self._faults.stalled and self._wrong():
            self._admit()
            return
        decoding = self._make_room()
        self._admit()
        machine = self._machine
        self._chunk = min(machine.chunk_tokens, sum(sequence.prefill for sequence in self._running))
        if not self._running:
            return
        wrong = self._wrong()
        self._step_seconds = (machine.step_seconds + machine.sequence_seconds * len(decoding)) * (
            self._faults.slower_steps if wrong else 1
        ) + self._chunk / machine.prompt_tokens_per_second * (self._faults.slower_prompts if wrong else 1)
        self._steps = 1 if self._chunk else self._alike(decoding)

    def _alike(self, decoding: list[_Sequence]) -> int:
        """How many steps there are until a request ends or no block is free."""
        most = min(sequence.arrival.tokens - sequence.request.made for sequence in decoding)
        low, high = 1, most
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._needed(decoding, middle) <= self._free else (low, middle - 1)
        return low

    @property
    def _free(self) -> int:
        return self._kv_tokens // BLOCK_TOKENS - self._blocks

    def _needed(self, decoding: list[_Sequence], steps: int) -> int:
        """Blocks that so many steps take. Seldom is there any doubt, which is what takes long."""
        if len(decoding) * (steps // BLOCK_TOKENS + 1) <= self._free:
            return 0
        return sum(_blocks(sequence.context + steps) - sequence.blocks for sequence in decoding)

    def _make_room(self) -> list[_Sequence]:
        """Take the last ones out of the batch until each of the others has room for a token; those that decode."""
        while True:
            decoding = [sequence for sequence in self._running if not sequence.prefill]
            if len(self._running) <= 1 or self._needed(decoding, 1) <= self._free:
                return decoding
            victim = self._running.pop()
            self._release(victim)
            victim.request.preempted()
            # All that it had is computed anew.
            victim.prefill, victim.context = victim.arrival.prompt_tokens + victim.request.made, 0
            self._waiting.appendleft(victim)

    def _admit(self) -> None:
        """Put those that wait into the batch, in order, while there is room for them."""
        while self._waiting and len(self._running) < self._machine.batch:
            first = self._waiting[0]
            whole = first.arrival.prompt_tokens + first.request.made
            blocks = _blocks(whole + 1)
            if blocks > self._free and self._running:
                return
            self._waiting.popleft()
            first.context, first.blocks = whole, blocks
            self._blocks += blocks
            first.request.scheduled(holds=0)
            self._running.append(first)
        self._tell()

    def _work(self, steps: int) -> None:
        """What these steps bring: so many tokens for each that decodes, and the first one where a prompt is done."""
        chunk = self._chunk
        over: list[tuple[_Sequence, Finish]] = []
        for sequence in self._running:
            if sequence.prefill:
                taken = min(chunk, sequence.prefill)
                chunk -= taken
                sequence.prefill -= taken
                if sequence.prefill or not taken:
                    continue
                if sequence.fails:
                    over.append((sequence, "error"))
                    continue
            sequence.request.produced(steps)
            sequence.context += steps
            more = _blocks(sequence.context) - sequence.blocks
            sequence.blocks += more
            self._blocks += more
            if sequence.request.made >= sequence.arrival.tokens:
                over.append((sequence, "stop"))
        for sequence, finish in over:
            self._running.remove(sequence)
            self._release(sequence)
            sequence.request.ended(finish)
            self._leaked += self._faults.leaked_bytes if self._wrong() else 0
        self._tell()

    def _release(self, sequence: _Sequence) -> None:
        self._blocks -= sequence.blocks
        sequence.blocks = 0

    def _tell(self) -> None:
        load = self.load
        load.tokens_held = self._blocks * BLOCK_TOKENS
        self._most_bytes = max(self._most_bytes, load.tokens_held * self._machine.kv_token_bytes)


def _blocks(tokens: int) -> int:
    return -(-tokens // BLOCK_TOKENS)
