"""All models at once: what they do, and which of them to look at."""

from blueprint.monitoring.dashboards.common import (
    FAILED_THRESHOLDS,
    FULL_THRESHOLDS,
    SEVERAL,
    TO_MODEL,
    by_model,
    chosen,
    now,
    per_model,
    together,
    worst,
)
from blueprint.monitoring.dashboards.dashboard import Dashboard, Row
from blueprint.monitoring.dashboards.panels import Threshold
from blueprint.monitoring.dashboards.table import Column, Table
from blueprint.monitoring.recorded import (
    CERTIFICATE_SECONDS,
    COST,
    ENDED,
    FAILED,
    GENERATION_TOKENS,
    GPUS,
    KV_CACHE_USAGE,
    PROMPT_TOKENS,
    REACH_SECONDS,
    REACHABLE,
    REACHABLE_SHARE,
    RUNNING,
    TARGETS,
    TARGETS_UP,
    WAITING,
    first_token,
    inter_token,
)

_FAILED_OF_ALL = f"sum({chosen(FAILED)} * {chosen(ENDED)}) / (sum({chosen(ENDED)}) > 0)"

_NOW = (
    now("Requests", "Requests that end per second, however they end.", together(ENDED), "reqps"),
    now("Generated", "Tokens generated per second.", together(GENERATION_TOKENS), "ops"),
    now("Prompts", "Prompt tokens taken in per second.", together(PROMPT_TOKENS), "ops"),
    now("Running", "Requests in the engines' batches.", together(RUNNING), "none"),
    now("Waiting", "Requests that wait for a place in a batch.", together(WAITING), "none"),
    now(
        "Failed",
        "Share of the requests that ended by the server's fault. Each model counts by its requests.",
        _FAILED_OF_ALL,
        "percentunit",
        FAILED_THRESHOLDS,
    ),
    now("First token, worst", "TTFT, 95th percentile, of the slowest model.", worst(first_token("p95")), "s"),
    now("Between tokens, worst", "ITL, 95th percentile, of the slowest model.", worst(inter_token("p95")), "s"),
    now("Replicas up", "Replicas that answer Prometheus.", together(TARGETS_UP), "none"),
    now(
        "Replicas down",
        "Replicas that Prometheus scrapes and that do not answer. One that loads its model is not there yet.",
        f"{together(TARGETS)} - {together(TARGETS_UP)}",
        "none",
        (Threshold(1, "red"),),
    ),
    now("GPUs", "GPUs that the models' pods hold.", together(GPUS), "none"),
    now("Cost per hour", "GPUs held, by the prices in the stack file.", together(COST), "currencyUSD"),
)

_MODELS = Table(
    title="Models",
    description="One line per model. A model's name leads to its own dashboard. Quantiles and rates are of 5 minutes.",
    keys=("namespace", "engine", "model"),
    link=TO_MODEL,
    columns=(
        Column(expr=per_model(ENDED), title="Requests", unit="reqps"),
        Column(expr=per_model(GENERATION_TOKENS), title="Tokens", unit="ops"),
        Column(expr=per_model(RUNNING), title="Running", unit="none"),
        Column(expr=per_model(WAITING), title="Waiting", unit="none"),
        Column(expr=per_model(KV_CACHE_USAGE), title="KV, fullest", unit="percentunit", thresholds=FULL_THRESHOLDS),
        Column(expr=per_model(first_token("p95")), title="TTFT p95", unit="s"),
        Column(expr=per_model(inter_token("p95")), title="ITL p95", unit="s"),
        Column(expr=per_model(FAILED), title="Failed", unit="percentunit", thresholds=FAILED_THRESHOLDS),
        Column(expr=per_model(TARGETS_UP), title="Up", unit="none", base="red", thresholds=(Threshold(1, "green"),)),
        Column(expr=per_model(GPUS), title="GPUs", unit="none"),
        Column(expr=per_model(COST), title="USD/h", unit="currencyUSD"),
    ),
)

_OVER_TIME = (
    by_model("Requests by model", "Requests that end per second.", ENDED, "reqps", stacked=True),
    by_model("Generated tokens by model", "Tokens per second.", GENERATION_TOKENS, "ops", stacked=True),
    by_model("Failed by model", "Share of requests that ended by the server's fault.", FAILED, "percentunit"),
    by_model("Running by model", "Requests in the engines' batches.", RUNNING, "none", stacked=True),
    by_model("Waiting by model", "Requests that wait for a place in a batch.", WAITING, "none", stacked=True),
    by_model("KV cache by model", "Of each model the fullest pod.", KV_CACHE_USAGE, "percentunit", maximum=1),
    by_model("First token by model", "TTFT, 95th percentile over 5 minutes.", first_token("p95"), "s"),
    by_model("Between tokens by model", "ITL, 95th percentile over 5 minutes.", inter_token("p95"), "s"),
    by_model("Cost by model", "US dollars per hour for the GPUs held.", COST, "currencyUSD", stacked=True),
)

_OUTSIDE = (
    by_model("Reachable", "1: the model's public host answers as it has to. Of models with probes.", REACHABLE, "none"),
    by_model(
        "Reachable over a day", "Share of a day's probes that succeeded.", REACHABLE_SHARE, "percentunit", maximum=1
    ),
    by_model("Time to answer", "Of a probe, from the look-up of the name to the answer.", REACH_SECONDS, "s"),
    by_model("Certificate", "How long the certificate of the host is still valid.", CERTIFICATE_SECONDS, "s"),
)

FLEET = Dashboard(
    uid="llm-fleet",
    title="LLM / Fleet",
    description="All models: load, latency, failures, replicas, cost. Start here.",
    variables=SEVERAL,
    rows=(Row("Now", _NOW), Row("Models", (_MODELS,)), Row("Over time", _OVER_TIME), Row("From outside", _OUTSIDE)),
)
