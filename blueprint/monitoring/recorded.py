"""The names that rules record: the same for every engine, so that a dashboard or an alert knows no engine.

Each series has the labels namespace, model (the name in the stack file) and engine, and what its line adds.
"""

from typing import Literal

Window = Literal["5m", "30m", "1h", "2h", "6h", "1d", "3d"]
WINDOWS: tuple[Window, ...] = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
"""Of ratios that burn rates need (https://sre.google/workbook/alerting-on-slos/, table 5-8)."""

Quantile = Literal["p50", "p95", "p99"]

RUNNING = "llm:requests_running:sum"
WAITING = "llm:requests_waiting:sum"
IN_FLIGHT = "llm:requests_in_flight:sum"
KV_CACHE_USAGE = "llm:kv_cache_usage:max"  # and pod; share, 0 to 1
ENDED = "llm:requests_ended:rate5m"  # per second
FAILED = "llm:requests_failed:ratio_rate5m"  # share of those that ended
REJECTED = "llm:requests_rejected:rate5m"  # per second; engines that count them
PROMPT_TOKENS = "llm:prompt_tokens:rate5m"  # per second
GENERATION_TOKENS = "llm:generation_tokens:rate5m"  # per second
PREEMPTIONS = "llm:preemptions:rate5m"  # per second
PREFIX_CACHE_HITS = "llm:prefix_cache_hits:ratio_rate5m"  # share of the prompts' tokens
TARGETS = "llm:targets:count"  # replicas that are scraped, up or not
TARGETS_UP = "llm:targets_up:count"
GPUS = "llm:gpus:count"  # that the model's pods hold; kube-state-metrics
GPU_MEMORY = "llm:gpu_memory:ratio"  # and pod, gpu; share, 0 to 1; DCGM
GPU_BUSY = "llm:gpu_busy:ratio"  # and pod, gpu; share of time, 0 to 1; DCGM
COST = "llm:cost_usd_per_hour:sum"
COST_PER_MILLION_TOKENS = "llm:cost_usd_per_million_generation_tokens:rate1h"
REACHABLE = "llm:reachable:min"  # 1: its public host answers as it has to; of models with probes, as the next three
REACHABLE_SHARE = "llm:reachable:avg1d"  # share of a day's probes, 0 to 1
REACH_SECONDS = "llm:reach_seconds:max"  # that the last probe took
CERTIFICATE_SECONDS = "llm:certificate_seconds_left:min"  # that the host's certificate is still valid
OBJECTIVE = "llm:objective:ratio"  # and sli: availability, ttft, itl; the share that has to be good
OBJECTIVE_SECONDS = "llm:objective:seconds"  # and sli: ttft, itl; what counts as good


def latency(quantile: Quantile) -> str:
    """Seconds from arrival to end of a request."""
    return f"llm:request_latency_seconds:{quantile}_rate5m"


def first_token(quantile: Quantile) -> str:
    """Seconds to the first token (TTFT)."""
    return f"llm:time_to_first_token_seconds:{quantile}_rate5m"


def inter_token(quantile: Quantile) -> str:
    """Seconds between two tokens (ITL)."""
    return f"llm:inter_token_latency_seconds:{quantile}_rate5m"


def queue(quantile: Quantile) -> str:
    """Seconds from acceptance to a place in the batch."""
    return f"llm:queue_seconds:{quantile}_rate5m"


def bad(window: Window) -> str:
    """Share of what missed its objective in a window, 0 to 1; and sli: availability, ttft, itl."""
    return f"llm:objective_missed:ratio_rate{window}"
