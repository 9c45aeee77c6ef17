"""Kubernetes' Pod Security Standard, profile restricted, field by field.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/. The namespaces of this project have it
enforced; here it is known before anything is touched. Held to the cases that Kubernetes publishes with
k8s.io/pod-security-admission: tests/policy/test_pod_security.py.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from policy.pods import Pod, called
from policy.reading import UNKNOWN, each, get, whole
from policy.rule import Found, Rule, of_pods

_VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
_SECCOMP = ("RuntimeDefault", "Localhost")
_APPARMOR = ("RuntimeDefault", "Localhost")
_APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
_SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        *(
            f"net.ipv4.{name}"
            for name in (
                *("ip_local_port_range", "tcp_syncookies", "ping_group_range", "ip_unprivileged_port_start"),
                *("ip_local_reserved_ports", "tcp_keepalive_time", "tcp_fin_timeout", "tcp_keepalive_intvl"),
                *("tcp_keepalive_probes", "tcp_rmem", "tcp_wmem"),
            )
        ),
    }
)
_PROBES = (
    ("startupProbe",),
    ("readinessProbe",),
    ("livenessProbe",),
    ("lifecycle", "postStart"),
    ("lifecycle", "preStop"),
)


def _host(pod: Pod) -> Found:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if get(pod.spec, key) is True:
            yield f"the pod has {key}"


def _volumes(pod: Pod) -> Found:
    for volume in each(pod.spec, "volumes"):
        if not isinstance(volume, Mapping):
            continue
        kinds = [key for key in volume if key != "name" and get(volume, key) is not None]
        for kind in kinds:
            if kind not in _VOLUMES:
                yield f'volume "{get(volume, "name")}" is of kind {kind}'


def _sysctls(pod: Pod) -> Found:
    for one in each(pod.spec, "securityContext", "sysctls"):
        if get(one, "name") not in (*_SYSCTLS, UNKNOWN):
            yield f"the pod sets the kernel's {get(one, 'name')}"


def _apparmor(pod: Pod) -> Found:
    for key in pod.annotations:
        value = get(pod.annotations, key)
        allowed = value is UNKNOWN or str(value) == "runtime/default" or str(value).startswith("localhost/")
        if str(key).startswith(_APPARMOR_ANNOTATION) and not allowed:
            yield f'container "{str(key).removeprefix(_APPARMOR_ANNOTATION)}" runs without an AppArmor profile'
    for who, context in _contexts(pod):
        kind = get(context, "appArmorProfile", "type")
        if kind not in (None, UNKNOWN, *_APPARMOR):
            yield f"{who} has the AppArmor profile {kind}"


def _selinux(pod: Pod) -> Found:
    for who, context in _contexts(pod):
        options = get(context, "seLinuxOptions")
        if get(options, "type") not in (None, UNKNOWN, *_SELINUX_TYPES):
            yield f"{who} has the SELinux type {get(options, 'type')}"
        for key in ("user", "role"):
            if get(options, key) not in (None, "", UNKNOWN):
                yield f"{who} chooses an SELinux {key}"


def _windows_host(pod: Pod) -> Found:
    for who, context in _contexts(pod):
        if get(context, "windowsOptions", "hostProcess") is True:
            yield f"{who} is a process of the Windows host"


def _root(pod: Pod) -> Found:
    for who, context in _contexts(pod):
        if get(context, "runAsUser") == 0:
            yield f"{who} runs as user 0"
        if get(context, "runAsNonRoot") is False:
            yield f"{who} may run as root"
    yield from _unset(pod, ("runAsNonRoot",), "is not set to runAsNonRoot")


def _seccomp(pod: Pod) -> Found:
    if _is_windows(pod):
        return
    for who, context in _contexts(pod):
        kind = get(context, "seccompProfile", "type")
        if kind not in (None, UNKNOWN, *_SECCOMP):
            yield f"{who} has the seccomp profile {kind}"
    yield from _unset(pod, ("seccompProfile", "type"), "has no seccomp profile")


def _unset(pod: Pod, path: tuple[str, ...], how: str) -> Found:
    """Containers that get nothing at a path, neither of their own nor from the pod."""
    if get(pod.spec, "securityContext", *path) is not None:
        return
    for container in pod.containers:
        if get(container, "securityContext", *path) is None:
            yield f"{called(container)} {how}"


def _privileged(pod: Pod) -> Found:
    for container in pod.containers:
        if get(container, "securityContext", "privileged") is True:
            yield f"{called(container)} is privileged"


def _containers(pod: Pod) -> Found:
    for container in pod.containers:
        who = called(container)
        for port in each(container, "ports"):
            if get(port, "hostPort") not in (None, 0, UNKNOWN):
                yield f"{who} takes port {get(port, 'hostPort')} of its node"
        for path in _PROBES:
            for kind in ("httpGet", "tcpSocket"):
                if get(container, *path, kind, "host") not in (None, "", UNKNOWN):
                    yield f"{who} asks another host in {path[-1]}"
        context = get(container, "securityContext")
        if get(context, "procMount") not in (None, "Default", UNKNOWN):
            yield f"{who} has procMount {get(context, 'procMount')}"
        if not _is_windows(pod):
            yield from _rights(who, context)


def _rights(who: str, context: Any) -> Iterator[str]:
    if get(context, "allowPrivilegeEscalation") not in (False, UNKNOWN):
        yield f"{who} does not set allowPrivilegeEscalation: false"
    if "ALL" not in each(context, "capabilities", "drop") and whole(context, "capabilities", "drop"):
        yield f"{who} does not drop ALL capabilities"
    for added in each(context, "capabilities", "add"):
        if added != "NET_BIND_SERVICE":
            yield f"{who} adds the capability {added}"


def _contexts(pod: Pod) -> Iterator[tuple[str, Any]]:
    """The security contexts of a pod and its containers, each with whose it is."""
    yield "the pod", get(pod.spec, "securityContext")
    for container in pod.containers:
        yield called(container), get(container, "securityContext")


def _is_windows(pod: Pod) -> bool:
    return bool(get(pod.spec, "os", "name") == "windows")


_CHECKS: tuple[Callable[[Pod], Found], ...] = (
    _host,
    _volumes,
    _sysctls,
    _apparmor,
    _selinux,
    _windows_host,
    _root,
    _seccomp,
    _privileged,
    _containers,
)


def broken(pod: Pod) -> Found:
    """All that the profile restricted refuses in a pod."""
    for check in _CHECKS:
        yield from check(pod)


RULES = (
    Rule(
        name="no-privileged-container",
        description="No container is privileged.",
        why="It sees all GPUs of its node, whatever it requested, and takes memory that other replicas were given.",
        remedy="Remove securityContext.privileged.",
        mandatory=True,
        of=of_pods(_privileged),
    ),
    Rule(
        name="pod-security-restricted",
        description="Pods keep to the profile restricted of Kubernetes' Pod Security Standards.",
        why="The models' namespace enforces it: such a pod is refused when it is made, and the rollout hangs.",
        remedy="https://kubernetes.io/docs/concepts/security/pod-security-standards/ says which values are allowed.",
        mandatory=True,
        of=of_pods(broken),
    ),
)
