"""The start of a replica, stage by stage, from nothing to its first answer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from blueprint.settings import EndpointModel, KubernetesModel
from blueprint.settings.endpoint_engines import EndpointVllm
from blueprint.settings.engine_vllm import ClusterVllm
from blueprint.sizing.constants import Constant
from blueprint.sizing.facts import ModelFacts
from blueprint.sizing.memory import stored
from blueprint.timing.constants import CONSTANTS
from blueprint.weights import Storage, Weights

Phase = Literal["before", "pod", "engine"]
"""Who bounds a stage: the download's deadline, the rollout's, or the startup probe."""

_GB = 1e9


@dataclass(frozen=True)
class Span:
    """A time in seconds that is not known exactly."""

    best: float
    likely: float
    worst: float

    def __add__(self, other: "Span") -> "Span":
        return Span(self.best + other.best, self.likely + other.likely, self.worst + other.worst)

    def times(self, count: int) -> "Span":
        """So many of it, one after another."""
        return Span(count * self.best, count * self.likely, count * self.worst)

    def data(self) -> dict[str, int]:
        """As JSON has it, in whole seconds."""
        return {"best": round(self.best), "likely": round(self.likely), "worst": round(self.worst)}

    def __str__(self) -> str:
        return f"{duration(self.likely)} ({duration(self.best)} to {duration(self.worst)})"


NOTHING = Span(0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage. span: None where it is not known. why: what was assumed, or what is missing."""

    name: str
    phase: Phase
    span: Span | None
    why: str


@dataclass(frozen=True, kw_only=True)
class Start:
    """A start on a node that is there. A node that has to boot comes before it.

    measured: what somebody measured of all but what is done before, in seconds; it counts then.
    """

    stages: Sequence[Stage]
    measured: int | None = None

    def of(self, *phases: Phase) -> Span:
        """The time of these phases, as far as it is known."""
        return sum((one.span for one in self.stages if one.span and one.phase in phases), NOTHING)

    @property
    def replica(self) -> Span:
        """From scheduling to the first answer: at least so long where a stage is unknown."""
        if self.measured is not None:
            return Span(self.measured, self.measured, self.measured)
        return self.of("pod", "engine")

    @property
    def unknown(self) -> Sequence[Stage]:
        """What is missing of the replica's sum."""
        if self.measured is not None:
            return ()
        return [one for one in self.stages if one.span is None and one.phase != "before"]

    @property
    def dominant(self) -> Stage | None:
        """The replica's stage that likely takes longest; None where none is known."""
        known = [one for one in self.stages if one.span and one.phase != "before"]
        return max(known, key=lambda one: one.span.likely if one.span else 0, default=None)

    def without(self, *names: str) -> "Start":
        """The same where what these stages bring is there already."""
        there = [replace(one, span=NOTHING, why="is there") if one.name in names else one for one in self.stages]
        return replace(self, stages=there)

    @property
    def why(self) -> str:
        """Each stage with what it follows from."""
        return "; ".join(f"{one.name}: {one.span or 'not known'}, {one.why}" for one in self.stages)

    def data(self) -> dict[str, object]:
        """As JSON has it."""
        dominant = self.dominant
        return {
            "seconds": self.replica.data(),
            "atLeast": bool(self.unknown),
            "measured": self.measured is not None,
            "dominant": dominant.name if dominant else None,
            "stages": [
                {"name": one.name, "phase": one.phase, "seconds": one.span.data() if one.span else None, "why": one.why}
                for one in self.stages
            ],
        }

    def __str__(self) -> str:
        if self.measured is not None:
            return f"{duration(self.measured)} (measured)"
        dominant = self.dominant
        least = "at least " if self.unknown else ""
        longest = f", longest: {dominant.name}" if dominant else ""
        missing = f", unknown: {', '.join(one.name for one in self.unknown)}" if self.unknown else ""
        return f"{least}{self.replica}{longest}{missing}"


def duration(seconds: float) -> str:
    """A time as people say it: 45 s, 7 min, 2.5 h."""
    if seconds < 100:  # noqa: PLR2004  below it, minutes say too little
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004  100 minutes


def replica_start(
    model: KubernetesModel,
    facts: ModelFacts | None,
    *,
    storage: Storage,
    weights: Weights,
    cached: bool,
    pre_pulled: bool,
) -> Start:
    """The start of a replica of a model on the cluster.

    facts: of the lock; None where there are none. cached: whether an earlier start has left its compiled kernels.
    pre_pulled: whether nodes have the image before they are asked.
    """
    engine = model.engine
    size = _size(facts) if model.source is None or storage.image else None
    stages = [
        _image(engine.name, pre_pulled=pre_pulled),
        *_fetched(storage, weights, size),
        _loaded(storage, weights, size),
    ]
    if isinstance(engine, ClusterVllm):
        stages += _vllm(facts, eager="--enforce-eager" in engine.extra_args, cached=cached)
    else:
        stages.append(Stage(name="engine", phase="engine", span=None, why=f"no start of {engine.name} was measured"))
    return Start(stages=stages, measured=model.lifecycle.load_seconds)


def endpoint_start(model: EndpointModel, facts: ModelFacts | None) -> Start:
    """The start of an Inference Endpoint."""
    size = _size(facts)
    stages = [
        _constant("instance", "endpoint.instance", phase="pod"),
        _rated("download", size, "endpoint.rate", phase="pod"),
        _rated("load", size, "rate.disk", phase="engine"),
    ]
    if isinstance(model.engine, EndpointVllm):
        stages += _vllm(facts, eager=False, cached=False)
    else:
        name = model.engine.name
        stages.append(Stage(name="engine", phase="engine", span=None, why=f"no start of {name} was measured"))
    return Start(stages=stages)


def _size(facts: ModelFacts | None) -> float | None:
    if facts is None:
        return None
    return facts.checkpoint_bytes if facts.checkpoint_bytes is not None else stored(facts)


def _image(engine: str, *, pre_pulled: bool) -> Stage:
    if pre_pulled:
        return Stage(
            name="image", phase="pod", span=NOTHING, why="cluster.prePull: nodes have it before they are asked"
        )
    if engine == "vllm":
        return _constant("image", "image.vllm", phase="pod")
    return Stage(name="image", phase="pod", span=None, why=f"nobody said how large the image of {engine} is")


def _fetched(storage: Storage, weights: Weights, size: float | None) -> list[Stage]:
    if weights.filled_by == "node":
        return [_rated("download", size, "rate.registry", phase="pod")]
    if weights.filled_by == "bucket":
        return []
    phases: dict[str, Phase] = {"job": "before", "pod": "pod", "engine": "engine"}
    kept = weights.filled_by == "engine" and storage.kind != "emptyDir"
    stage = _rated("download", size, "rate.hub", phase=phases[weights.filled_by])
    # A replica's own claim keeps what was fetched; which of them is new, nobody knows here.
    if (kept or weights.filled_by == "pod") and stage.span:
        return [Stage(name=stage.name, phase=stage.phase, span=_or_nothing(stage.span), why=f"{stage.why}; or kept")]
    return [stage]


def _or_nothing(span: Span) -> Span:
    return Span(0, span.likely, span.worst)


def _loaded(storage: Storage, weights: Weights, size: float | None) -> Stage:
    if weights.filled_by == "bucket":
        why = "no stream from a bucket was measured; lifecycle.loadSeconds takes a measurement"
        return Stage(name="load", phase="engine", span=None, why=why)
    if storage.kind in ("node", "emptyDir"):
        rate = "rate.disk"
    else:
        rate = "rate.block" if storage.access_mode == "ReadWriteOnce" else "rate.shared"
    return _rated("load", size, rate, phase="engine")


def _vllm(facts: ModelFacts | None, *, eager: bool, cached: bool) -> list[Stage]:
    experts = facts is not None and facts.experts is not None and facts.quantization is not None
    return [
        _constant("imports", "vllm.imports"),
        _skipped("compile") if eager else _constant("compile", "vllm.compile.cached" if cached else "vllm.compile"),
        _skipped("graphs") if eager else _constant("graphs", "vllm.graphs"),
        _constant("warm-up", "vllm.warm.experts" if experts else "vllm.warm"),
    ]


def _skipped(name: str) -> Stage:
    return Stage(name=name, phase="engine", span=NOTHING, why="--enforce-eager")


def _constant(name: str, constant: str, *, phase: Phase = "engine") -> Stage:
    found = CONSTANTS[constant]
    return Stage(name=name, phase=phase, span=Span(found.low, found.likely, found.high), why=constant)


def _rated(name: str, size: float | None, rate: str, *, phase: Phase) -> Stage:
    if size is None:
        return Stage(name=name, phase=phase, span=None, why="models.lock.yaml has no size of this model")
    return Stage(name=name, phase=phase, span=_took(size, CONSTANTS[rate]), why=f"{size / _GB:.1f} GB at {rate}")


def _took(size: float, rate: Constant) -> Span:
    return Span(size / _GB / rate.high, size / _GB / rate.likely, size / _GB / rate.low)
