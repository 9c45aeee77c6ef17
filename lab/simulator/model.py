"""A simulated model: its replicas, the requests that they share, and the scaler that asks for more of them."""

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from blueprint.metrics.queries import selector
from lab.dataplane.metrics import exposition
from lab.simulator.engine import Engine, Machine
from lab.simulator.faults import HEALTHY, Faults
from lab.simulator.traces import Arrival, repeated

NAMESPACE = "llm"
_LOOK_SECONDS = 15  # between two looks of a HorizontalPodAutoscaler
_CALM_SECONDS = 300  # over which it takes the highest of what it wanted
_LOAD_SECONDS = 60
_SUFFIXES = ("bcdfg", "hjklm", "npqrs", "tvwxz", "24567", "89bcd")  # as Kubernetes makes them


@dataclass(frozen=True, kw_only=True)
class Model:
    """What is simulated.

    trace: its requests, again and again; none: nobody asks it.
    replicas: at first. most: at most, by its scaler, which wants one for each so many requests in flight.
    nodes: with a GPU for it; further pods find none.
    """

    name: str
    engine: str
    version: str
    trace: Sequence[Arrival] = ()
    machine: Machine = field(default_factory=Machine)
    faults: Faults = HEALTHY
    replicas: int = 1
    most: int = 2
    nodes: int = 3
    in_flight: float = 24


@dataclass(eq=False)
class Pod:
    """One replica. node: None while it finds none. begins: when its engine answers; engine: None until then."""

    name: str
    node: str | None
    begins: float
    engine: Engine | None = None
    restarts: int = 0


Scrape = tuple[Mapping[str, str], str | None]
"""Labels of a target, and what it says; None where it does not answer."""


class SimulatedModel:
    """A model over time."""

    def __init__(self, model: Model, seconds: float) -> None:
        self.model = model
        self.pods: list[Pod] = []
        self.desired = model.replicas
        self.scaler_errors = 0
        self.now = 0.0
        self._generation = "6d4c8b7f9c"
        self._wanted: deque[tuple[float, int]] = deque()
        self._looks = 0
        self._gone = False
        self._arrivals: Iterator[Arrival] = repeated(model.trace, seconds) if model.trace else iter(())
        self._next = next(self._arrivals, None)
        for _ in range(model.replicas):
            self._add(begins=0)

    @property
    def wrong(self) -> bool:
        """Whether its faults have begun."""
        return self.now >= self.model.faults.since

    @property
    def in_flight(self) -> int:
        """Requests that run and wait."""
        return sum(pod.engine.in_flight for pod in self.pods if pod.engine)

    def advance(self, until: float) -> None:
        """Live until then."""
        while True:
            arrives = self._next.at if self._next else math.inf
            looks = self._looks * _LOOK_SECONDS
            self.now = min(arrives, looks, until)
            if arrives <= min(looks, until):
                self._route(self._next)
                self._next = next(self._arrivals, None)
            elif looks <= until:
                self._looks += 1
                self._look()
            else:
                break
        for pod in self.pods:
            if pod.engine:
                pod.engine.advance(until)

    def scrapes(self) -> Iterator[Scrape]:
        """What Prometheus gets of it now, with the labels that a PodMonitor's targets have."""
        for index, pod in enumerate(self.pods):
            if pod.node is None:
                continue  # without an address
            labels = {
                **selector(NAMESPACE, self.model.name),
                "pod": pod.name,
                "container": "engine",
                "endpoint": "http",
                "instance": f"{pod.name}:8000",
            }
            deaf = index == 0 and self.model.faults.deaf and self.wrong
            yield labels, exposition(pod.engine.load) if pod.engine and not deaf else None

    def _route(self, arrival: Arrival | None) -> None:
        """To the replica with the fewest requests; without one it is lost, and nobody counts it."""
        engines = [pod.engine for pod in self.pods if pod.engine]
        if arrival is None or not engines:
            return
        for _ in range(self.model.faults.requests if self.wrong else 1):
            engine = min(engines, key=lambda one: one.in_flight)
            engine.advance(self.now)
            engine.ask(arrival)

    def _look(self) -> None:
        """All that happens at times that nobody else sets: starts, crashes, the scaler's decisions."""
        model, faults = self.model, self.model.faults
        if faults.gone and self.wrong and not self._gone:
            self._gone = True
            self._generation = "79d4f6c5b8"
            self.pods = []
            for _ in range(self.desired):
                self._add(begins=math.inf)
        for pod in self.pods:
            if pod.engine:
                pod.engine.advance(self.now)
                if faults.crash_seconds and self.wrong and self.now - pod.begins >= faults.crash_seconds:
                    pod.engine, pod.restarts, pod.begins = None, pod.restarts + 1, self.now + _LOAD_SECONDS
            elif pod.node and self.now >= pod.begins:
                pod.engine = Engine(
                    engine=model.engine,
                    version=model.version,
                    model=f"org/{model.name}",
                    machine=model.machine,
                    faults=faults,
                    now=self.now,
                )
        self._scale()

    def _scale(self) -> None:
        """Upwards only: traces here are too short for a decision to take replicas away."""
        if (self.model.faults.blind and self.wrong) or not any(pod.engine for pod in self.pods):
            self.scaler_errors += 1  # no number is no zero
            return
        wanted = min(self.model.most, max(1, math.ceil(self.in_flight / self.model.in_flight)))
        self._wanted.append((self.now, max(wanted, len(self.pods))))
        while self._wanted[0][0] < self.now - _CALM_SECONDS:
            self._wanted.popleft()
        self.desired = max(wanted for _, wanted in self._wanted)
        while len(self.pods) < self.desired:
            self._add(begins=self.now + _LOAD_SECONDS)

    def _add(self, *, begins: float) -> None:
        number = len(self.pods)
        free = number < self.model.nodes and not self._gone
        name = f"{self.model.name}-{self._generation}-{_SUFFIXES[number]}"
        self.pods.append(Pod(name, f"gpu-{self.model.name}-{number}" if free else None, begins))
