"""The place of a model's weights, and what fills it, as resources."""

import pulumi_kubernetes as k8s
from pulumi import CustomTimeouts, Output, Resource, ResourceOptions

from blueprint.settings.stack import SecretKey
from components.keeping import kept, kept_annotations
from components.labels import labels
from components.place import SKIP_AWAIT, Place
from components.weights.claim import claim_spec
from components.weights.job import job_labels, job_name, job_spec
from components.weights.nodes import volume_spec
from components.weights.scripts import scripts, scripts_name

# What a person mended, the next `up` tries again: a Job that failed never becomes ready by itself.
REPLACE_UNREADY = {"pulumi.com/replaceUnready": "true"}


def register_claim(name: str, place: Place, *, protect: bool, keep: bool) -> None:
    """Make the claim that all replicas share, where they do, and the volume where that is on the nodes' disks."""
    storage = place.workload.storage.value
    if storage.kind not in ("claim", "node"):
        return
    if storage.kind == "node":
        k8s.core.v1.PersistentVolume(
            f"{name}-volume",
            metadata={
                "name": Output.format("{0}-{1}", place.namespace, storage.claim_name),
                "labels": labels(place.workload),
                "annotations": SKIP_AWAIT,
            },
            spec=volume_spec(place.workload, place.namespace),
            opts=place.opts(),
        )
    k8s.core.v1.PersistentVolumeClaim(
        f"{name}-cache",
        # A class that binds at first use would wait for the pods that wait for the claim.
        metadata=place.metadata(storage.claim_name or "", annotations={**SKIP_AWAIT, **kept_annotations(keep=keep)}),
        spec=claim_spec(place.workload),
        opts=ResourceOptions.merge(place.opts(protect=protect), kept(keep=keep)),
    )


def register_download(name: str, place: Place, hub_token: SecretKey | None) -> list[Resource]:
    """Make what fills the place; a rollout waits for all that is returned."""
    workload = place.workload
    if not workload.weights.value.models:
        return []
    files = k8s.core.v1.ConfigMap(
        f"{name}-scripts",
        metadata=place.metadata(scripts_name(workload)),
        data=scripts(),
        immutable=True,
        opts=place.opts(),
    )
    if workload.weights.value.filled_by != "job":
        return [files]
    nodes = workload.storage.value.nodes
    jobs = {f"{name}-download-{node}": node for node in nodes} if nodes else {f"{name}-download": None}
    return [_job(job, place, hub_token, files, node) for job, node in jobs.items()]


def _job(name: str, place: Place, hub_token: SecretKey | None, files: Resource, node: str | None) -> Resource:
    workload = place.workload
    # The Job ends itself at its deadline, with a reason; the margin lets that be seen.
    timeout = f"{workload.times.value.download_deadline + 60}s"
    named = Output.from_input(place.image).apply(lambda image: job_name(workload, hub_token, image, node))
    metadata = place.metadata(named, annotations=REPLACE_UNREADY)
    job: Resource = k8s.batch.v1.Job(
        name,
        metadata={**metadata, "labels": job_labels(workload)},
        spec=job_spec(workload, hub_token, place.image, node),
        opts=place.opts(
            depends_on=[files], custom_timeouts=CustomTimeouts(create=timeout, update=timeout, delete="10m")
        ),
    )
    return job
