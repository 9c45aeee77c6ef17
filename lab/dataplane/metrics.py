"""What an engine says about its load, under the names that the real one has."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from lab.hub.simulation import Generated


@dataclass(kw_only=True)
class Load:
    """The load of one engine. kv_tokens: size of its KV cache."""

    model: str
    kv_tokens: int
    requests_running: int = 0
    requests_waiting: int = 0
    tokens_held: int = 0
    prompt_tokens: int = 0
    generation_tokens: int = 0
    finished: dict[str, int] = field(default_factory=dict)

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Count a request that waits."""
        self.requests_waiting += 1
        try:
            yield
        finally:
            self.requests_waiting -= 1

    @contextlib.contextmanager
    def running(self, answer: Generated) -> Iterator[None]:
        """Count a request that runs, and its tokens when it has ended."""
        held = answer.prompt_tokens + len(answer.words)
        self.requests_running += 1
        self.tokens_held += held
        end = "abort"
        try:
            yield
            end = answer.finish
        finally:
            self.requests_running -= 1
            self.tokens_held -= held
            self.finished[end] = self.finished.get(end, 0) + 1
            if end != "abort":
                self.prompt_tokens += answer.prompt_tokens
                self.generation_tokens += len(answer.words)

    @property
    def kv_usage(self) -> float:
        """The used part of the KV cache, 0 to 1."""
        return min(1.0, self.tokens_held / self.kv_tokens)


@dataclass(frozen=True, kw_only=True)
class Names:
    """An engine's names; None for what it does not count. labels: what it puts on each, with {model}."""

    running: str
    waiting: str
    kv_usage: str | None
    prompt: str | None
    generated: str | None
    finished: str | None
    labels: str


_VLLM = Names(
    running="vllm:num_requests_running",
    waiting="vllm:num_requests_waiting",
    kv_usage="vllm:kv_cache_usage_perc",
    prompt="vllm:prompt_tokens_total",
    generated="vllm:generation_tokens_total",
    finished="vllm:request_success_total",
    labels='engine="0",model_name="{model}"',
)
NAMES: Mapping[str, Names] = MappingProxyType(
    {
        # https://docs.vllm.ai/en/stable/usage/metrics/
        "vllm": _VLLM,
        # https://docs.sglang.ai/references/production_metrics.html
        "sglang": Names(
            running="sglang:num_running_reqs",
            waiting="sglang:num_queue_reqs",
            kv_usage="sglang:token_usage",
            prompt="sglang:prompt_tokens_total",
            generated="sglang:generation_tokens_total",
            finished=None,
            labels='model_name="{model}"',
        ),
        # https://huggingface.co/docs/text-generation-inference/reference/metrics
        "tgi": Names(
            running="tgi_batch_current_size",
            waiting="tgi_queue_size",
            kv_usage=None,
            prompt=None,
            generated=None,
            finished=None,
            labels="",
        ),
        # server/telemetry/metrics.py
        "custom": Names(
            running="llm_requests_running",
            waiting="llm_requests_waiting",
            kv_usage="llm_kv_cache_usage_ratio",
            prompt=None,
            generated=None,
            finished=None,
            labels='model="{model}"',
        ),
    }
)


def exposition(engine: str, load: Load) -> str:
    """The text that a Prometheus reads; nothing for an engine whose names are not known."""
    names = NAMES.get(engine)
    if names is None:
        return ""
    labels = names.labels.format(model=load.model)
    series: list[tuple[str | None, str, float]] = [
        (names.running, "gauge", load.requests_running),
        (names.waiting, "gauge", load.requests_waiting),
        (names.kv_usage, "gauge", load.kv_usage),
        (names.prompt, "counter", load.prompt_tokens),
        (names.generated, "counter", load.generation_tokens),
    ]
    lines = []
    for name, kind, value in series:
        if name is not None:
            lines += [f"# TYPE {name} {kind}", f"{name}{{{labels}}} {value}"]
    if names.finished is not None:
        lines.append(f"# TYPE {names.finished} counter")
        lines += [
            f'{names.finished}{{{labels},finished_reason="{reason}"}} {count}'
            for reason, count in sorted(load.finished.items())
        ]
    return "\n".join(lines) + "\n"
