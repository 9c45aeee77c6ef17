"""The tool sets of the lab."""

from pathlib import Path
from types import MappingProxyType

from lab.tools.build import ToolSet

_HERE = Path(__file__).parent
_KWOK = "sigs.k8s.io/kwok"
_PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator"
_KEDA = "github.com/kedacore/keda/v2"
_CERT_MANAGER = "github.com/cert-manager/cert-manager"
_GATEWAY_API = "sigs.k8s.io/gateway-api"

CLUSTER = ToolSet(
    folder=_HERE / "cluster",
    # Without a version linked in, the API server reports one that clients cannot parse.
    stamps=MappingProxyType(
        {
            "k8s.io/component-base/version.gitVersion": ("k8s.io/kubernetes", "v{major}.{minor}.{patch}"),
            "k8s.io/component-base/version.gitMajor": ("k8s.io/kubernetes", "{major}"),
            "k8s.io/component-base/version.gitMinor": ("k8s.io/kubernetes", "{minor}"),
        }
    ),
    files=MappingProxyType(
        {
            f"stages/{Path(path).name}": (_KWOK, f"kustomize/stage/{path}")
            for path in (
                "node/fast/node-initialize.yaml",
                "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
                "pod/fast/pod-ready.yaml",
                "pod/fast/pod-complete.yaml",
                "pod/fast/pod-delete.yaml",
            )
        }
    ),
)
"""etcd (its program is called `server`), the Kubernetes control plane, kubectl, and kwok with its stages."""

LWS = ToolSet(
    folder=_HERE / "lws",
    files=MappingProxyType(
        {
            "leaderworkersets.yaml": (
                "sigs.k8s.io/lws",
                "config/crd/bases/leaderworkerset.x-k8s.io_leaderworkersets.yaml",
            )
        }
    ),
)
"""The controller of LeaderWorkerSets (its program is called `cmd`), and their definition."""

CRDS = ToolSet(
    folder=_HERE / "crds",
    # To have another definition in the lab, add its line here, and its module to crds/go.mod.
    files=MappingProxyType(
        {
            f"crds/{Path(path).name}": (module, path)
            for module, path in (
                *(
                    (_PROMETHEUS_OPERATOR, f"example/prometheus-operator-crd/monitoring.coreos.com_{kind}.yaml")
                    for kind in ("alertmanagerconfigs", "podmonitors", "probes", "prometheusrules")
                ),
                (_KEDA, "config/crd/bases/keda.sh_scaledobjects.yaml"),
                (_KEDA, "config/crd/bases/keda.sh_triggerauthentications.yaml"),
                (_CERT_MANAGER, "deploy/crds/cert-manager.io_certificates.yaml"),
                (_GATEWAY_API, "config/crd/standard/gateway.networking.k8s.io_gatewayclasses.yaml"),
                (_GATEWAY_API, "config/crd/standard/gateway.networking.k8s.io_gateways.yaml"),
                (_GATEWAY_API, "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"),
            )
        }
    ),
)
"""Custom resource definitions that the components use, as files of the modules that own them."""

LINT = ToolSet(folder=_HERE / "lint")
"""kubeconform, which holds manifests to the schemas of the API."""

HELM = ToolSet(
    folder=_HERE / "helm",
    # Without it Helm calls itself v4.3, also in what a release records.
    stamps=MappingProxyType(
        {"helm.sh/helm/v4/internal/version.version": ("helm.sh/helm/v4", "v{major}.{minor}.{patch}")}
    ),
)
"""Helm. Built when a stack first has a release: minutes that the others need not spend."""

COLLECTOR = ToolSet(folder=_HERE / "collector")
"""An OpenTelemetry Collector with the components that stacks configure. Built when a test first runs one."""

PROMETHEUS = ToolSet(
    folder=_HERE / "prometheus",
    # Of the discoveries that of Kubernetes alone: the others' clients are most of what there would be to compile.
    tags=("remove_all_sd", "enable_kubernetes_sd"),
    # v0.316.0 of the module is version 3.16.0.
    stamps=MappingProxyType(
        {
            "github.com/prometheus/common/version.Version": (
                "github.com/prometheus/prometheus",
                "{minor[0]}.{minor[1]}{minor[2]}.{patch}",
            )
        }
    ),
)
"""Prometheus 3 and promtool. Built by `make monitoring-tools`: the lab runs it where it is there."""

LOGQL = ToolSet(folder=_HERE / "logql")
"""Loki's own parser of its query language, as a program. Built when a test first asks it."""

LOKI = ToolSet(folder=_HERE / "loki")
"""Loki. Built when a test first runs one."""

REGISTRY = ToolSet(folder=_HERE / "registry")
"""A registry of images (distribution), for what a stack builds. Built when a stack first builds an image."""
