"""The pod of a GPU workload: what runs, with which rights, probed and stopped how."""

from typing import Any

from pulumi import Input

from blueprint.settings.stack import SecretKey
from blueprint.workload import Workload
from components.labels import labels
from components.pod.container import container
from components.pod.placement import placement, stay_annotations
from components.pod.security import pod_user_with_volumes
from components.pod.volumes import volumes
from components.weights.scripts import download_container


def pod_template(workload: Workload, hub_token: SecretKey | None, image: Input[str]) -> Any:
    """The pod template of a model's Deployment. image: what the engine runs in."""
    return {
        "metadata": {"labels": labels(workload), **stay_annotations(workload.placement)},
        "spec": {
            "serviceAccountName": workload.object_name,
            "automountServiceAccountToken": False,
            # A Service called vllm in the namespace would set VLLM_PORT to an address, and vLLM would die of it.
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": workload.times.value.grace,
            "securityContext": pod_security(workload),
            **placement(workload),
            **pull_secrets(workload.pull_secret, workload.weights.value.pull_secret),
            **init_containers(workload, hub_token, image),
            "containers": [container(workload, hub_token, image)],
            "volumes": volumes(workload),
        },
    }


def pull_secrets(*names: str | None) -> Any:
    """The Secrets with which the node pulls, each once."""
    secrets = [{"name": name} for name in dict.fromkeys(names) if name is not None]
    return {"imagePullSecrets": secrets} if secrets else {}


def init_containers(workload: Workload, hub_token: SecretKey | None, image: Input[str]) -> Any:
    """What runs before the engine: the download, where no Job can reach the replica's own volume."""
    if not workload.weights.value.in_pod:
        return {}
    return {"initContainers": [download_container(workload, hub_token, image)]}


def pod_security(workload: Workload) -> Any:
    """The image's own user; the cache is writable by its group."""
    return pod_user_with_volumes(workload.engine.user_id)
