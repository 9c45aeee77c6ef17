"""Requests from outside: somebody to ask, in time, with a token where one is of use."""

from collections.abc import Iterator

from blueprint.addresses import address_of
from blueprint.checks.doors import ranges
from blueprint.description import Description
from blueprint.issues import Issue, KeyPath
from blueprint.settings import KubernetesModel, Monitoring
from blueprint.settings.probes import Prober, Probes

_PATH: KeyPath = ("monitoring", "probes")


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of monitoring.probes."""
    monitoring = description.settings.monitoring
    if monitoring is None or monitoring.probes is None:
        return
    probes = monitoring.probes
    if not any(model.expose for _, model in description.kubernetes_models()):
        yield Issue(
            path=_PATH,
            problem="no model has a public host at which anything could be asked",
            remedy="Publish one with models.NAME.expose, or remove it.",
            reads=(("models",),),
        )
    yield from _times(probes)
    yield from _tokens(description, probes)
    if probes.prober is not None:
        yield from _prober(monitoring, probes.prober)


def advise(description: Description) -> Iterator[Issue]:
    """What a refusal at the door says nothing about."""
    monitoring = description.settings.monitoring
    probes = monitoring.probes if monitoring else None
    if probes is None or probes.prober is not None:
        return
    for name, model in description.kubernetes_models():
        if model.expose is not None and model.expose.auth == "gateway" and name not in probes.tokens:
            yield Issue(
                path=(*_PATH, "tokens"),
                problem=f"the gateway refuses requests to {model.expose.host} without token: whether models.{name} "
                "answers behind it is not seen",
                remedy=f"Give the NAME of a secret with a token that the gateway takes: tokens: {{{name}: NAME}}.",
            )


def _times(probes: Probes) -> Iterator[Issue]:
    if probes.timeout_seconds >= probes.interval_seconds:
        yield Issue(
            path=(*_PATH, "timeoutSeconds"),
            problem=f"{probes.timeout_seconds} s: the next request is due after {probes.interval_seconds} s already",
            remedy=f"Use at most {probes.interval_seconds - 1}.",
            reads=((*_PATH, "intervalSeconds"),),
        )
    if probes.certificate_critical_days >= probes.certificate_warning_days:
        yield Issue(
            path=(*_PATH, "certificateCriticalDays"),
            problem=f"{probes.certificate_critical_days}: the warning comes no earlier than that",
            remedy="Use a smaller number, or a larger one at certificateWarningDays.",
            reads=((*_PATH, "certificateWarningDays"),),
        )


def _tokens(description: Description, probes: Probes) -> Iterator[Issue]:
    for name in probes.tokens:
        path = (*_PATH, "tokens", name)
        model = description.settings.models.get(name)
        expose = model.expose if isinstance(model, KubernetesModel) else None
        if expose is None:
            yield Issue(
                path=path,
                problem="no model of that name has a public host",
                remedy="Name a model that has expose, or remove it.",
                reads=(("models", name),),
            )
        elif expose.auth == "none":
            yield Issue(
                path=path,
                problem="nobody checks its callers, and a token would be shown to whoever answers",
                remedy="Remove it.",
                reads=(("models", name, "expose", "auth"),),
            )
        elif probes.prober is not None:
            yield Issue(
                path=path,
                problem="a prober of somebody else would have to be given the token",
                remedy="Remove it, or remove prober: one of the stack's own has it from a Secret.",
                reads=((*_PATH, "prober"),),
            )


def _prober(monitoring: Monitoring, prober: Prober) -> Iterator[Issue]:
    path, parts = (*_PATH, "prober"), address_of(prober.address)
    reads: tuple[KeyPath, ...] = (("monitoring", "mode"), (*path, "address"))
    own = monitoring.mode == "standalone"
    yield from ranges((*path, "ranges"), prober.ranges)
    if parts.is_service and parts.service_namespace is None and not own:
        yield Issue(
            path=(*path, "address"),
            problem=f"{parts.host} is the name of a Service in the namespace of whoever asks, and that is another one",
            remedy=f"Use http://{parts.host}.NAMESPACE.svc.",
            reads=(("monitoring", "mode"),),
        )
    for key, value, useful in (
        ("ranges", prober.ranges, own and not parts.is_service),
        ("podPort", prober.pod_port, own and parts.is_service),
    ):
        if value and not useful:
            yield Issue(
                path=(*path, key),
                problem="no network policy of the stack needs it: "
                + (
                    f"{parts.host} is {'' if parts.is_service else 'no '}Service of the cluster"
                    if own
                    else "the Prometheus that asks is not the stack's"
                ),
                remedy="Remove it.",
                reads=reads,
            )
