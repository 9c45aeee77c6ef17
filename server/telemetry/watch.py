"""One request, watched from its arrival to its end."""

import threading

from server.observing import Status
from server.telemetry.metrics import Metrics
from server.telemetry.record import Record, seconds
from server.telemetry.traces import Traces


class RequestWatch:
    """Implements server.observing.Watch. Spans are made at the end, so that a request costs a few times of day."""

    def __init__(self, record: Record, *, metrics: Metrics, traces: Traces | None, keep_content: bool):
        self._record = record
        self._metrics = metrics
        self._traces = traces
        self._keep_content = keep_content
        self._lock = threading.Lock()

    def accepted(self, *, prompt_tokens: int) -> None:
        """It waits for a place in the batch. The prompts of one request add up."""
        with self._lock:
            record = self._record
            if record.status is not None:
                return
            if record.accepted is None:
                record.accepted = record.time()
                self._metrics.opened()
            record.prompt_tokens += prompt_tokens
            if record.first is not None:
                self._metrics.prompt_tokens.inc(prompt_tokens)

    def scheduled(self, at: int | None = None) -> None:
        """It has its place; a second call changes nothing."""
        with self._lock:
            record = self._record
            if record.status is not None or record.scheduled is not None:
                return
            record.scheduled = record.time(at)
            if record.accepted is not None:
                self._metrics.queue.observe(seconds(record.accepted, record.scheduled))

    def produced(self, tokens: int, at: int | None = None) -> None:
        """So many tokens more. The time between two calls is shared by the tokens of the second."""
        with self._lock:
            record = self._record
            if record.status is not None or tokens < 1:
                return
            now = record.time(at)
            if record.last is None:
                record.first = now
                self._metrics.first_token.observe(seconds(record.arrived, now))
                self._metrics.prompt_tokens.inc(record.prompt_tokens)
            else:
                gap = seconds(record.last, now) / tokens
                for _ in range(tokens):
                    self._metrics.inter_token.observe(gap)
            record.last = now
            record.completion_tokens += tokens
            self._metrics.completion_tokens.inc(tokens)

    def content(self, *, prompt: str | None = None, answer: str | None = None) -> None:
        """What was asked and answered; forgotten at once where the operator did not ask for it."""
        if not self._keep_content:
            return
        with self._lock:
            if prompt is not None:
                self._record.prompt = prompt
            if answer is not None:
                self._record.answer = answer

    def ended(self, status: Status, *, finish_reason: str | None = None) -> None:
        """It is over. Later calls change nothing."""
        with self._lock:
            record = self._record
            if record.status is not None:
                return
            record.ended = record.time()
            record.status = status
            record.finish_reason = finish_reason
        self._metrics.ended(record)
        if self._traces is not None:
            self._traces.send(record)
