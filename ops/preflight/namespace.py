"""The namespace: whose it is, and what of ours and theirs is in it."""

from collections.abc import Iterator

from blueprint.description import PART_OF
from blueprint.settings import Cluster
from blueprint.settings.stack import SecretKey
from blueprint.stack import Stack
from ops.cluster.reading import Unread
from ops.preflight import quota
from ops.preflight.facts import Facts, Finding, Namespace, Status, unchecked


def check(stack: Stack, cluster: Cluster, facts: Facts) -> Iterator[Finding]:
    """The namespace itself, the Secret with the Hub's token, the quotas of a namespace that is somebody else's."""
    yield _ownership(cluster, facts.namespace)
    if stack.hub_read_secret is not None:
        yield _secret(stack.hub_read_secret, cluster, facts)
    if not cluster.namespace.create:
        yield from quota.check(stack, facts.quotas)


def _ownership(cluster: Cluster, found: Namespace | Unread | None) -> Finding:
    name, create = cluster.namespace.name, cluster.namespace.create
    wanted = f"create: {str(create).lower()}"
    if isinstance(found, Unread):
        return unchecked("namespace", found)
    key, value = PART_OF
    status: Status = "ok"
    if found is None:
        about, remedy = ("will be made", "") if create else ("does not exist", "Make it, or set create: true.")
        status = "ok" if create else "FAIL"
    elif found.terminating:
        status, about, remedy = "FAIL", "is being deleted", "Wait until it is gone, or use another name."
    elif not create:
        about, remedy = "exists", ""
    elif found.labels.get(key) == value:
        about, remedy = "was made by this project", ""
    else:
        status, about = "FAIL", f"exists and is not this project's (no label {key}: {value})"
        remedy = "Set cluster.namespace.create: false, or use another name."
    return Finding("namespace", status, f"{name} {about} / {wanted}{'. ' if remedy else ''}{remedy}")


def _secret(secret: SecretKey, cluster: Cluster, facts: Facts) -> Finding:
    name, keys = cluster.namespace.name, facts.secret_keys
    make = (
        f"kubectl --context {cluster.context} -n {name} create secret generic {secret.name} "
        f"--from-file={secret.key}=FILE"
    )
    if isinstance(keys, Unread):
        return unchecked("hub secret", keys)
    if keys is None and facts.namespace is None and cluster.namespace.create:
        return Finding(
            "hub secret",
            "warn",
            f"no Secret {secret.name} yet, as there is no namespace {name} / huggingface.hubReadSecret. "
            f"Pods wait for it. After `up`: {make}",
        )
    if keys is None:
        return Finding(
            "hub secret", "FAIL", f"no Secret {secret.name} in {name} / huggingface.hubReadSecret. Make it: {make}"
        )
    if secret.key not in keys:
        there = ", ".join(sorted(keys)) or "none"
        return Finding(
            "hub secret",
            "FAIL",
            f"Secret {secret.name} has the keys {there} / {secret.key}, not empty. "
            "Correct huggingface.hubReadSecret.key, or add the key.",
        )
    return Finding("hub secret", "ok", f"Secret {secret.name} has the key {secret.key}")
