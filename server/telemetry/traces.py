"""Spans of requests, named as in OpenTelemetry's conventions for generative AI."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from server.telemetry.record import Record, seconds

_PROVIDER = "llm-inference"
_PARAMETERS = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_tokens": "gen_ai.request.max_tokens",
    "seed": "gen_ai.request.seed",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "n": "gen_ai.request.choice.count",
}
_SERVER_ERRORS = frozenset({"rejected", "timeout", "error"})
"""A caller's own mistake, or its leaving, is no error of a server's span."""

_CLOSE_SECONDS = 5
# A collector refuses messages above 4 MiB by default: so much of a text, and so few spans at once where texts are kept.
_TEXT_CHARACTERS = 32_768
_SPANS_WITH_TEXTS = 32
_SPANS = 512


class Traces:
    """Sends one trace's part per request: a server span with children queue, prefill and decode."""

    def __init__(self, model: str, *, service_name: str, exporters: Sequence[SpanExporter], texts: bool):
        self._model = model
        self._propagator = TraceContextTextMapPropagator()
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service_name}), shutdown_on_exit=False)
        most = _SPANS_WITH_TEXTS if texts else _SPANS
        # 1 s, not the default's 5: so much is lost with a process that dies.
        self._processors = [
            BatchSpanProcessor(exporter, schedule_delay_millis=1000, max_export_batch_size=most)
            for exporter in exporters
        ]
        for processor in self._processors:
            self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("server.telemetry")

    def parent(self, headers: Mapping[str, str]) -> Context:
        """The trace context that a request came with; an empty one where it has none, or a broken one."""
        return self._propagator.extract(headers, context=Context())

    def send(self, record: Record) -> None:
        """Make the spans of a request that has ended."""
        span = self._tracer.start_span(
            f"{record.operation} {self._model}",
            context=record.parent,
            kind=SpanKind.SERVER,
            attributes=self._attributes(record),
            start_time=record.arrived,
        )
        if span.is_recording():
            if record.first is not None:
                waited = {"gen_ai.server.time_to_first_token": seconds(record.arrived, record.first)}
                span.add_event("gen_ai.first_token", waited, timestamp=record.first)
            if record.status in _SERVER_ERRORS:
                span.set_status(StatusCode.ERROR, record.status)
            inside = set_span_in_context(span, Context())
            for name, start, end in _phases(record):
                self._tracer.start_span(name, context=inside, start_time=start).end(end)
        span.end(record.ended)

    def close(self) -> None:
        """Send what waits, to all collectors at once and for five seconds at most."""
        threads = [threading.Thread(target=processor.shutdown, daemon=True) for processor in self._processors]
        for thread in threads:
            thread.start()
        until = time.monotonic() + _CLOSE_SECONDS
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _attributes(self, record: Record) -> Mapping[str, Any]:
        found: dict[str, Any] = {
            "gen_ai.operation.name": record.operation,
            "gen_ai.provider.name": _PROVIDER,
            "gen_ai.request.model": self._model,
            "gen_ai.request.id": record.request_id,
            "llm.request.status": record.status,
        }
        found |= {_PARAMETERS[key]: value for key, value in record.parameters.items() if key in _PARAMETERS}
        if record.accepted is not None:
            found["gen_ai.usage.input_tokens"] = record.prompt_tokens
            found["gen_ai.usage.output_tokens"] = record.completion_tokens
        if record.first is not None:
            found["gen_ai.response.model"] = self._model
        if record.finish_reason is not None:
            found["gen_ai.response.finish_reasons"] = [record.finish_reason]
        if record.status in _SERVER_ERRORS:
            found["error.type"] = record.status
        if record.prompt is not None:
            found["gen_ai.input.messages"] = _message("user", record.prompt)
        if record.answer is not None:
            found["gen_ai.output.messages"] = _message(
                "assistant", record.answer, finish_reason=record.finish_reason or "error"
            )
        return found


def _phases(record: Record) -> Sequence[tuple[str, int, int]]:
    """The phases that a request reached. The last one ends with the request, a decode with its last token."""
    phases = []
    if record.accepted is not None:
        phases.append(("queue", record.accepted, record.scheduled or record.ended))
    if record.scheduled is not None:
        phases.append(("prefill", record.scheduled, record.first or record.ended))
    if record.first is not None and record.last is not None:
        phases.append(("decode", record.first, record.last))
    return phases


def _message(role: str, text: str, **more: str) -> str:
    parts = [{"type": "text", "content": text[:_TEXT_CHARACTERS]}]
    return json.dumps([{"role": role, "parts": parts, **more}], ensure_ascii=False)
