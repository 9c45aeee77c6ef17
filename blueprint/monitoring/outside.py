"""A model as its callers see it: whether its public host answers, how fast, how long its certificate lasts."""

from collections.abc import Iterator

from blueprint.metrics import blackbox
from blueprint.metrics.queries import matchers
from blueprint.metrics.raw import Raw
from blueprint.monitoring import recorded
from blueprint.monitoring.probes import job
from blueprint.monitoring.rule import Alert, Recording, Severity
from blueprint.monitoring.subject import Subject
from blueprint.settings.probes import Probes

_DAY_SECONDS = 86_400

_MISSED = 3
"""Probes in a row that are no accident any more."""


def recordings(subject: Subject) -> Iterator[Recording]:
    """The last probe. Of several that ask, the one that fares worst."""
    if subject.probes is None:
        return
    for record, expr in (
        (recorded.REACHABLE, f"min({_series(subject, blackbox.SUCCESS)})"),
        (recorded.REACH_SECONDS, f"max({_series(subject, blackbox.DURATION)})"),
        (recorded.CERTIFICATE_SECONDS, f"min({_series(subject, blackbox.CERTIFICATE_EXPIRY)}) - time()"),
    ):
        yield Recording(record=record, expr=expr, labels=subject.labels)


def slow_recordings(subject: Subject) -> Iterator[Recording]:
    """Availability as callers see it."""
    if subject.probes is not None:
        share = f"min(avg_over_time({_series(subject, blackbox.SUCCESS)}[1d]))"
        yield Recording(record=recorded.REACHABLE_SHARE, expr=share, labels=subject.labels)


def alerts(subject: Subject) -> Iterator[Alert]:
    """Of a model with a public host, where somebody asks there."""
    probes = subject.probes
    if probes is None:
        return
    yield _unreachable(subject, probes)
    yield _expires(subject, days=probes.certificate_warning_days, severity="warning")
    yield _expires(subject, days=probes.certificate_critical_days, severity="critical")
    yield Alert(
        alert="LLMProbeMissing",
        expr=f"absent({_series(subject, blackbox.SUCCESS)})",
        wait="10m",
        severity="warning",
        summary=f"{subject.workload.name}: nobody asks at https://{_host(subject)} any more",
        description="An outage that only callers see would raise nothing.",
        dashboard="llm-fleet",
        panel="Reachable",
    )


def _unreachable(subject: Subject, probes: Probes) -> Alert:
    scaling = subject.workload.scaling.value
    expr = f"{subject.recorded(recorded.REACHABLE)} == 0"
    if scaling is not None and scaling.min == 0:
        # A model that sleeps answers nobody, and is not meant to.
        expr += f" and {subject.recorded(recorded.TARGETS_UP)} > 0"
    status = f"max({_series(subject, blackbox.STATUS, quote=chr(39))})"
    return Alert(
        alert="LLMModelUnreachable",
        expr=expr,
        wait=f"{_MISSED * probes.interval_seconds}s",
        severity="critical",
        summary=f"{subject.workload.name}: https://{_host(subject)} does not answer as it has to; last status "
        f'{{{{ with query "{status}" }}}}{{{{ . | first | value }}}}{{{{ else }}}}unknown{{{{ end }}}}',
        description=f"{_MISSED} requests in a row failed as callers make them. Status 0: no answer at all. What "
        "is seen inside may be well all the same.",
        dashboard="llm-fleet",
        panel="Reachable",
    )


def _expires(subject: Subject, *, days: int, severity: Severity) -> Alert:
    return Alert(
        alert="LLMCertificateExpires",
        expr=f"{subject.recorded(recorded.CERTIFICATE_SECONDS)} < {days * _DAY_SECONDS}",
        # A new one may be under way to all the door's replicas.
        wait="15m",
        severity=severity,
        summary=f"{subject.workload.name}: the certificate of {_host(subject)} ends in "
        "{{ $value | humanizeDuration }}",
        description="Callers refuse the host from then on. Whatever renews it should have done so by now.",
        dashboard="llm-fleet",
        panel="Certificate",
    )


def _host(subject: Subject) -> str:
    exposure = subject.workload.exposure
    if exposure is None:
        raise ValueError("a model that is not published has no host")
    return exposure.value.host


def _series(subject: Subject, metric: Raw, *, quote: str = '"') -> str:
    chosen = matchers({"namespace": subject.namespace, "job": job(subject.namespace, subject.workload.object_name)})
    return f"{metric.name}{{{chosen.replace(chr(34), quote)}}}"
