"""The mistakes that people make with monitoring, and what each is answered with."""

from collections.abc import Mapping
from typing import Any

from tests.blueprint.mistakes import Mistake, wrong
from tests.blueprint.stack_files import DELETE, LAB, LAB_ENDPOINTS, edited

OWN: Mapping[str, Any] = edited(LAB, {"monitoring": {"mode": "standalone"}})
"""A Prometheus, an Alertmanager and a Grafana of the stack's own, in the lab."""

WATCHING: Mapping[str, Any] = edited(
    LAB_ENDPOINTS,
    {
        "monitoring": {"mode": "operator", "endpoints": {"token": "hf-see"}},
        "images": {
            "endpoints-exporter": {
                "repository": "registry.example.com/team/exporter",
                "tag": "1",
                "build": {"context": ".", "dockerfile": "endpoints/Dockerfile"},
            }
        },
    },
)
"""An exporter of Inference Endpoints."""

SERVER = {"repository": "registry.example.com/team/server", "tag": "1", "build": {"context": "server"}}

PUBLISHED: Mapping[str, Any] = edited(
    LAB,
    {
        "monitoring": {"mode": "operator"},
        "models.m.expose": {"host": "m.example.com", "auth": "none", "allowPublic": True},
        "cluster.gateway": {"name": "public", "namespace": "gateways", "listener": "https"},
    },
)
"""A model with a public host, in the lab."""

ROUTES = {"watchdog": "snitch"}

MONITORING_MISTAKES: Mapping[str, Mistake] = {
    "size of a Prometheus of others": wrong(
        "monitoring.standalone",
        {"retentionDays": 30},
        "with mode: operator the stack runs no Prometheus",
        "Remove it, or use mode: standalone",
    ),
    "images that nobody pinned": wrong(
        "monitoring.mode",
        "standalone",
        "prometheus:v3.5.0 and quay.io/prometheus/alertmanager:v0.28.1 and docker.io/grafana/grafana:",
        "Run `llm lock quay.io/prometheus/prometheus:v3.5.0 quay.io/",
    ),
    "an image that nobody pinned": wrong(
        "monitoring.mode",
        "standalone",
        "quay.io/prometheus/prometheus:v3.5.0: unresolved in images.lock.yaml",
        "Run `llm lock quay.io/prometheus/prometheus:v3.5.0` where",
        also={"monitoring.standalone": {"alertmanager": False, "grafana": False}},
    ),
    "routes to an Alertmanager of others": wrong(
        "monitoring.routes",
        ROUTES,
        "with mode: existing the Alertmanager is not ours",
        "Remove it, or give them to its owner",
        also={"monitoring.mode": "existing", "monitoring.prometheus": "http://prometheus.example.com"},
    ),
    "routes without rules": wrong(
        "monitoring.routes",
        ROUTES,
        "with rules: false there is no alert",
        "use rules: true",
        also={"monitoring.rules": False},
    ),
    "routes without an Alertmanager": wrong(
        "monitoring.routes",
        ROUTES,
        "with standalone.alertmanager: false nothing sends",
        "use alertmanager: true",
        also={"monitoring.standalone": {"alertmanager": False}},
        base=OWN,
    ),
    "an operator for no operator's mode": wrong(
        "monitoring.install",
        {"sizeGiB": 50},
        "with mode: standalone nothing here is for an operator",
        "Remove it, or use mode: operator",
        base=OWN,
    ),
    "an operator in the lab": wrong(
        "monitoring.install",
        {"sizeGiB": 50},
        "the lab simulates pods",
        "Remove it: the lab has the operator's kinds",
        base=edited(LAB, {"monitoring": {"mode": "operator"}}),
    ),
    "a version of the operator's chart whose keys nobody read": wrong(
        "monitoring.install",
        {"chart": {"version": "12.0.0"}},
        "the keys of 12.0.0 have not been read",
        "Use 88.5.3. docs/monitoring.md says how",
        at="monitoring.install.chart.version",
    ),
    "labels for no operator": wrong(
        "monitoring.labels",
        {"release": "kps"},
        "with mode: standalone no operator selects",
        "Remove it, or use mode: operator",
        base=OWN,
    ),
    "an address of a receiver, not the name of its secret": wrong(
        "monitoring.routes",
        {"watchdog": "https://example.com/hook"},
        "this value does not have the allowed form",
        "The NAME of a secret",
        at="monitoring.routes.watchdog",
    ),
    "a receiver of no known kind": wrong(
        "monitoring.routes",
        {"others": [{"kind": "pager", "url": "pager"}]},
        "this value is not allowed",
        "Use 'slack' or 'webhook'",
        at="monitoring.routes.others.0.kind",
    ),
    "an exporter of no endpoint": wrong(
        "monitoring.endpoints",
        {"token": "hf-see", "image": "server"},
        "no model has target: endpoint",
        "Remove it, or add such a model",
        also={"monitoring.mode": "operator", "images": {"server": SERVER}},
        base=LAB,
    ),
    "an exporter without image": wrong(
        "images",
        DELETE,
        "the stack has no image endpoints-exporter",
        "dockerfile: endpoints/Dockerfile",
        at="monitoring.endpoints.image",
        base=WATCHING,
    ),
    "values that flicker": wrong(
        "monitoring.endpoints",
        {"token": "hf-see", "pollSeconds": 600, "keepMinutes": 15},
        "15 minutes are less than two polls of 600 s",
        "Use keepMinutes: 20 or more",
        at="monitoring.endpoints.keepMinutes",
        base=WATCHING,
    ),
    "a token for the name of a token": wrong(
        "monitoring.endpoints.token",
        "hf see",
        "'hf see' does not have the allowed form",
        "The NAME of a secret",
        base=WATCHING,
    ),
    "shorter than the slowest burn rate": wrong(
        "monitoring.standalone",
        {"retentionDays": 1},
        "1 is below",
        "at least 3",
        at="monitoring.standalone.retentionDays",
        base=OWN,
    ),
    "three servers": wrong(
        "monitoring.standalone",
        {"replicas": 3},
        "3 is above",
        "at most 2",
        at="monitoring.standalone.replicas",
        base=OWN,
    ),
    "no range of receivers": wrong(
        "monitoring.standalone",
        {"receiverRanges": ["10.0.0.1/8"]},
        "10.0.0.1/8 is no range",
        "10.20.0.0/16",
        at="monitoring.standalone.receiverRanges.0",
        base=OWN,
    ),
    "no range of the API server": wrong(
        "monitoring.standalone",
        {"apiServerRanges": ["10.0.0.1/8"]},
        "10.0.0.1/8 is no range",
        "10.20.0.0/16",
        at="monitoring.standalone.apiServerRanges.0",
        base=OWN,
    ),
    "a store of logs that nothing sends to": wrong(
        "monitoring.standalone",
        {"loki": {}},
        "nothing would send logs to it: the stack has no collector",
        "Add monitoring.collector",
        at="monitoring.standalone.loki",
        base=OWN,
    ),
    "a store of traces that nothing sends to": wrong(
        "monitoring.standalone",
        {"jaeger": {}},
        "nothing would send traces to it: the stack has no collector",
        "Add monitoring.collector",
        at="monitoring.standalone.jaeger",
        base=OWN,
    ),
    "a store of others": wrong(
        "monitoring.standalone",
        {"loki": {}},
        "with mode: operator the stack runs no Prometheus",
        "Remove it, or use mode: standalone",
    ),
    "images of stores that nobody pinned": Mistake(
        {
            "monitoring": {"mode": "standalone", "standalone": {"loki": {}, "jaeger": {}}, "collector": {}},
        },
        {
            "monitoring.mode": ("prometheus:v3.5.0 and quay.io", "Run `llm lock quay.io/prometheus"),
            "monitoring.standalone.loki": (
                "grafana/loki:3.7.8: unresolved",
                "Run `llm lock docker.io/grafana/loki:3.7.8`",
            ),
            "monitoring.standalone.jaeger": ("jaeger:2.19.0: unresolved", "Run `llm lock cr.jaegertracing.io/"),
            "monitoring.collector": ("opentelemetry-collector-contrib", "llm lock docker.io/otel"),
        },
    ),
    "a model called as the stack's own Loki": wrong(
        "models.llm-loki",
        LAB["models"]["m"],
        "the stack's own Loki has that name",
        "Use another name",
        base=edited(OWN, {"monitoring.standalone": {"loki": {}}, "monitoring.collector": {}}),
    ),
    "nobody to ask from outside": wrong(
        "monitoring.probes", {}, "no model has a public host", "Publish one with models.NAME.expose", base=OWN
    ),
    "an answer that may come after the next question": wrong(
        "monitoring.probes",
        {"intervalSeconds": 20, "timeoutSeconds": 20},
        "20 s: the next request is due after 20 s already",
        "Use at most 19",
        at="monitoring.probes.timeoutSeconds",
        base=PUBLISHED,
    ),
    "questions so rare that Prometheus forgets": wrong(
        "monitoring.probes",
        {"intervalSeconds": 300},
        "300 is above",
        "at most 240",
        at="monitoring.probes.intervalSeconds",
        base=PUBLISHED,
    ),
    "a warning that comes last": wrong(
        "monitoring.probes",
        {"certificateWarningDays": 3},
        "3: the warning comes no earlier",
        "Use a smaller number",
        at="monitoring.probes.certificateCriticalDays",
        base=PUBLISHED,
    ),
    "a token for nobody": wrong(
        "monitoring.probes",
        {"tokens": {"n": "gate"}},
        "no model of that name has a public host",
        "Name a model that has expose",
        at="monitoring.probes.tokens.n",
        base=PUBLISHED,
    ),
    "a token where nobody asks for one": wrong(
        "monitoring.probes",
        {"tokens": {"m": "gate"}},
        "nobody checks its callers",
        "Remove it",
        at="monitoring.probes.tokens.m",
        base=PUBLISHED,
    ),
    "a token for a prober of others": wrong(
        "monitoring.probes",
        {"tokens": {"m": "gate"}, "prober": {"address": "https://prober.example.com"}},
        "a prober of somebody else would have to be given the token",
        "remove prober",
        at="monitoring.probes.tokens.m",
        also={"models.m.expose": {"host": "m.example.com", "auth": "gateway"}},
        base=PUBLISHED,
    ),
    "a prober in a namespace that nobody said": wrong(
        "monitoring.probes",
        {"prober": {"address": "http://prober:9115"}},
        "prober is the name of a Service in the namespace of whoever asks",
        "Use http://prober.NAMESPACE.svc",
        at="monitoring.probes.prober.address",
        base=PUBLISHED,
    ),
    "addresses of a prober that the stack does not reach": wrong(
        "monitoring.probes",
        {"prober": {"address": "https://prober.example.com", "ranges": ["10.0.0.0/8"]}},
        "the Prometheus that asks is not the stack's",
        "Remove it",
        at="monitoring.probes.prober.ranges",
        base=PUBLISHED,
    ),
    "pods of a prober outside the cluster": wrong(
        "monitoring.probes",
        {"prober": {"address": "https://prober.example.com", "podPort": 9115}},
        "prober.example.com is no Service of the cluster",
        "Remove it",
        at="monitoring.probes.prober.podPort",
        also={"monitoring.mode": "standalone"},
        base=PUBLISHED,
    ),
    "a prober whose image nobody pinned": wrong(
        "monitoring.probes",
        {},
        "quay.io/prometheus/blackbox-exporter:v0.28.0: unresolved in images.lock.yaml",
        "Run `llm lock quay.io/prometheus/blackbox-exporter:v0.28.0` where",
        also={
            "models.m.expose": {"host": "m.example.com", "auth": "gateway"},
            "cluster.gateway": {"name": "public", "namespace": "gateways", "listener": "https"},
        },
    ),
    "GPUs' exporters by no label": wrong(
        "monitoring.dcgm",
        {"labels": {}},
        "this is empty",
        "Add at least one",
        at="monitoring.dcgm.labels",
        base=PUBLISHED,
    ),
    "a model called as the stack's own Prometheus": wrong(
        "models.llm-prometheus",
        LAB["models"]["m"],
        "the stack's own Prometheus has that name",
        "Use another name",
        base=OWN,
    ),
}
