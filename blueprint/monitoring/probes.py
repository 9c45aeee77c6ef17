"""Requests from outside: what is asked of each published model, what has to come, and who asks.

`/v1/models` is asked: every engine here routes it, no token is made for it, and it goes the whole way: name, door,
certificate, route, Service, and the engine's own server.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blueprint.addresses import address_of
from blueprint.description import Description
from blueprint.monitoring.parts import PORTS, part_name
from blueprint.settings import Monitoring
from blueprint.settings.probes import Probes
from blueprint.workload import Workload

PATH = "/v1/models"

CONFIG_FILE = "blackbox.yaml"
TOKENS_FOLDER = "/run/llm-inference/tokens"

_OK = (200,)
_REFUSED: Mapping[str, Sequence[int]] = {
    # vLLM and this project's server refuse a caller without key themselves: the way to the engine is whole.
    "engineKey": (401,),
    # Who has to log in is refused, or sent to where that is done: the door lives, and no more is known.
    "gateway": (401, 403, 302, 303, 307),
    "none": _OK,
}
"""By who checks callers, the statuses that a request without token has to get."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """How one model is asked. module: of the prober's configuration. token: name of the secret, if one is presented."""

    workload: Workload
    url: str
    module: str
    statuses: Sequence[int]
    token: str | None


@dataclass(frozen=True, kw_only=True)
class Probing:
    """Who asks, and of which models. scheme, host, path: of the prober; host with its port."""

    settings: Probes
    scheme: str
    host: str
    path: str
    probes: Sequence[Probe]

    @property
    def tokens(self) -> Sequence[str]:
        """Names of the secrets that are presented."""
        return sorted({one.token for one in self.probes if one.token is not None})


def resolve_probing(description: Description, workloads: Sequence[Workload]) -> Probing | None:
    """What is asked from outside, of a description that passed its checks; None where nothing is."""
    monitoring, cluster = description.settings.monitoring, description.settings.cluster
    if monitoring is None or monitoring.probes is None or cluster is None:
        return None
    settings = monitoring.probes
    probes = [
        _probe(settings, one, one.exposure.value.host, one.exposure.value.auth) for one in workloads if one.exposure
    ]
    if settings.prober is None:
        own = part_name(description, "blackbox")
        host = f"{own}.{cluster.namespace.name}.svc:{PORTS['blackbox']}"
        return Probing(settings=settings, scheme="http", host=host, path="/probe", probes=probes)
    given = address_of(settings.prober.address)
    return Probing(
        settings=settings,
        scheme=given.scheme,
        host=f"{given.host}:{given.port or given.default_port}",
        path=f"{given.path.rstrip('/')}/probe",
        probes=probes,
    )


def _probe(settings: Probes, workload: Workload, host: str, auth: str) -> Probe:
    token = settings.tokens.get(workload.name)
    return Probe(
        workload=workload,
        url=f"https://{host}{PATH}",
        module=f"llm_token_{workload.object_name}" if token else f"llm_{auth}",
        statuses=_OK if token else _REFUSED[auth],
        token=token,
    )


def job(namespace: str, name: str) -> str:
    """The label job of a probe's series: what the Prometheus operator calls it (pkg/prometheus/promcfg.go, v0.85.0)."""
    return f"probe/{namespace}/{name}"


def labels(namespace: str, workload: Workload) -> Mapping[str, str]:
    """Labels of a probe's target."""
    return {"namespace": namespace, "model": workload.name, "engine": workload.engine.name}


def modules(probing: Probing) -> Any:
    """The prober's configuration. Its time-out is that of the scrape, less half a second."""
    return {"modules": {one.module: _module(one) for one in sorted(probing.probes, key=lambda probe: probe.module)}}


def _module(probe: Probe) -> Any:
    return {
        "prober": "http",
        "http": {
            "method": "GET",
            "valid_status_codes": list(probe.statuses),
            "fail_if_not_ssl": True,
            # Where a redirect leads, another host answers.
            "follow_redirects": False,
            # Else a host with an address of version 6 fails in a cluster without it.
            "preferred_ip_protocol": "ip4",
            **(
                {"authorization": {"type": "Bearer", "credentials_file": f"{TOKENS_FOLDER}/{probe.token}"}}
                if probe.token
                else {}
            ),
        },
    }


def scrape_configs(probing: Probing | None, *, namespace: str) -> Sequence[Any]:
    """One job per published model, for scrape_configs of Prometheus' configuration; from 2.42 on."""
    return [] if probing is None else [_job(probing, one, namespace) for one in probing.probes]


def _job(probing: Probing, probe: Probe, namespace: str) -> Any:
    return {
        "job_name": job(namespace, probe.workload.object_name),
        "scrape_interval": f"{probing.settings.interval_seconds}s",
        "scrape_timeout": f"{probing.settings.timeout_seconds}s",
        "scheme": probing.scheme,
        "metrics_path": probing.path,
        "params": {"module": [probe.module]},
        "static_configs": [{"targets": [probe.url], "labels": dict(labels(namespace, probe.workload))}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": probing.host},
        ],
    }


def probe_spec(probing: Probing, probe: Probe, namespace: str) -> Any:
    """The spec of the operator's Probe."""
    own = {key: value for key, value in labels(namespace, probe.workload).items() if key != "namespace"}
    return {
        "interval": f"{probing.settings.interval_seconds}s",
        "scrapeTimeout": f"{probing.settings.timeout_seconds}s",
        "module": probe.module,
        "prober": {"scheme": probing.scheme, "url": probing.host, "path": probing.path},
        # The operator adds the namespace.
        "targets": {"staticConfig": {"static": [probe.url], "labels": own}},
    }


def is_probed(monitoring: Monitoring, workload: Workload) -> bool:
    """Whether a model is asked from outside."""
    return monitoring.probes is not None and workload.exposure is not None
