"""Names that exporters give and no rule records."""

HPA_CURRENT = "kube_horizontalpodautoscaler_status_current_replicas"
HPA_DESIRED = "kube_horizontalpodautoscaler_status_desired_replicas"
HPA_MIN = "kube_horizontalpodautoscaler_spec_min_replicas"
HPA_MAX = "kube_horizontalpodautoscaler_spec_max_replicas"
HPA_CONDITION = "kube_horizontalpodautoscaler_status_condition"  # and condition, status
POD_PHASE = "kube_pod_status_phase"  # and pod, phase
KEDA_ACTIVE = "keda_scaler_active"  # and scaledObject, scaler, triggerIndex
KEDA_ERRORS = "keda_scaler_detail_errors_total"
KEDA_VALUE = "keda_scaler_metrics_value"
KEDA_SECONDS = "keda_scaler_metrics_latency_seconds"
DCGM_USED = "DCGM_FI_DEV_FB_USED"  # MiB
DCGM_FREE = "DCGM_FI_DEV_FB_FREE"
DCGM_BUSY = "DCGM_FI_DEV_GPU_UTIL"  # percent
DCGM_TENSOR = "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"  # share, 0 to 1
DCGM_DRAM = "DCGM_FI_PROF_DRAM_ACTIVE"
DCGM_POWER = "DCGM_FI_DEV_POWER_USAGE"  # W
DCGM_CELSIUS = "DCGM_FI_DEV_GPU_TEMP"
DCGM_XID = "DCGM_FI_DEV_XID_ERRORS"  # the last one's number, until the driver is loaded again
