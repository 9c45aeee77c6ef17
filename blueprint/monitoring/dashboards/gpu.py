"""GPUs: how full, how busy, how warm, by pod and by node."""

from collections.abc import Sequence

from blueprint.metrics import dcgm
from blueprint.metrics.raw import Raw
from blueprint.monitoring.dashboards.common import FULL_THRESHOLDS, SEVERAL, chosen
from blueprint.monitoring.dashboards.dashboard import Dashboard, Row
from blueprint.monitoring.dashboards.panels import Panel, Query, Threshold, Unit
from blueprint.monitoring.recorded import GPU_BUSY, GPU_MEMORY

# Of the two only one is there. The other is empty, in groups as in legends.
_NODE = ", ".join(dcgm.HOSTNAMES)
_NODE_LEGEND = "".join(f"{{{{{label}}}}}" for label in dcgm.HOSTNAMES)
_GPU_LEGEND = f"{_NODE_LEGEND} {{{{gpu}}}}"
_OF_PODS = 'namespace=~"$namespace",pod!=""'


def _by_pod(metric: Raw) -> str:
    return f"max by (namespace, pod, gpu) ({metric.name}{{{_OF_PODS}}})"


def _by_gpu(metric: Raw) -> str:
    """All GPUs of the cluster, those that nobody holds too."""
    return _by_card(metric.name)


def _by_card(expr: str) -> str:
    return f"max by ({_NODE}, gpu) ({expr})"


def _lines(
    title: str,
    description: str,
    expr: str,
    legend: str,
    unit: Unit,
    *,
    maximum: float | None = None,
    thresholds: Sequence[Threshold] = (),
) -> Panel:
    return Panel(
        kind="timeseries",
        title=title,
        description=description,
        queries=(Query(expr, legend),),
        unit=unit,
        maximum=maximum,
        thresholds=thresholds,
    )


_USED = _by_gpu(dcgm.FB_USED)
# Older exporters have no series of what the driver reserves.
_WHOLE = f"{_USED} + {_by_gpu(dcgm.FB_FREE)} + ({_by_gpu(dcgm.FB_RESERVED)} or 0 * {_USED})"

_MODELS = (
    _lines(
        "Memory by model",
        "Share of each GPU's memory in use. Engines that take theirs at the start stay where they are.",
        chosen(GPU_MEMORY),
        "{{model}} {{pod}} {{gpu}}",
        "percentunit",
        maximum=1,
    ),
    _lines(
        "Busy by model",
        "Share of time in which a kernel ran. One request is enough for 100 %.",
        chosen(GPU_BUSY),
        "{{model}} {{pod}} {{gpu}}",
        "percentunit",
        maximum=1,
    ),
    _lines(
        "Tensor cores by pod",
        "Share of time in which the tensor cores worked: the work that is really done. Needs profiling fields.",
        _by_pod(dcgm.PIPE_TENSOR_ACTIVE),
        "{{pod}} {{gpu}}",
        "percentunit",
        maximum=1,
    ),
    _lines(
        "Memory traffic by pod",
        "Share of time in which the memory was read or written. Decoding is bound by it: near 0.8 is a full card.",
        _by_pod(dcgm.DRAM_ACTIVE),
        "{{pod}} {{gpu}}",
        "percentunit",
        maximum=1,
    ),
    _lines("Power by pod", "Watts drawn by each GPU.", _by_pod(dcgm.POWER), "{{pod}} {{gpu}}", "watt"),
    _lines(
        "Memory used by pod",
        "Memory in use on each GPU.",
        f"{_by_pod(dcgm.FB_USED)} * 1.048576",
        "{{pod}} {{gpu}}",
        "decmbytes",
    ),
)

_NODES = (
    _lines(
        "Memory by node",
        "Share of memory in use of all GPUs of a node.",
        f"sum by ({_NODE}) ({_USED}) / (sum by ({_NODE}) ({_WHOLE}) > 0)",
        _NODE_LEGEND,
        "percentunit",
        maximum=1,
        thresholds=FULL_THRESHOLDS,
    ),
    _lines(
        "Busy by node",
        "Mean over the node's GPUs of the share of time in which a kernel ran.",
        f"avg by ({_NODE}) ({_by_gpu(dcgm.GPU_UTIL)}) / 100",
        _NODE_LEGEND,
        "percentunit",
        maximum=1,
    ),
    _lines(
        "Power by node",
        "Watts drawn by a node's GPUs.",
        f"sum by ({_NODE}) ({_by_gpu(dcgm.POWER)})",
        _NODE_LEGEND,
        "watt",
    ),
    _lines(
        "Temperature",
        "Of each GPU. Most data centre cards slow down from about 85 °C.",
        _by_gpu(dcgm.TEMPERATURE),
        _GPU_LEGEND,
        "celsius",
        thresholds=(Threshold(80, "yellow"), Threshold(85, "red")),
    ),
    Panel(
        kind="state-timeline",
        title="Last XID",
        description="Number of the last error that the driver reported for a GPU; it stays until the driver is loaded "
        "again. 0: none. NVIDIA's XID catalogue says what a number means.",
        queries=(Query(_by_gpu(dcgm.XID), _GPU_LEGEND),),
        unit="none",
        width=16,
        thresholds=(Threshold(1, "red"),),
    ),
    Panel(
        kind="timeseries",
        title="Memory errors",
        description="Errors that the card could not correct, and rows that it replaced for them, as they happen; and "
        "cards that have no row left to replace one with. The first needs a field that the exporter leaves out by "
        "itself.",
        queries=(
            *(
                Query(_by_card(f"increase({metric.name}[$__rate_interval])"), f"{_GPU_LEGEND} {what}")
                for metric, what in (
                    (dcgm.ECC_DBE, "double-bit errors"),
                    (dcgm.UNCORRECTABLE_REMAPPED_ROWS, "rows replaced"),
                )
            ),
            Query(_by_gpu(dcgm.ROW_REMAP_FAILURE), f"{_GPU_LEGEND} no rows left"),
        ),
        unit="none",
        width=24,
        thresholds=(Threshold(1, "red"),),
    ),
)

GPU = Dashboard(
    uid="llm-gpu",
    title="LLM / GPUs",
    description="Memory, work, power, temperature and errors of the GPUs, from NVIDIA's DCGM exporter.",
    variables=SEVERAL,
    rows=(Row("By model and pod", _MODELS), Row("By node, all of the cluster", _NODES)),
)
