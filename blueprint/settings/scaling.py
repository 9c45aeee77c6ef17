"""Settings of how many replicas serve a model, and of what changes their number."""

from typing import Annotated, Literal

from pydantic import Field

from blueprint.settings.base import DnsLabel, SettingsModel

EngineSignal = Literal["inFlight", "waiting", "kvCache"]


class GatewayQueue(SettingsModel):
    """A queue in front of the model, as a gateway or an endpoint picker reports it to Prometheus."""

    name: Literal["prometheus"] = Field(description="The queue's length is a query to monitoring.prometheus.")
    query: str = Field(
        min_length=1,
        max_length=2000,
        description="PromQL that gives one number also while no replica runs: waiting requests of this model.",
    )
    # 1: with a queue in front, whatever waits there found no room in any replica (llm-d's threshold for it).
    target: float = Field(default=1, gt=0, le=10_000, description="Waiting requests per replica.")


class HttpAddOn(SettingsModel):
    """KEDA's HTTP add-on, whose interceptor holds requests while the model starts."""

    name: Literal["httpAddOn"] = Field(description="The interceptor counts the requests that it holds.")
    route: DnsLabel = Field(
        description="InterceptorRoute of the namespace that leads to this model; it has the target."
    )


class Signals(SettingsModel):
    """What the number of replicas follows, each per replica; the signal that asks for most replicas wins."""

    use: list[EngineSignal] | None = Field(
        default=None,
        min_length=1,
        description="Which of the engine's own signals count; default all that its version emits.",
    )
    in_flight: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Requests running and waiting per replica; default 16, at most half of engine.maxNumSeqs.",
    )
    # 5: a queue that one batch clears soon; 3 reacts earlier, 15 saves GPUs (llm-d's conservative, strict, aggressive).
    waiting: int = Field(
        default=5, ge=1, le=100_000, description="Requests per replica that wait for room in the engine's batch."
    )
    # 0.8: near 1 the engine preempts running requests and computes them again.
    kv_cache: float = Field(default=0.8, gt=0, le=1, description="Share of the KV cache in use, 0 to 1.")
    cpu_percent: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Processor use in percent of what a replica requests; only with by: hpa, and not advised.",
    )
    external: Annotated[GatewayQueue | HttpAddOn, Field(discriminator="name")] | None = Field(
        default=None,
        description="A queue in front of the model, which is still there when no replica runs; min: 0 needs it.",
    )


class ScaleUp(SettingsModel):
    """How fast replicas may be added."""

    pods: int | None = Field(
        default=None, ge=1, le=1000, description="Most replicas added in one period; default a quarter of max."
    )
    period_seconds: int | None = Field(
        default=None,
        ge=1,
        le=1800,
        description="That period, in seconds; default the time in which a replica loads, so that what was just added "
        "answers before more is.",
    )
    # 0: a burst waits for a model load anyway, and the rate above bounds what a short one adds.
    stabilization_seconds: int = Field(
        default=0, ge=0, le=3600, description="How long the wish for more has to last, in seconds."
    )


class ScaleDown(SettingsModel):
    """How fast replicas may be taken away."""

    pods: int = Field(default=1, ge=1, le=1000, description="Most replicas taken away in one period.")
    # 120 s: a replica's share of the load has settled on the others before the next one goes.
    period_seconds: int = Field(default=120, ge=1, le=1800, description="That period, in seconds.")
    # 300 s: a pause in the load is cheaper than a model load after it.
    stabilization_seconds: int = Field(
        default=300, ge=0, le=3600, description="How long the wish for fewer has to last, in seconds."
    )


class Fallback(SettingsModel):
    """What holds while KEDA cannot read its signals."""

    replicas: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Fewest replicas meanwhile; what runs above them stays. Default min, at least 1.",
    )
    # 3: a restart of Prometheus passes unnoticed, a lasting silence does not.
    failures: int = Field(default=3, ge=1, le=100, description="Failed readings in a row before it holds.")


class Scaling(SettingsModel):
    """Bounds of the number of replicas, and between them what it follows."""

    min: int = Field(default=1, ge=0, le=1000, description="Fewest replicas; 0 only with signals.external.")
    max: int = Field(
        default=1, ge=1, le=1000, description="Most replicas. Above min, or with min: 0, a scaler decides."
    )
    by: Literal["keda", "hpa"] = Field(
        default="keda",
        description="keda: a ScaledObject, which asks Prometheus itself. hpa: a HorizontalPodAutoscaler over custom "
        "metrics, which needs prometheus-adapter with the rules that `llm adapter-rules` prints.",
    )
    preset: Literal["tutorial"] | None = Field(
        default=None,
        description="tutorial: the numbers of the usual tutorials, for by: hpa: 10 requests, processor use 70 %, one "
        "replica per minute up. Given keys win over it.",
    )
    signals: Signals = Field(default_factory=Signals)
    up: ScaleUp = Field(default_factory=ScaleUp)
    down: ScaleDown = Field(default_factory=ScaleDown)
    fallback: Fallback = Field(default_factory=Fallback)
    # 15 s: the scrape interval; asking more often reads the same number twice.
    polling_seconds: int = Field(default=15, ge=1, le=600, description="How often KEDA reads the signals, in seconds.")
    cooldown_seconds: int | None = Field(
        default=None,
        ge=1,
        le=86_400,
        description="With min: 0, idle time before the last replica goes, in seconds; above the time in which a "
        "replica loads. Default that time and five minutes.",
    )
