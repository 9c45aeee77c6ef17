"""The rules in a real Prometheus engine: an alert in a scenario made for it, a recorded number against arithmetic."""

import math
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from blueprint.metrics import emitted
from blueprint.monitoring import recorded
from blueprint.monitoring.rules import model_rules, stack_rules
from tests.blueprint.emission import (
    HEALTHY,
    PODS,
    QUIET,
    SAMPLES,
    STEP,
    Load,
    endpoint,
    engine,
    gpus,
    one,
    polls,
    public,
    scaler,
    steady,
)
from tests.blueprint.stack_files import ENDPOINT, LAB, edited, resolve
from tests.prometheus import needs_promtool

ENGINES = {"vllm": "0.33.0", "sglang": "0.5.23", "custom": "0.1.0"}
OTHER = {"vllm": "sglang", "sglang": "custom", "custom": "vllm"}
"""Whose model, called m-two, runs beside m in the same namespace."""

MODEL = {
    "target": "kubernetes",
    "model": "org/unpinned",
    "owner": "team-search",
    "accelerator": {"type": "nvidia-l4"},
    "scaling": {"min": 1, "max": 3},
    "objectives": {"latencyP95Seconds": 60.0},
}
SERVER = {"repository": "registry.example.com/team/server", "tag": "1", "build": {"context": "server"}}
MEMORY = {"vllm": 0.92, "sglang": 0.92, "custom": 0.7}


def stack(name: str, *edits: Mapping[str, Any]) -> Any:
    """A stack in which m runs in this engine, m-two in another, and answers on Inference Endpoints."""
    engines: dict[str, Any] = {
        "vllm": {"name": "vllm", "version": ENGINES["vllm"], "maxModelLen": 8192},
        "sglang": {"name": "sglang", "version": ENGINES["sglang"], "maxModelLen": 8192},
        "custom": {"name": "custom"},
    }
    expose = {"host": "m.example.com", "auth": "none", "allowPublic": True}
    models = {
        "m": {**MODEL, "engine": engines[name], "expose": expose},
        "m-two": {**MODEL, "engine": engines[OTHER[name]]},
        "answers": {**ENDPOINT, "endpointName": "answers-1"},
    }
    base = {
        "models": models,
        "huggingface": {"namespace": "my-org", "api": "lab"},
        "images": {"server": SERVER, "endpoints-exporter": SERVER},
        "monitoring": {"mode": "operator", "endpoints": {"token": "hf-see"}, "probes": {}, "dcgm": {}},
        "budget": {"monthlyUsd": 1e6},
        "cluster.gateway": {"name": "public", "namespace": "gateways", "listener": "https"},
        "cluster.accelerators": {"nvidia-l4": {"available": 8, "hourlyUsd": 0.8}},
    }
    return resolve(edited(LAB, base, *edits), stack="lab")


def rules(resolved: Any) -> list[Any]:
    """The specs of all PrometheusRules of a stack."""
    monitoring = resolved.monitoring
    return [
        *(model_rules(one, namespace="llm", monitoring=monitoring) for one in resolved.workloads),
        stack_rules(
            resolved.workloads,
            namespace="llm",
            monitoring=monitoring,
            monthly_usd=resolved.monthly_usd,
            exporter=resolved.exporter,
        ),
    ]


def each(specs: Sequence[Any], kind: str) -> list[Any]:
    return [rule for spec in specs for group in spec["groups"] for rule in group["rules"] if kind in rule]


def promtool(folder: Path, specs: Sequence[Any], series: Sequence[Any], expected: Sequence[Any]) -> None:
    """Let promtool compare whole answers. It prints what it got where they differ."""
    names = []
    for index, spec in enumerate(specs):
        names.append(f"rules-{index}.yaml")
        (folder / names[-1]).write_text(yaml.safe_dump(spec))
    tests = [{"interval": f"{STEP}s", "input_series": list(series), "promql_expr_test": list(expected)}]
    whole = {"rule_files": names, "evaluation_interval": f"{STEP}s", "tests": tests}
    (folder / "test.yaml").write_text(yaml.safe_dump(whole))
    done = subprocess.run(
        ["promtool", "test", "rules", "test.yaml"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


def firing(expected: Mapping[str, Sequence[str]], minutes: int) -> Any:
    """All alerts that fire, by model; '' for those of the stack."""
    wanted = [
        (f'{{alertname="{name}"{f", model={chr(34)}{model}{chr(34)}" if model else ""}}}', 1)
        for model, names in expected.items()
        for name in names
    ]
    return {
        "expr": 'group by (alertname, model) (ALERTS{alertstate="firing"})',
        "eval_time": f"{minutes}m",
        "exp_samples": [{"labels": labels, "value": value} for labels, value in wanted],
    }


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What happens to m, and what is told of it.

    load, around: of the healthy load, and of the healthy series of GPUs and scaler, what is there instead.
    outside: what is seen at its public host. endpoints: what is told of Inference Endpoints.
    fires: alerts of m; of_answers: those of the endpoint; of_stack: those of the stack, beside the watchdog.
    engines: where they can happen.
    """

    load: Load = HEALTHY
    around: Callable[[str], list[Any]] = lambda name: [*gpus(memory=MEMORY[name]), *scaler()]
    outside: Sequence[Any] = tuple(public())
    fires: Sequence[str] = ()
    endpoints: Sequence[Any] = (*endpoint(), *polls())
    of_answers: Sequence[str] = ()
    of_stack: Sequence[str] = ()
    engines: Sequence[str] = tuple(ENGINES)
    scraped: bool = True
    gpus_scraped: bool = True
    edit: Mapping[str, Any] | None = None
    minutes: int = 20  # the longer, the slower: every window grows with it


def around(**changes: Any) -> Callable[[str], list[Any]]:
    """GPUs and scaler, with some settings changed; `series`: by name, other samples."""
    replaced: Mapping[str, str] = changes.pop("series", {})
    of_scaler = {key: changes.pop(key) for key in ("desired", "most", "active") if key in changes}

    def made(name: str) -> list[Any]:
        whole = [*gpus(**{"memory": MEMORY[name], **changes}), *scaler(**of_scaler)]
        return [{**each, "values": replaced.get(each["series"].partition("{")[0], each["values"])} for each in whole]

    return made


RISING = f"0+1x{SAMPLES}"
LATER = f"0x12 79x{SAMPLES}"
"""A fault 8 minutes before the end."""

SLEEPS = {"models.m.scaling": {"min": 0, "max": 3, "signals": {"external": {"name": "prometheus", "query": "q"}}}}

SCENARIOS: Mapping[str, Scenario] = {
    "healthy": Scenario(minutes=75),
    "a full KV cache without preemptions": Scenario(load=HEALTHY.but(gauges={"kv_cache_usage": 0.99})),
    "failures of hardly any requests": Scenario(
        load=HEALTHY.but(rates={"requests_ended": 0.02, "requests_failed": 0.01})
    ),
    "failures": Scenario(
        load=HEALTHY.but(rates={"requests_failed": 1.2}), fires=["LLMAvailabilityBudgetBurn", "LLMErrorRateHigh"]
    ),
    "few failures": Scenario(
        minutes=50, load=HEALTHY.but(rates={"requests_failed": 0.24}), fires=["LLMAvailabilityBudgetBurn"]
    ),
    "failures within the budget": Scenario(load=HEALTHY.but(rates={"requests_failed": 0.05})),
    "late first tokens": Scenario(
        load=HEALTHY.but(observed={"time_to_first_token": {0.25: 1, 4: 5}}), fires=["LLMTimeToFirstTokenBudgetBurn"]
    ),
    "late tokens": Scenario(
        load=HEALTHY.but(observed={"inter_token_latency": {0.02: 500, 0.4: 2494}}),
        fires=["LLMInterTokenLatencyBudgetBurn"],
    ),
    "long answers": Scenario(load=HEALTHY.but(observed={"request_latency": {120: 6}}), fires=["LLMLatencyHigh"]),
    "long answers that nobody asked to be told of": Scenario(
        load=HEALTHY.but(observed={"request_latency": {120: 6}}), edit={"models.m.objectives": {}}
    ),
    "preemptions and a full KV cache": Scenario(
        load=HEALTHY.but(gauges={"kv_cache_usage": 0.99}, rates={"preemptions": 0.5}),
        fires=["LLMKVCacheThrashing"],
        engines=("vllm", "sglang"),
    ),
    "preemptions in an empty KV cache": Scenario(
        load=HEALTHY.but(gauges={"kv_cache_usage": 0.5}, rates={"preemptions": 0.5}), engines=("vllm", "sglang")
    ),
    "full GPU of an engine that takes memory as it goes": Scenario(
        around=around(memory=0.95), fires=["LLMGpuMemoryHigh"], engines=("custom",)
    ),
    "full GPU of an engine that took it at the start": Scenario(around=around(memory=0.97), engines=("vllm", "sglang")),
    "no token": Scenario(
        load=Load(gauges=HEALTHY.gauges, rates=QUIET.rates, observed=QUIET.observed), fires=["LLMEngineStalled"]
    ),
    "one long answer whose tokens are counted at its end": Scenario(
        load=HEALTHY.but(rates={"generation_tokens": 0.0}, observed={"time_to_first_token": {0.25: 0.0}})
    ),
    "nothing scraped": Scenario(scraped=False, fires=["LLMNothingScraped"]),
    "nothing scraped of a model that sleeps": Scenario(
        scraped=False,
        around=lambda _: scaler(desired=0, active=False),
        edit=SLEEPS,
    ),
    "a replica that does not answer": Scenario(load=HEALTHY.but(up=f"1x10 0x{SAMPLES}"), fires=["LLMTargetDown"]),
    "a replica that loads": Scenario(load=HEALTHY.but(up=steady(0))),
    "a queue": Scenario(minutes=30, load=HEALTHY.but(gauges={"requests_waiting": 40}), fires=["LLMQueueGrowing"]),
    "requests turned away": Scenario(load=HEALTHY.but(rates={"requests_rejected": 1}), fires=["LLMRequestsRejected"]),
    "all replicas that are allowed": Scenario(around=around(desired=3), fires=["LLMAutoscalerAtMaximum"]),
    "a scaler without metrics": Scenario(around=around(active=False), fires=["LLMScalerInactive"]),
    "a scaler whose queries fail": Scenario(
        around=around(series={"keda_scaler_detail_errors_total": RISING}), fires=["LLMScalerFailing"]
    ),
    "a pod without a node": Scenario(
        around=lambda name: [
            *gpus(memory=MEMORY[name]),
            *scaler(),
            one("kube_pod_status_unschedulable", {"namespace": "llm", "pod": f"m-{PODS[0]}", "uid": "u"}, steady(1)),
        ],
        fires=["LLMPodPendingForGpu"],
    ),
    "restarts": Scenario(
        around=around(series={"kube_pod_container_status_restarts_total": RISING}), fires=["LLMPodRestarting"]
    ),
    "no request": Scenario(minutes=75, load=QUIET, fires=["LLMGpuIdle"]),
    "more GPUs than the budget pays": Scenario(
        minutes=75,
        around=around(series={"kube_pod_container_resource_requests": steady(4)}),
        edit={"budget.monthlyUsd": 4000.0},
        of_stack=["LLMSpendAboveBudget"],
    ),
    "an Xid": Scenario(around=around(series={"DCGM_FI_DEV_XID_ERRORS": LATER}), of_stack=["GpuXidError"]),
    "an Xid of yesterday": Scenario(around=around(series={"DCGM_FI_DEV_XID_ERRORS": steady(79)})),
    "double-bit errors": Scenario(
        around=around(series={"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": RISING}), of_stack=["GpuEccDoubleBit"]
    ),
    "rows that were replaced": Scenario(
        around=around(series={"DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": RISING}), of_stack=["GpuEccDoubleBit"]
    ),
    "an endpoint that failed, seen by two exporters": Scenario(
        endpoints=[
            *endpoint("failed", ready=0, billed=0),
            *endpoint("failed", ready=0, billed=0, labels={"pod": "llm-endpoints-another"}),
            *polls(),
        ],
        of_answers=["EndpointFailed"],
        engines=("vllm",),
    ),
    "an endpoint whose change failed": Scenario(
        minutes=50, endpoints=[*endpoint("updateFailed"), *polls()], of_answers=["EndpointFailed"], engines=("vllm",)
    ),
    "an endpoint of others that failed": Scenario(
        endpoints=[*endpoint("failed", labels={"stack": "", "model": ""}), *polls()], engines=("vllm",)
    ),
    "an endpoint that never gets ready": Scenario(
        minutes=50,
        endpoints=[*endpoint("initializing", ready=0), *polls()],
        of_answers=["EndpointStuckWhileBilled"],
        engines=("vllm",),
    ),
    "an endpoint that starts": Scenario(
        minutes=20, endpoints=[*endpoint("initializing", ready=0), *polls()], engines=("vllm",)
    ),
    "an endpoint that waits for hardware and costs nothing": Scenario(
        minutes=50, endpoints=[*endpoint("pending", ready=0, billed=0), *polls()], engines=("vllm",)
    ),
    "an endpoint that nobody asks": Scenario(
        endpoints=[*endpoint(used=steady(-7200)), *polls()], of_answers=["EndpointIdleWhileRunning"], engines=("vllm",)
    ),
    "an endpoint that nobody asks and that sleeps": Scenario(
        minutes=50,
        endpoints=[*endpoint("scaledToZero", billed=0, ready=0, used=steady(-7200)), *polls()],
        engines=("vllm",),
    ),
    "a control plane that does not answer": Scenario(
        endpoints=polls(steady(0)), of_stack=["EndpointsUnseen"], engines=("vllm",)
    ),
    "no exporter": Scenario(endpoints=[], of_stack=["EndpointsUnseen"], engines=("vllm",)),
    "endpoints above the budget": Scenario(
        minutes=75,
        endpoints=[*endpoint(cost=100), *polls()],
        edit={"budget.monthlyUsd": 60_000.0},
        of_stack=["LLMSpendAboveBudget"],
        engines=("vllm",),
    ),
    "a host that does not answer": Scenario(
        outside=public(success=f"1x10 0x{SAMPLES}", status=503), fires=["LLMModelUnreachable"]
    ),
    "a request that fails once": Scenario(outside=public(success=f"1x18 0x1 1x{SAMPLES}")),
    "a host that does not answer for a model that sleeps": Scenario(
        scraped=False, around=lambda _: scaler(desired=0, active=False), outside=public(success=steady(0)), edit=SLEEPS
    ),
    "a host that does not answer for a model that could sleep": Scenario(
        outside=public(success=steady(0)), edit=SLEEPS, fires=["LLMModelUnreachable"]
    ),
    "a certificate of some days": Scenario(outside=public(days=10), fires=["LLMCertificateExpires"]),
    "a certificate of a day": Scenario(outside=public(days=1), fires=["LLMCertificateExpires"]),
    "nobody who asks from outside": Scenario(outside=(), fires=["LLMProbeMissing"]),
    "no exporter of GPUs": Scenario(gpus_scraped=False, of_stack=["GpuMetricsMissing"]),
    "no rows left": Scenario(
        around=around(series={"DCGM_FI_DEV_ROW_REMAP_FAILURE": steady(1)}), of_stack=["GpuRowRemapFailure"]
    ),
}
# promtool takes seconds for each: of a scenario's engines the first is tried always, the others are proved.
CASES = [
    pytest.param(title, name, id=f"{name}: {title}", marks=() if name == scenario.engines[0] else pytest.mark.prove)
    for title, scenario in SCENARIOS.items()
    for name in scenario.engines
]


@needs_promtool
@pytest.mark.parametrize(("title", "name"), CASES)
def test_an_alert_fires_in_its_scenario_and_no_other_does(tmp_path, title, name):
    """And none of the healthy model beside it."""
    scenario = SCENARIOS[title]
    specs = rules(stack(name, *([scenario.edit] if scenario.edit else [])))
    other = OTHER[name]
    series = [
        *(engine(name, ENGINES[name], scenario.load) if scenario.scraped else []),
        *scenario.around(name),
        *scenario.outside,
        *engine(other, ENGINES[other], HEALTHY, model="m-two"),
        *gpus("m-two", memory=MEMORY[other]),
        *scaler("m-two"),
        *scenario.endpoints,
    ]
    promtool(
        tmp_path,
        specs,
        [each for each in series if scenario.gpus_scraped or not each["series"].startswith("DCGM_")],
        [
            firing(
                {"m": scenario.fires, "answers": scenario.of_answers, "": ["LLMWatchdog", *scenario.of_stack]},
                scenario.minutes,
            )
        ],
    )


def test_every_alert_has_a_scenario_in_each_engine_that_can_have_it(capsys):
    exercised = 0
    for name in ENGINES:
        exists = {rule["alert"] for rule in each(rules(stack(name))[:1], "alert")}
        fires = {alert for one in SCENARIOS.values() if name in one.engines for alert in one.fires}
        assert fires == exists
        exercised += len(exists)
    of_stack = {rule["alert"] for rule in each(rules(stack("vllm"))[-1:], "alert")}
    fired = {alert for one in SCENARIOS.values() for alert in (*one.of_stack, *one.of_answers)}
    assert {"LLMWatchdog"} | fired == of_stack
    with capsys.disabled():
        print(f"\n{exercised} alerts of models in {len(ENGINES)} engines and {len(of_stack)} of the stack exercised")  # noqa: T201


def expected_numbers(name: str, *, minutes: int) -> dict[tuple[str, str, str], float]:
    """By recorded name, sli and pod, what the healthy load adds up to."""
    load, observed = HEALTHY, HEALTHY.observed
    known = emitted(name, ENGINES[name])
    numbers: dict[tuple[str, str, str], float] = {
        (recorded.RUNNING, "", ""): 72,
        (recorded.WAITING, "", ""): 3,
        (recorded.IN_FLIGHT, "", ""): 75,
        (recorded.ENDED, "", ""): 6,
        (recorded.FAILED, "", ""): 0.1,
        (recorded.PROMPT_TOKENS, "", ""): 6000,
        (recorded.GENERATION_TOKENS, "", ""): 3000,
        (recorded.TARGETS, "", ""): 2,
        (recorded.TARGETS_UP, "", ""): 2,
        (recorded.GPUS, "", ""): 2,
        (recorded.COST, "", ""): 1.6,
        (recorded.COST_PER_MILLION_TOKENS, "", ""): 1e6 * 1.6 / (3000 * 3600),
        (recorded.REJECTED, "", ""): 0.5,
        (recorded.REACHABLE, "", ""): 1,
        (recorded.REACHABLE_SHARE, "", ""): 1,
        (recorded.REACH_SECONDS, "", ""): 0.25,
        (recorded.CERTIFICATE_SECONDS, "", ""): 30 * 86400 - minutes * 60,
    }
    if "preemptions" in known:
        numbers[recorded.PREEMPTIONS, "", ""] = 0.25
        numbers[recorded.PREFIX_CACHE_HITS, "", ""] = 0.25
    for pod in (f"m-{suffix}" for suffix in PODS):
        numbers[recorded.KV_CACHE_USAGE, "", pod] = load.gauges["kv_cache_usage"]
        numbers[recorded.GPU_MEMORY, "", pod] = MEMORY[name]
        numbers[recorded.GPU_BUSY, "", pod] = 0.97
    for quantile, phi in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        for record, meaning in (
            (recorded.latency, "request_latency"),
            (recorded.first_token, "time_to_first_token"),
            (recorded.inter_token, "inter_token_latency"),
            (recorded.queue, "queue_time"),
        ):
            (value,) = observed[meaning]
            numbers[record(quantile), "", ""] = interpolated(known[meaning].buckets, value, phi)
    for sli, share, seconds in (("availability", 0.99, None), ("ttft", 0.95, 1), ("itl", 0.95, 0.1)):
        numbers[recorded.OBJECTIVE, sli, ""] = share
        if seconds:
            numbers[recorded.OBJECTIVE_SECONDS, sli, ""] = seconds
        for window in recorded.WINDOWS:
            numbers[recorded.bad(window), sli, ""] = 0.1 if sli == "availability" else 0
    return numbers


def interpolated(buckets: Sequence[float], value: float, phi: float) -> float:
    """The quantile as Prometheus sees it, where all observations are in one bucket."""
    upper = min(bound for bound in buckets if value <= bound)
    lower = max((bound for bound in buckets if bound < value), default=0)
    return lower + (upper - lower) * phi


DISTURBANCES = ("nothing", "a second Prometheus", "a router that repeats the names", "every exporter twice")


def disturbed(series: Sequence[Any], how: str) -> list[Any]:
    """The same facts, told once more as people really do."""
    again = {
        "nothing": lambda _: None,
        "a second Prometheus": lambda labels: f'{labels},prometheus_replica="b"',
        "a router that repeats the names": lambda labels: (
            labels.replace('job="llm/m"', 'job="llm/router"') if 'job="llm/m"' in labels else None
        ),
        "every exporter twice": lambda labels: (
            labels + ',instance="10.0.0.9:8080",job="copy"' if "job=" not in labels else None
        ),
    }[how]
    copies = []
    for item in series:
        metric, _, labels = item["series"].rstrip("}").partition("{")
        other = again(labels)
        if other is not None:
            copies.append({**item, "series": f"{metric}{{{other}}}"})
    assert copies or how == "nothing"
    return [*series, *copies]


@needs_promtool
@pytest.mark.parametrize("how", DISTURBANCES)
@pytest.mark.parametrize("name", ENGINES)
def test_every_recorded_number_is_that_of_its_model_and_counted_once(tmp_path, capsys, name, how):
    specs, other = rules(stack(name)), OTHER[name]
    load = HEALTHY.but(rates={"requests_failed": 0.6, "requests_rejected": 0.5, "preemptions": 0.25})
    own = [*engine(name, ENGINES[name], load), *gpus(memory=MEMORY[name]), *public()]
    series = [
        *disturbed(own, how),
        *engine(other, ENGINES[other], HEALTHY, model="m-two"),
        *gpus("m-two", memory=MEMORY[other]),
        # Pods that are no replicas, and replicas that hold no GPU.
        *gpus("m-download", memory=0.1),
        one(
            "kube_pod_container_resource_requests",
            {"namespace": "llm", "pod": "m-6d4c8b7f9c-wwww2", "container": "engine", "resource": "nvidia_com_gpu"},
            steady(1),
        ),
    ]
    # A sum over an hour: the first 5 minutes, in which rates are too low, are out of it only then.
    whole = how == "nothing"
    minutes = 75 if whole else 20
    numbers = expected_numbers(name, minutes=minutes)
    made = {(rule["record"], rule["labels"].get("sli", "")) for rule in each(specs[:1], "record")}
    assert {(record, sli) for record, sli, _ in numbers} == made, "every rule has its number here, and no other"
    tests = []
    for record, sli in sorted(made):
        if record == recorded.COST_PER_MILLION_TOKENS and not whole:
            continue  # made of two others
        samples = [
            {
                "labels": sample_labels(name, sli, pod, gpu=record in (recorded.GPU_MEMORY, recorded.GPU_BUSY)),
                "value": rounded(value),
            }
            for (other_record, other_sli, pod), value in numbers.items()
            if (other_record, other_sli) == (record, sli)
        ]
        chosen = f'{record}{{namespace="llm",model="m"{f",sli={chr(34)}{sli}{chr(34)}" if sli else ""}}}'
        tests.append({"expr": f"round({chosen}, 0.0001)", "eval_time": f"{minutes}m", "exp_samples": samples})
    promtool(tmp_path, specs, series, tests)
    if how == "nothing":
        with capsys.disabled():
            print(f"\n{name}: {len(made)} recorded series of {len(each(specs[:1], 'record'))} rules compared")  # noqa: T201


def sample_labels(name: str, sli: str, pod: str, *, gpu: bool) -> str:
    labels = {"namespace": "llm", "model": "m", "engine": name, **({"sli": sli} if sli else {})}
    if pod:
        labels["pod"] = pod
    if gpu:
        labels["gpu"] = str(PODS.index(pod.removeprefix("m-")))
    return "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


def rounded(value: float) -> float:
    """As PromQL's round(): both avoid to compare the last digits of floats."""
    return math.floor(value * 10_000 + 0.5) / 10_000
