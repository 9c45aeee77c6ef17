"""Metrics of NVIDIA's dcgm-exporter, read in its source at 4.8.2 and at d5e5f51: etc/default-counters.csv and others.

namespace, pod and container are those of the workload that holds the GPU: they need DCGM_EXPORTER_KUBERNETES=true, and
honorLabels in the scrape, without which they are called exported_*.
"""

from functools import partial

from blueprint.metrics.raw import Raw

HOSTNAMES = ("Hostname", "hostname")
"""The label of the node: up to 4.8.2, and after it (#655). A query that has to know the node names neither."""

# GPU_I_PROFILE and GPU_I_ID only of a part of a GPU (MIG).
LABELS = ("gpu", "UUID", "pci_bus_id", "device", "modelName", "namespace", "pod", "container")
PART_LABELS = ("GPU_I_PROFILE", "GPU_I_ID")

_gauge = partial(Raw, type="gauge", labels=LABELS)

FB_USED = _gauge(name="DCGM_FI_DEV_FB_USED", unit="MiB")
FB_FREE = _gauge(name="DCGM_FI_DEV_FB_FREE", unit="MiB")
FB_RESERVED = _gauge(
    name="DCGM_FI_DEV_FB_RESERVED", unit="MiB", help="By the driver: used, free and reserved are the whole memory."
)
GPU_UTIL = _gauge(
    name="DCGM_FI_DEV_GPU_UTIL", unit="percent", help="Share of time in which any kernel ran. Not known of parts (MIG)."
)
GR_ENGINE_ACTIVE = _gauge(
    name="DCGM_FI_PROF_GR_ENGINE_ACTIVE", unit="ratio", help="Profiling fields need SYS_ADMIN in the exporter."
)
PIPE_TENSOR_ACTIVE = _gauge(name="DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", unit="ratio", help="Share of cycles.")
DRAM_ACTIVE = _gauge(name="DCGM_FI_PROF_DRAM_ACTIVE", unit="ratio", help="Share of cycles.")
POWER = _gauge(name="DCGM_FI_DEV_POWER_USAGE", unit="watts")
TEMPERATURE = _gauge(name="DCGM_FI_DEV_GPU_TEMP", unit="celsius")
XID = _gauge(
    name="DCGM_FI_DEV_XID_ERRORS",
    unit="code",
    help="The number of the last XID, which stays until the driver is loaded anew: it does not say when.",
)
XID_COUNT = _gauge(
    name="DCGM_EXP_XID_ERRORS_COUNT",
    labels=(*LABELS, "xid", "window_size_in_ms"),
    unit="count",
    help="XIDs in the exporter's window, 5 min by default. Exposed as counter, yet it falls again: no rate over it.",
)
ECC_DBE = Raw(
    name="DCGM_FI_DEV_ECC_DBE_VOL_TOTAL",
    type="counter",
    labels=LABELS,
    unit="count",
    help="Double-bit errors since the driver was loaded.",
)
UNCORRECTABLE_REMAPPED_ROWS = Raw(
    name="DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS",
    type="counter",
    labels=LABELS,
    unit="count",
    help="For the life of the card.",
)
CORRECTABLE_REMAPPED_ROWS = Raw(
    name="DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS",
    type="counter",
    labels=LABELS,
    unit="count",
    help="For the life of the card.",
)
ROW_REMAP_FAILURE = _gauge(name="DCGM_FI_DEV_ROW_REMAP_FAILURE", unit="bool", help="1: the card has to go.")

METRICS = (
    *(FB_USED, FB_FREE, FB_RESERVED, GPU_UTIL, GR_ENGINE_ACTIVE, PIPE_TENSOR_ACTIVE, DRAM_ACTIVE, POWER, TEMPERATURE),
    *(XID, XID_COUNT, ECC_DBE, UNCORRECTABLE_REMAPPED_ROWS, CORRECTABLE_REMAPPED_ROWS, ROW_REMAP_FAILURE),
)

NOT_BY_DEFAULT = (XID_COUNT, ECC_DBE)
"""The exporter's own list of fields has these as comments. A list of one's own replaces it whole."""
