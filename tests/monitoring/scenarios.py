"""What can go wrong with a model, as lab/simulator makes it happen, and which alerts it has to raise.

An alert that the simulator can cause has its scenario here; the others have theirs in tests/blueprint/test_rules.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lab.simulator.engine import Machine
from lab.simulator.faults import HEALTHY, Faults
from lab.simulator.model import Model
from lab.simulator.traces import answering, read

MINUTES = 75
"""Of a run: an hour, after which the last alerts fire, and a quarter before it in which all is well."""

_BEFORE = 900.0  # seconds
TRACE = answering(read(Path(__file__).parents[1] / "lab/simulator/azure_conv_2023.csv"), 500)
"""Arrivals and prompts of a real service, and answers of 500 tokens: each takes 10 s and more."""

# Of the old vLLM nobody knows which requests failed, nor which were turned away.
_COUNTS_FAILURES = ("vllm 0.33.0", "sglang 0.5.23", "custom 0.1.0")
ENGINES = ("vllm 0.11.2", *_COUNTS_FAILURES)
_CUSTOM = ("custom 0.1.0",)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What happens to a model of this name.

    simulated: of the simulation, what differs. settings: of the model in the stack file, what differs.
    fires: its alerts at the end. only_in: of these, those that not every engine has, and where they are.
    of_stack: alerts of the stack that it causes. engines: in which it can happen.
    """

    faults: Faults = HEALTHY
    simulated: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    fires: Sequence[str] = ()
    only_in: Mapping[str, Sequence[str]] = field(default_factory=dict)
    of_stack: Sequence[str] = ()
    engines: Sequence[str] = ENGINES

    def model(self, name: str, engine: str) -> Model:
        """As it is simulated. engine: name and version."""
        about = {"trace": TRACE, "faults": self.faults, **self.simulated}
        machine = about.pop("machine", Machine())
        if engine.startswith("custom"):
            machine = replace(machine, cached=0)
        kind, version = engine.split()
        return Model(name=name, engine=kind, version=version, machine=machine, **about)

    def alerts(self, engine: str) -> Sequence[str]:
        """Those of the model that fire."""
        return [alert for alert in self.fires if engine in self.only_in.get(alert, ENGINES)]


def _late(**faults: Any) -> Faults:
    return Faults(since=_BEFORE, **faults)


SCENARIOS: Mapping[str, Scenario] = {
    "healthy": Scenario(simulated={"replicas": 2, "most": 3}, of_stack=("LLMWatchdog",)),
    "failing": Scenario(
        faults=_late(failing=0.2),
        fires=("LLMAvailabilityBudgetBurn", "LLMErrorRateHigh"),
        only_in=dict.fromkeys(("LLMAvailabilityBudgetBurn", "LLMErrorRateHigh"), _COUNTS_FAILURES),
    ),
    "slow-prompts": Scenario(
        faults=_late(slower_prompts=6),
        simulated={"most": 3},
        # Without a prefix cache there is more of each prompt to compute.
        fires=("LLMTimeToFirstTokenBudgetBurn", "LLMAutoscalerAtMaximum"),
        only_in={"LLMAutoscalerAtMaximum": _CUSTOM},
    ),
    "slow-steps": Scenario(
        faults=_late(slower_steps=8),
        simulated={"most": 3},
        settings={"objectives": {"latencyP95Seconds": 60.0}},
        fires=("LLMInterTokenLatencyBudgetBurn", "LLMLatencyHigh", "LLMAutoscalerAtMaximum"),
    ),
    "stalled": Scenario(
        faults=_late(stalled=True), fires=("LLMEngineStalled", "LLMQueueGrowing", "LLMAutoscalerAtMaximum")
    ),
    "crowded": Scenario(
        faults=_late(requests=12),
        simulated={"nodes": 1, "machine": Machine(batch=64, queue=10)},
        fires=(
            *("LLMRequestsRejected", "LLMTimeToFirstTokenBudgetBurn"),
            *("LLMAutoscalerAtMaximum", "LLMPodPendingForGpu"),
        ),
        only_in={"LLMRequestsRejected": _COUNTS_FAILURES},
    ),
    "thrashing": Scenario(
        faults=_late(kv_tokens=40_000, requests=6),
        simulated={"nodes": 1},
        fires=(
            *("LLMKVCacheThrashing", "LLMQueueGrowing", "LLMTimeToFirstTokenBudgetBurn"),
            *("LLMAutoscalerAtMaximum", "LLMPodPendingForGpu"),
        ),
        engines=tuple(engine for engine in ENGINES if engine not in _CUSTOM),
    ),
    "crashing": Scenario(faults=_late(crash_seconds=240), fires=("LLMPodRestarting", "LLMScalerFailing")),
    "deaf": Scenario(
        faults=Faults(since=MINUTES * 60 - 900, deaf=True),
        simulated={"replicas": 2, "most": 3},
        fires=("LLMTargetDown",),
    ),
    "gone": Scenario(
        faults=_late(gone=True),
        fires=("LLMNothingScraped", "LLMPodPendingForGpu", "LLMScalerFailing", "LLMModelUnreachable"),
    ),
    "shut": Scenario(faults=_late(shut=True), fires=("LLMModelUnreachable",)),
    "unasked": Scenario(faults=_late(unasked=True), fires=("LLMProbeMissing",)),
    "expiring": Scenario(faults=Faults(certificate_days=2), fires=("LLMCertificateExpires",)),
    "idle": Scenario(simulated={"trace": ()}, fires=("LLMGpuIdle",)),
    "blind": Scenario(faults=_late(blind=True), fires=("LLMScalerInactive", "LLMScalerFailing")),
    "leaking": Scenario(faults=_late(leaked_bytes=60e6), fires=("LLMGpuMemoryHigh",), engines=_CUSTOM),
    "patched": Scenario(faults=_late(gpus=16), simulated={"replicas": 2, "most": 3}, of_stack=("LLMSpendAboveBudget",)),
    "xid": Scenario(faults=Faults(since=MINUTES * 60 - 480, xid=79), of_stack=("GpuXidError",)),
    "bad-memory": Scenario(
        faults=_late(double_bit=2, replaced_rows=2, no_rows=True), of_stack=("GpuEccDoubleBit", "GpuRowRemapFailure")
    ),
}
"""By the model's name. In each engine one stack has them all."""
