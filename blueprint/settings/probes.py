"""Settings of what is asked through the models' public hosts, and of who exports the GPUs' metrics."""

from pydantic import Field

from blueprint.settings.base import DnsLabel, HttpAddress, LabelKey, LabelValue, ModelName, SecretName, SettingsModel
from blueprint.settings.collector import Target


class Prober(Target):
    """A blackbox exporter that somebody else runs."""

    address: HttpAddress = Field(
        description="Its address, before /probe: https://prober.example.com, or http://NAME.NAMESPACE.svc:9115. It has "
        "to have the modules of the ConfigMap llm-stack-probes."
    )


class Probes(SettingsModel):
    """Requests through the public host of every published model, as its callers make them."""

    # 60: a cheap request; an outage of a minute is seen. 240: after 300 Prometheus takes a series for gone.
    interval_seconds: int = Field(default=60, ge=10, le=240, description="From one request to the next, in seconds.")
    # 10: a look-up, a handshake and a list of one model; what takes longer, callers take for gone, too.
    timeout_seconds: int = Field(
        default=10, ge=1, le=60, description="After how long a request has failed, in seconds; below intervalSeconds."
    )
    # 14: cert-manager renews at a third of the lifetime, 15 days before the end of 45; then something is wrong.
    certificate_warning_days: int = Field(
        default=14, ge=1, le=365, description="Days that a host's certificate is still valid when a warning is raised."
    )
    certificate_critical_days: int = Field(
        default=3, ge=1, le=365, description="Days that are left when somebody is called; below certificateWarningDays."
    )
    tokens: dict[ModelName, SecretName] = Field(
        default_factory=dict,
        description="By model, what is presented as `Authorization: Bearer`, so that an answer of the engine is asked "
        "for; default nothing, and the refusal is what has to come.",
    )
    prober: Prober | None = Field(
        default=None, description="An existing blackbox exporter; default one of the stack's own, in its namespace."
    )


class Dcgm(SettingsModel):
    """The dcgm-exporter of the cluster: its fields, and who scrapes it."""

    # What the GPU operator uses: assets/state-dcgm-exporter of NVIDIA/gpu-operator.
    namespace: DnsLabel = Field(default="gpu-operator", description="Namespace of its pods.")
    labels: dict[LabelKey, LabelValue] = Field(
        default_factory=lambda: {"app": "nvidia-dcgm-exporter"},
        min_length=1,
        description="Labels of its pods; those of its own chart have app.kubernetes.io/name: dcgm-exporter.",
    )
