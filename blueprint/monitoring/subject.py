"""One model as its rules see it: what it emits, how its series are labelled, what it promises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from blueprint.canary import SERIES_LABEL
from blueprint.metrics import Meaning, Metric, emitted
from blueprint.metrics.queries import matchers, selector
from blueprint.metrics.raw import Raw
from blueprint.monitoring.slis import Sli, measured
from blueprint.settings.probes import Probes
from blueprint.workload import Workload

HASH = "[bcdfghjklmnpqrstvwxz2456789]"
"""What Kubernetes makes the random parts of names of: alphanums in k8s.io/apimachinery/pkg/util/rand/rand.go."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model and the namespace of its objects. traffic_floor: see Monitoring. probes: None where nobody asks."""

    workload: Workload
    namespace: str
    traffic_floor: float
    probes: Probes | None = None

    @cached_property
    def metrics(self) -> Mapping[Meaning, Metric]:
        """What its engine emits, by meaning."""
        return emitted(self.workload.engine.name, self.workload.engine.version)

    @cached_property
    def slis(self) -> Sequence[Sli]:
        """Its objectives that are measured."""
        return list(measured(self.workload.objectives, self.metrics))

    @property
    def scraped(self) -> Mapping[str, str]:
        """Labels of the engine's own series."""
        return selector(self.namespace, self.workload.object_name)

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels of the recorded series."""
        track = SERIES_LABEL if self.workload.stable else {}
        return {
            "namespace": self.namespace,
            "model": self.workload.name,
            "engine": self.workload.engine.name,
            **track,
        }

    @property
    def alert_labels(self) -> Mapping[str, str]:
        """Labels of the alerts, by which they are routed."""
        owner = {"owner": self.workload.owner} if self.workload.owner else {}
        return {**self.labels, **owner}

    @property
    def pod_pattern(self) -> str:
        """Pattern of the names of its replicas' pods; the Job that fills its cache has others.

        As narrow as the names are: the pods of a model called a-b begin with those of a model called a.
        """
        name = self.workload.object_name
        if self.workload.kind == "LeaderWorkerSet":
            return f"{name}-[0-9]+(-[0-9]+)?"
        if self.workload.kind == "StatefulSet":
            return f"{name}-[0-9]+"
        # What llm-d's chart calls the Deployment that it makes: templates/decode.yaml of llm-d-modelservice.
        deployment = f"{name}-decode" if self.workload.llm_d else name
        return f"{deployment}-{HASH}+-{HASH}{{5}}"

    def recorded(self, name: str, **labels: str) -> str:
        """The recorded series of this model."""
        return f"{name}{{{matchers({**self.labels, **labels})}}}"

    def of_pods(self, metric: Raw, *further: str) -> str:
        """Series that others report about its pods. further: matchers."""
        chosen = ",".join((matchers({"namespace": self.namespace}), f'pod=~"{self.pod_pattern}"', *further))
        return f"{metric.name}{{{chosen}}}"

    def series(self, metric: Metric, *, suffix: str = "", le: str = "") -> str:
        """The engine's own series. suffix: of a histogram's. le: pattern of the bucket."""
        bucket = f',le=~"{le}"' if le else ""
        return f"{metric.name}{suffix}{{{matchers({**self.scraped, **metric.where})}{bucket}}}"

    def rate(self, metric: Metric, window: str, *, suffix: str = "", by: str = "", le: str = "") -> str:
        """What a counter adds up to per second, over all pods. by: a further label to keep."""
        apart = ", ".join(("pod", *metric.apart, *([by] if by else [])))
        together = f" by ({by})" if by else ""
        return f"sum{together} (max by ({apart}) (rate({self.series(metric, suffix=suffix, le=le)}[{window}])))"
