"""The controller of LeaderWorkerSets, LeaderWorkerSet's own: what it reads, and what the API server must know of it."""

import base64
from pathlib import Path
from typing import Any

import yaml

from lab.cluster.definitions import definition
from lab.cluster.pki import Pki

LWS = "lws"
"""Its name among the lab's processes."""

DEFINITION = "leaderworkersets.leaderworkerset.x-k8s.io"

_UNUSED = "disaggregatedsets.disaggregatedset.x-k8s.io"
_NAME_LABEL = "leaderworkerset.sigs.k8s.io/name"


def configuration(pki: Pki, *, port: int) -> str:
    """Its configuration file. Loopback only, no metrics, and the lab's own certificate for its webhooks."""
    return yaml.safe_dump(
        {
            "apiVersion": "config.lws.x-k8s.io/v1alpha1",
            "kind": "Configuration",
            "internalCertManagement": {"enable": False},
            "leaderElection": {"leaderElect": False},
            "metrics": {"bindAddress": "0"},
            "health": {"healthProbeBindAddress": "0"},
            "webhook": {"host": "127.0.0.1", "port": port, "certDir": str(pki.webhook)},
        },
        sort_keys=False,
    )


def objects(path: Path, pki: Pki, *, port: int) -> list[dict[str, Any]]:
    """What has to be there before it starts: definitions of the kinds that it watches, and its webhooks.

    Webhooks as in its config/webhook: they see its own objects and the pods of groups, and no others.
    """
    authority = base64.b64encode(pki.authority.read_bytes()).decode()

    def webhook(name: str, path: str, group: str, resource: str, *operations: str) -> dict[str, Any]:
        own = [{"key": _NAME_LABEL, "operator": "Exists"}] if resource == "pods" else []
        rule = {"apiGroups": [group], "apiVersions": ["v1"], "resources": [resource], "operations": [*operations]}
        return {
            "name": name,
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": f"https://127.0.0.1:{port}/{path}", "caBundle": authority},
            "objectSelector": {"matchExpressions": own},
            "rules": [rule],
            "sideEffects": "None",
        }

    group, sets, kind = "leaderworkerset.x-k8s.io", "leaderworkersets", "leaderworkerset-x-k8s-io-v1-leaderworkerset"
    return [
        definition(path),
        _unused(),
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": LWS},
            "webhooks": [
                webhook("mleaderworkerset.kb.io", f"mutate-{kind}", group, sets, "CREATE", "UPDATE"),
                webhook("mpod.kb.io", "mutate--v1-pod", "", "pods", "CREATE"),
            ],
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": LWS},
            "webhooks": [webhook("vleaderworkerset.kb.io", f"validate-{kind}", group, sets, "CREATE", "UPDATE")],
        },
    ]


def _unused() -> dict[str, Any]:
    """The other kind that it watches, and ends without. Nothing here makes one, so its content is left open."""
    plural, _, group = _UNUSED.partition(".")
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": _UNUSED},
        "spec": {
            "group": group,
            "names": {"kind": "DisaggregatedSet", "plural": plural},
            "scope": "Namespaced",
            "versions": [version],
        },
    }
