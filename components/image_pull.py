"""Images on GPU nodes before a replica needs them."""

from collections.abc import Sequence
from typing import Any

from pulumi import Input

from blueprint.workload import Workload
from components.labels import PROJECT
from components.pod.placement import GPU_TOLERATION, one_of, spot_tolerations
from components.pod.security import CONTAINER, pod_user
from components.pod.template import pull_secrets

LABELS = {**PROJECT, "app.kubernetes.io/name": "image-pull"}

_NOBODY = 65534


def image_pull_spec(workloads: Sequence[Workload], images: Sequence[Input[str]]) -> Any:
    """A pod on each node that a model may run on. It asks for no GPU and does nothing: its images are what counts.

    The kubelet pulls a container's image before it starts it, and keeps an image that a container of a pod has. The
    programs are those of every Linux image that runs Python. images: what the engines run in, each once.
    """
    container = {"imagePullPolicy": "IfNotPresent", "resources": _RESOURCES, "securityContext": CONTAINER}
    return {
        "selector": {"matchLabels": LABELS},
        # All nodes at once: a pull takes minutes, and nobody waits for these pods.
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                # Process 1 ignores SIGTERM.
                "terminationGracePeriodSeconds": 1,
                "securityContext": pod_user(_NOBODY),
                **pull_secrets(*sorted({one.pull_secret for one in workloads if one.pull_secret})),
                **image_pull_placement(workloads),
                "initContainers": [
                    {"name": f"image-{number}", "image": image, "command": ["true"], **container}
                    for number, image in enumerate(images)
                ],
                "containers": [{"name": "stay", "image": images[0], "command": ["sleep", "infinity"], **container}],
            },
        },
    }


_RESOURCES = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "32Mi"}}


def image_pull_placement(workloads: Sequence[Workload]) -> Any:
    """Every node that one of the models accepts."""
    places = [workload.placement for workload in workloads]
    values = sorted({value for place in places for of_one in place.values for value in of_one})
    spot = sorted({label for place in places for label in place.spot})
    terms = [{"matchExpressions": [one_of(places[0].label, values)]}]
    return {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}},
        "tolerations": [GPU_TOLERATION, *spot_tolerations(spot)],
    }
