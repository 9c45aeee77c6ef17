"""The collector: it sends somewhere, safely, and nothing else decides where traces go."""

from collections.abc import Iterator, Mapping

from blueprint.addresses import address_of
from blueprint.checks.extra_arguments import options_of
from blueprint.checks.locks import unresolved
from blueprint.description import Description
from blueprint.issues import Issue, KeyPath
from blueprint.monitoring.collector import IMAGE
from blueprint.monitoring.parts import own_parts
from blueprint.monitoring.stores import STORES
from blueprint.monitoring.targets import collector_of, own_targets
from blueprint.monitoring.tracing import OPTIONS, VARIABLES, sends_traces
from blueprint.settings import KubernetesModel
from blueprint.settings.collector import Collector, Target
from blueprint.settings.engine_custom import ClusterCustom
from blueprint.settings.engine_sglang import ClusterSglang

_PATH: KeyPath = ("monitoring", "collector")


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of the collector, and of models that would send their traces elsewhere."""
    yield from _stores(description)
    collector = collector_of(description)
    if collector is None:
        return
    targets = _targets(collector)
    if not targets:
        yield Issue(
            path=_PATH,
            problem="it would receive traces and logs, and send them nowhere",
            remedy="Add tracesTo, logsTo or langfuse, or remove collector; with mode: standalone, standalone.loki and "
            "standalone.jaeger are targets, too.",
            reads=(*((*_PATH, key) for key in ("tracesTo", "logsTo", "langfuse")), ("monitoring", "standalone")),
        )
    for key, (field, address, target) in targets.items():
        yield from _target((*_PATH, key), field, address, target)
    if collector.traces_to is not None and address_of(collector.traces_to.address).path.strip("/"):
        yield Issue(
            path=(*_PATH, "tracesTo", "address"),
            problem="OTLP over gRPC has no path",
            remedy="Give host and port alone, such as http://jaeger.monitoring.svc:4317.",
        )
    if not description.in_lab and description.images_lock.pin(IMAGE).digest is None:
        yield unresolved(_PATH, IMAGE, reads=(("cluster", "context"), ("cluster", "id")))
    if sends_traces(description):
        for name, model in description.kubernetes_models():
            yield from _model(("models", name, "engine"), model)


def advise(description: Description) -> Iterator[Issue]:
    """Prompts that leave the stack, and engines that may not be able to send."""
    for name, model in description.kubernetes_models() if sends_traces(description) else ():
        if isinstance(model.engine, ClusterSglang):
            yield Issue(
                path=("models", name, "engine"),
                problem="SGLang ends at its start when it is to send traces and its image lacks OpenTelemetry",
                remedy="See that the image has sglang[tracing] before this goes to production.",
            )
    collector = collector_of(description)
    yield from _passed_over(description)
    if collector is not None and collector.keep_content:
        yield Issue(
            path=(*_PATH, "keepContent"),
            problem="prompts and answers that traces and logs hold are stored by "
            + ", ".join(address_of(address).host for _, address, _ in _targets(collector).values()),
            remedy="Remove it, unless those who write them know and agreed.",
        )


_KEYS = {"loki": ("logs", "logsTo"), "jaeger": ("traces", "tracesTo")}
"""By store, what it keeps, and the key that names another one."""


def _stores(description: Description) -> Iterator[Issue]:
    """Stores of the stack's own that nothing sends to."""
    if description.collector_name is not None:
        return
    for store in (store for store in STORES if store in own_parts(description)):
        kept, _ = _KEYS[store]
        yield Issue(
            path=("monitoring", "standalone", store),
            problem=f"nothing would send {kept} to it: the stack has no collector",
            remedy="Add monitoring.collector, which sends there when it is {}; or remove it.",
            reads=(_PATH,),
        )


def _passed_over(description: Description) -> Iterator[Issue]:
    """Stores of the stack's own beside a target that is named."""
    own = own_targets(description)
    for store in (store for store in STORES if store in own_parts(description) and store not in own):
        kept, key = _KEYS[store]
        yield Issue(
            path=("monitoring", "standalone", store),
            problem=f"it gets no {kept}: monitoring.collector.{key} names another store",
            remedy=f"Remove one of the two, when {kept} of before are no longer needed.",
        )


def _targets(collector: Collector) -> Mapping[str, tuple[str, str, Target]]:
    """By key, where its address stands, the address, and the target."""
    found: dict[str, tuple[str, str, Target]] = {}
    if collector.traces_to is not None:
        found["tracesTo"] = ("address", collector.traces_to.address, collector.traces_to)
    if collector.logs_to is not None:
        found["logsTo"] = ("address", collector.logs_to.address, collector.logs_to)
    if collector.langfuse is not None:
        found["langfuse"] = ("host", collector.langfuse.host, collector.langfuse)
    return found


def _target(path: KeyPath, field: str, address: str, target: Target) -> Iterator[Issue]:
    parts = address_of(address)
    if parts.is_service:
        if target.ranges:
            yield Issue(
                path=(*path, "ranges"),
                problem=f"{parts.host} is a Service of the cluster, and its pods are let in by their namespace",
                remedy="Remove it.",
                reads=((*path, field),),
            )
        return
    if parts.scheme == "http":
        yield Issue(
            path=(*path, field),
            problem=f"{parts.host} is outside the cluster, and http:// carries traces, logs and keys in clear text",
            remedy="Use https://; a Service of the cluster is named NAME.NAMESPACE.svc.",
        )
    if target.pod_port is not None:
        yield Issue(
            path=(*path, "podPort"),
            problem=f"{parts.host} is outside the cluster and has no pods",
            remedy="Remove it; a Service of the cluster is named NAME.NAMESPACE.svc.",
            reads=((*path, field),),
        )


def _model(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    engine = model.engine
    if isinstance(engine, ClusterCustom):
        for variable in engine.environment:
            if variable in VARIABLES:
                yield Issue(
                    path=(*path, "environment", variable),
                    problem="monitoring.collector decides where traces go",
                    remedy="Remove it, or remove monitoring.collector.",
                    reads=(_PATH,),
                )
        return
    for index, option in options_of(engine.name, engine.version, engine.extra_args):
        if option in OPTIONS[engine.name]:
            yield Issue(
                path=(*path, "extraArgs", str(index)),
                problem=f"{option}: monitoring.collector decides where traces go",
                remedy="Remove it, or remove monitoring.collector.",
                reads=((*path, "name"), (*path, "version"), _PATH),
            )
