"""Cost: what the held GPUs cost, what a million tokens cost, what is paid for nothing."""

from blueprint.accelerators import HOURS_PER_MONTH
from blueprint.monitoring.dashboards.common import SEVERAL, TO_MODEL, by_model, chosen, now, per_model, together
from blueprint.monitoring.dashboards.dashboard import Dashboard, Row
from blueprint.monitoring.dashboards.panels import Panel, Query, Threshold
from blueprint.monitoring.dashboards.table import Column, Table
from blueprint.monitoring.recorded import COST, COST_PER_MILLION_TOKENS, GENERATION_TOKENS, GPUS, IN_FLIGHT

_IDLE = f"{chosen(COST)} and on (namespace, model) {chosen(IN_FLIGHT)} == 0"
_PER_MILLION = f"sum({chosen(COST)}) / (sum({chosen(GENERATION_TOKENS)}) * 3600 / 1e6 > 0)"
_MONTH = f"{together(COST)} * {HOURS_PER_MONTH}"

_MODELS = Table(
    title="Models",
    description="One line per model. Idle: what its GPUs cost per hour while no request is in flight.",
    keys=("namespace", "engine", "model"),
    link=TO_MODEL,
    columns=(
        Column(expr=per_model(GPUS), title="GPUs", unit="none"),
        Column(expr=per_model(COST), title="Per hour", unit="currencyUSD"),
        Column(expr=per_model(COST_PER_MILLION_TOKENS), title="Per million tokens, 1 h", unit="currencyUSD"),
        Column(
            expr=f"max by (namespace, model, engine) ({_IDLE})",
            title="Idle, per hour",
            unit="currencyUSD",
            thresholds=(Threshold(0.01, "orange"),),
        ),
    ),
)


def cost(monthly_usd: float | None) -> Dashboard:
    """The cost dashboard. monthly_usd: the stack's budget, against which the month's cost is drawn."""
    bound = () if monthly_usd is None else (Query(f"vector({monthly_usd!r})", "budget", dashed=True),)
    limits = () if monthly_usd is None else (Threshold(0.8 * monthly_usd, "yellow"), Threshold(monthly_usd, "red"))
    numbers = (
        now(
            "Per hour",
            "US dollars per hour for the GPUs held, by the prices in the stack file.",
            together(COST),
            "currencyUSD",
        ),
        now("A month like now", f"What {HOURS_PER_MONTH} hours with these GPUs cost.", _MONTH, "currencyUSD", limits),
        now(
            "Per million tokens",
            "US dollars per million generated tokens, at this moment's rate.",
            _PER_MILLION,
            "currencyUSD",
        ),
        now(
            "Idle, per hour",
            "What the GPUs of models without a request in flight cost per hour.",
            f"sum({_IDLE}) or vector(0)",
            "currencyUSD",
            (Threshold(0.01, "orange"),),
        ),
        now("GPUs held", "GPUs that the models' pods hold, busy or not.", together(GPUS), "none"),
        now(
            "GPUs idle",
            "GPUs of models without a request in flight.",
            f"sum({chosen(GPUS)} and on (namespace, model) {chosen(IN_FLIGHT)} == 0) or vector(0)",
            "none",
            (Threshold(1, "orange"),),
        ),
    )
    over_time = (
        by_model("Per hour by model", "US dollars per hour for the GPUs held.", COST, "currencyUSD", stacked=True),
        by_model(
            "Per million tokens by model",
            "US dollars per million generated tokens over the last hour.",
            COST_PER_MILLION_TOKENS,
            "currencyUSD",
        ),
        Panel(
            kind="timeseries",
            title="Month and budget",
            description="What a month with this many GPUs would cost, and the stack's budget, where it has one.",
            queries=(Query(_MONTH, "cost"), *bound),
            unit="currencyUSD",
        ),
        Panel(
            kind="timeseries",
            title="Paid for nothing",
            description="US dollars per hour of models without a request in flight.",
            queries=(Query(_IDLE, "{{model}}"),),
            unit="currencyUSD",
            width=24,
            stacked=True,
            no_value="No model is idle",
        ),
    )
    return Dashboard(
        uid="llm-cost",
        title="LLM / Cost",
        description="What the GPUs cost, per hour and per million tokens, what of it is idle, and the budget.",
        variables=SEVERAL,
        hours=24,
        rows=(Row("Now", numbers), Row("Models", (_MODELS,)), Row("Over time", over_time)),
    )
