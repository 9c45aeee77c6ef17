"""The words and signs for operations, as in the Pulumi CLI."""

from lab.engine.events import Op
from lab.engine.resources import ResourceState

SIGNS: dict[str, str] = {
    Op.SAME: "",
    Op.CREATE: "+",
    Op.UPDATE: "~",
    Op.DELETE: "-",
    Op.REPLACE: "+-",
    Op.CREATE_REPLACEMENT: "++",
    Op.DELETE_REPLACED: "--",
    Op.READ: ">",
    Op.READ_REPLACEMENT: ">>",
    Op.DISCARD: "<",
    Op.DISCARD_REPLACED: "<<",
    Op.REMOVE_PENDING_REPLACE: "-",
    Op.REFRESH: "",
    Op.IMPORT: "=",
    Op.IMPORT_REPLACEMENT: "=>",
}

_WORDS: dict[str, tuple[str, str, str]] = {  # would, does, has
    Op.SAME: ("", "", ""),
    Op.CREATE: ("create", "creating", "created"),
    Op.UPDATE: ("update", "updating", "updated"),
    Op.DELETE: ("delete", "deleting", "deleted"),
    Op.REPLACE: ("replace", "replacing", "replaced"),
    Op.CREATE_REPLACEMENT: ("create replacement", "creating replacement", "created replacement"),
    Op.DELETE_REPLACED: ("delete original", "deleting original", "deleted original"),
    Op.READ: ("read", "reading", "read"),
    Op.READ_REPLACEMENT: ("read in its place", "reading in its place", "read in its place"),
    Op.DISCARD: ("forget", "forgetting", "forgotten"),
    Op.DISCARD_REPLACED: ("forget original", "forgetting original", "forgotten original"),
    Op.REMOVE_PENDING_REPLACE: ("finish deletion", "finishing deletion", "finished deletion"),
    Op.REFRESH: ("refresh", "refreshing", ""),
    Op.IMPORT: ("import", "importing", "imported"),
    Op.IMPORT_REPLACEMENT: ("import replacement", "importing replacement", "imported replacement"),
}

# A refresh changes nothing outside the state: the words of an update would frighten for nothing.
REFRESHED: dict[str, str] = {Op.UPDATE: "state updated", Op.DELETE: "gone, removed from the state"}

STYLES: dict[str, str] = {"+": "green", "~": "yellow", "-": "red", "<": "red", "=": "cyan", ">": "cyan"}

REPLACING = frozenset({Op.REPLACE, Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED})

_LOST = {
    "PersistentVolumeClaim": "its data is deleted",
    "PersistentVolume": "its data may be deleted",
    "Namespace": "everything in it is deleted",
    "CustomResourceDefinition": "all objects of its kind are deleted",
    "Deployment": "its pods are stopped",
    "StatefulSet": "its pods are stopped",
    "DaemonSet": "its pods are stopped",
    "Job": "its pods are stopped",
    "Pod": "it is stopped",
    "Service": "its clients lose its address",
    "Ingress": "requests from outside are not routed",
    "HTTPRoute": "requests are not routed",
    "Gateway": "requests from outside are not taken in",
    "Endpoint": "the endpoint does not answer, and its address may change",
}


def would(op: Op) -> str:
    """As a plan says it."""
    return _WORDS[op][0]


def doing(op: Op) -> str:
    """While it runs."""
    return _WORDS[op][1]


def done(op: Op) -> str:
    """When it has ended well."""
    return _WORDS[op][2]


def style_of(sign: str) -> str:
    """The colour of a sign."""
    return "magenta" if sign == "+-" else STYLES.get(sign[:1], "")


def lost(state: ResourceState | None) -> str:
    """What goes with a resource that is deleted, in plain words; empty where nothing does that matters."""
    if state is None or not state.custom or state.external or state.retain_on_delete:
        return ""
    return _LOST.get(short_type(state.type), "")


def short_type(type_: str) -> str:
    """The last part of a type, as people say it."""
    return type_.rpartition(":")[2].rpartition("/")[2]


def in_words(seconds: float) -> str:
    """A duration, as `3s` or `1m12s`."""
    whole = int(seconds)
    if whole < 60:  # noqa: PLR2004  seconds in a minute
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60:02}s"
