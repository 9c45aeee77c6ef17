"""What DCGM, kube-state-metrics and KEDA say of simulated models: those of the registry's metrics that apply."""

from collections.abc import Iterator, Mapping, Sequence

from blueprint.metrics import dcgm, keda, kube_state
from blueprint.metrics.queries import matchers
from blueprint.metrics.raw import Raw
from lab.simulator.model import NAMESPACE, Pod, SimulatedModel

PREALLOCATED = 0.92
"""Share of the GPU's memory that vLLM and SGLang hold from their start on, whatever they do."""

_ALLOCATES_AS_IT_GOES = frozenset({"custom"})
_RESERVED = 0.01
_XID_WINDOW_SECONDS = 300

Line = tuple[Raw, Mapping[str, str], float]


def exporters(models: Sequence[SimulatedModel]) -> str:
    """All of them, as one text."""
    lines = [line for model in models for line in (*_scaling(model), *_pods(model), *_gpus(model))]
    return "".join(f"{raw.name}{{{matchers(_labels(raw, labels))}}} {value}\n" for raw, labels, value in lines)


def _labels(raw: Raw, given: Mapping[str, str]) -> Mapping[str, str]:
    """Those of the metric, of the node's two names the one that exporters up to 4.8.2 use."""
    names = (*raw.labels, dcgm.HOSTNAMES[0]) if raw in dcgm.METRICS else raw.labels
    return {name: given.get(name, "") for name in names}


def _gpus(model: SimulatedModel) -> Iterator[Line]:
    for number, pod in enumerate(model.pods):
        if pod.node is None:
            continue
        labels = {
            "gpu": "0",
            "UUID": f"GPU-{model.model.name}-{number}",
            "pci_bus_id": "00000000:01:00.0",
            "device": "nvidia0",
            "modelName": "NVIDIA L40S",
            "Hostname": pod.node,
            "namespace": NAMESPACE,
            "pod": pod.name,
            "container": "engine",
        }
        for raw, value in {**_memory(model, pod), **_work(pod), **_errors(model)}.items():
            yield raw, labels, value
        faults = model.model.faults
        if faults.xid and 0 <= model.now - faults.since <= _XID_WINDOW_SECONDS:
            window = {"xid": str(faults.xid), "window_size_in_ms": str(1000 * _XID_WINDOW_SECONDS)}
            yield dcgm.XID_COUNT, {**labels, **window}, 1


def _memory(model: SimulatedModel, pod: Pod) -> Mapping[Raw, float]:
    whole = model.model.machine.gpu_bytes / 2**20
    used = 0.0
    if pod.engine and model.model.engine in _ALLOCATES_AS_IT_GOES:
        used = pod.engine.memory_bytes / 2**20
    elif pod.engine:
        used = PREALLOCATED * whole
    used = min(used, (1 - _RESERVED) * whole)
    reserved = _RESERVED * whole
    return {dcgm.FB_USED: used, dcgm.FB_FREE: whole - used - reserved, dcgm.FB_RESERVED: reserved}


def _work(pod: Pod) -> Mapping[Raw, float]:
    """One request keeps a GPU busy; how well its parts are used follows from the batch, roughly."""
    running = pod.engine.load.requests_running if pod.engine else 0
    return {
        dcgm.GPU_UTIL: 97 if running else 0,
        dcgm.GR_ENGINE_ACTIVE: 0.97 if running else 0,
        dcgm.PIPE_TENSOR_ACTIVE: min(0.6, running / 200),
        dcgm.DRAM_ACTIVE: 0.8 if running else 0,
        dcgm.POWER: 290 if running else 40,
        dcgm.TEMPERATURE: 66 if running else 35,
    }


def _errors(model: SimulatedModel) -> Mapping[Raw, float]:
    faults = model.model.faults
    hours = max(0.0, model.now - faults.since) / 3600
    return {
        dcgm.XID: faults.xid if model.wrong else 0,
        dcgm.ECC_DBE: int(faults.double_bit * hours),
        dcgm.UNCORRECTABLE_REMAPPED_ROWS: int(faults.replaced_rows * hours),
        dcgm.CORRECTABLE_REMAPPED_ROWS: 0,
        dcgm.ROW_REMAP_FAILURE: int(faults.no_rows and model.wrong),
    }


def _pods(model: SimulatedModel) -> Iterator[Line]:
    for pod in model.pods:
        about = {"namespace": NAMESPACE, "pod": pod.name, "uid": f"uid-{pod.name}"}
        container = {**about, "container": "engine"}
        held = {**container, "node": pod.node or "", "resource": kube_state.GPU_RESOURCE, "unit": "integer"}
        yield kube_state.POD_RESOURCE_REQUESTS, held, model.model.faults.gpus
        phase = "Running" if pod.node else "Pending"
        for one in ("Pending", "Running", "Succeeded", "Failed", "Unknown"):
            yield kube_state.POD_PHASE, {**about, "phase": one}, int(one == phase)
        for condition in ("true", "false", "unknown"):
            yield kube_state.POD_READY, {**about, "condition": condition}, int(condition == _word(pod.engine))
        if pod.node is None:
            yield kube_state.POD_UNSCHEDULABLE, about, 1
            continue
        yield kube_state.CONTAINER_RESTARTS, container, pod.restarts
        if pod.restarts:
            yield kube_state.CONTAINER_LAST_TERMINATED_REASON, {**container, "reason": "Error"}, 1
        if pod.restarts and not pod.engine:
            yield kube_state.CONTAINER_WAITING_REASON, {**container, "reason": "CrashLoopBackOff"}, 1


def _scaling(model: SimulatedModel) -> Iterator[Line]:
    name, ready = model.model.name, sum(pod.engine is not None for pod in model.pods)
    deployment = {"namespace": NAMESPACE, "deployment": name}
    for raw, value in {
        kube_state.DEPLOYMENT_WANTED: model.desired,
        kube_state.DEPLOYMENT_REPLICAS: len(model.pods),
        kube_state.DEPLOYMENT_READY: ready,
        kube_state.DEPLOYMENT_AVAILABLE: ready,
        kube_state.DEPLOYMENT_UNAVAILABLE: len(model.pods) - ready,
        kube_state.DEPLOYMENT_UPDATED: len(model.pods),
    }.items():
        yield raw, deployment, value
    scaler = {"namespace": NAMESPACE, "horizontalpodautoscaler": f"keda-hpa-{name}"}
    target = {"api_version": "apps/v1", "kind": "Deployment", "name": name}
    yield kube_state.SCALER_INFO, {**scaler, **{f"scaletargetref_{key}": value for key, value in target.items()}}, 1
    for raw, value in {
        kube_state.SCALER_MIN: 1,
        kube_state.SCALER_MAX: model.model.most,
        kube_state.SCALER_CURRENT: len(model.pods),
        kube_state.SCALER_DESIRED: model.desired,
    }.items():
        yield raw, scaler, value
    blind = model.model.faults.blind and model.wrong
    for condition, holds in {"AbleToScale": True, "ScalingActive": not blind}.items():
        for status in ("true", "false", "unknown"):
            labels = {**scaler, "condition": condition, "status": status}
            yield kube_state.SCALER_CONDITION, labels, int(status == _word(holds))
    yield from _keda(model, blind=blind)


def _keda(model: SimulatedModel, *, blind: bool) -> Iterator[Line]:
    scaled = {"namespace": NAMESPACE, "scaledObject": model.model.name}
    trigger = {
        **scaled,
        "metric": "s0-prometheus",
        "scaler": "prometheusScaler",
        "triggerIndex": "0",
        "type": "scaledobject",
    }
    yield keda.SCALER_ACTIVE, trigger, int(model.in_flight > 0 and not blind)
    yield keda.SCALER_VALUE, trigger, 0 if blind else model.in_flight
    yield keda.SCALER_LATENCY, trigger, 0.01
    yield keda.SCALER_ERRORS, trigger, model.scaler_errors
    yield keda.OBJECT_ERRORS, scaled, model.scaler_errors
    yield keda.OBJECT_PAUSED, scaled, 0


def _word(truth: object) -> str:
    return "true" if truth else "false"
