"""Exposure: published means routed, authenticated, and not in clear text."""

from collections.abc import Iterator, Mapping

from blueprint.canary import canary_name
from blueprint.description import Description
from blueprint.engines import custom, vllm
from blueprint.engines.process import KeyInput
from blueprint.exposure import key_change
from blueprint.issues import Issue, KeyPath
from blueprint.processes.resolve import served_name
from blueprint.rollout import resolve_rollout
from blueprint.settings import Cluster, KubernetesModel
from blueprint.settings.engine_custom import ClusterCustom
from blueprint.settings.engine_vllm import ClusterVllm
from blueprint.settings.engines import ClusterEngine
from blueprint.settings.exposure import Expose
from blueprint.weights import resolve_storage

_NO_KEYS: Mapping[str, str] = {
    # srt/entrypoints/engine.py, 0.5.23: of the server's arguments only watermarks are masked.
    "sglang": "SGLang writes its key into its own log in clear text",
    # launcher/src/main.rs, 3.3.5: --api-key of the router.
    "tgi": "TGI hands its key on as an argument, which every process list shows",
    "custom": "the custom server is not known to check keys: that of this project, images.server, is",
}
"""By engine, why it is given none."""


def _takes_keys(engine: ClusterEngine) -> KeyInput | None:
    """How an engine takes keys; None where it is given none."""
    if isinstance(engine, ClusterVllm):
        return vllm.KEYS
    return custom.KEYS if isinstance(engine, ClusterCustom) and engine.is_own_server else None


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of each model's publication."""
    hosts: dict[str, str] = {}
    sharers: dict[str, str] = {}
    for name, model in description.kubernetes_models():
        expose = model.expose
        if expose is None:
            continue
        path = ("models", name, "expose")
        yield from _callers(path, expose)
        yield from _keys(path, model, expose)
        if description.settings.cluster is not None:
            yield from _doors(path, description.settings.cluster, expose)
        yield from _split(description, name, model, expose, sharers)
        other = hosts.setdefault(expose.host, name)
        if other != name:
            yield Issue(
                path=(*path, "host"),
                problem=f"{expose.host} is also the host of models.{other}",
                remedy=f"Use another host, or let models.{other} share its requests: expose.split.",
                reads=(("models", other, "expose", "host"),),
            )


def advise(description: Description) -> Iterator[Issue]:
    """What a change of keys interrupts: said while two are valid, and always where it is an outage."""
    cluster = description.settings.cluster
    for name, model in description.kubernetes_models():
        if cluster is None or model.expose is None or model.expose.auth != "engineKey":
            continue
        storage = resolve_storage(model, name).value
        rollout = resolve_rollout(description, cluster, model, storage).value
        outage = rollout.max_unavailable >= model.scaling.max
        keys = model.expose.keys
        if len(keys) > 1 or outage:
            valid = f"{', '.join(keys)} are valid; " if len(keys) > 1 else ""
            yield Issue(
                path=("models", name, "expose", "keys" if keys else "keySecret"),
                problem=f"{valid}{key_change(model, rollout)}",
                remedy="Change keys when that may be, or declare a spare GPU."
                if outage
                else "Remove the old key when no caller uses it any more.",
            )


def _callers(path: KeyPath, expose: Expose) -> Iterator[Issue]:
    if expose.auth == "none" and not expose.allow_public:
        yield Issue(
            path=(*path, "auth"),
            problem=f"none lets anybody who finds {expose.host} use the GPUs",
            remedy="Use engineKey or gateway, or confirm with allowPublic: true.",
            reads=((*path, "allowPublic"),),
        )
    if expose.auth != "none" and expose.allow_public:
        yield Issue(
            path=(*path, "allowPublic"),
            problem=f"true contradicts auth: {expose.auth}",
            remedy="Remove allowPublic.",
            reads=((*path, "auth"),),
        )


def _keys(path: KeyPath, model: KubernetesModel, expose: Expose) -> Iterator[Issue]:
    reads = ((*path, "auth"), (*path, "keys"), (*path, "keySecret"))
    if expose.auth != "engineKey":
        for key, value in (("keys", expose.keys), ("keySecret", expose.key_secret)):
            if value:
                yield Issue(
                    path=(*path, key),
                    problem=f"auth: {expose.auth} has no keys",
                    remedy=f"Remove {key}, or use auth: engineKey.",
                    reads=reads,
                )
        return
    takes = _takes_keys(model.engine)
    if takes is None:
        yield Issue(
            path=(*path, "auth"),
            problem=_NO_KEYS[model.engine.name],
            remedy="Use auth: gateway.",
            reads=(("models", path[1], "engine"),),
        )
        return
    if not expose.keys and expose.key_secret is None:
        yield Issue(
            path=(*path, "keys"),
            problem="this key is missing, and auth: engineKey would refuse everybody, or nobody",
            remedy="Name a key, or an existing Secret by keySecret.",
            reads=reads,
        )
    if expose.keys and expose.key_secret is not None:
        yield Issue(
            path=(*path, "keySecret"), problem="keys are given, too", remedy="Remove one of the two.", reads=reads
        )
    if len(set(expose.keys)) < len(expose.keys):
        yield Issue(path=(*path, "keys"), problem="a name is given twice", remedy="List each key once.", reads=reads)
    if len(expose.keys) > 1 and not takes.several:
        yield Issue(
            path=(*path, "keys"),
            problem=f"{model.engine.name} takes one key and {len(expose.keys)} are given",
            remedy="Use one key, which changes for all callers at once, or auth: gateway.",
            reads=(*reads, ("models", path[1], "engine")),
        )


def _doors(path: KeyPath, cluster: Cluster, expose: Expose) -> Iterator[Issue]:
    if cluster.gateway is None and cluster.ingress is None:
        yield Issue(
            path=path,
            problem="there is no door to publish it through",
            remedy="Add cluster.gateway, or cluster.ingress, or remove expose.",
            reads=(("cluster", "gateway"), ("cluster", "ingress")),
        )
        return
    if cluster.gateway is not None and (cluster.gateway.name is None) == (cluster.gateway.class_name is None):
        # Nobody knows yet whose Gateway it is.
        return
    reads: tuple[KeyPath, ...] = (("cluster", "gateway"), ("cluster", "ingress"), ("cluster", "certIssuer"))
    if cluster.gateway is not None and cluster.gateway.name is not None and cluster.ingress is None:
        if expose.tls_secret is not None:
            yield Issue(
                path=(*path, "tlsSecret"),
                problem=f"TLS ends at Gateway {cluster.gateway.name}, which has certificates of its own",
                remedy="Remove it.",
                reads=reads,
            )
    elif expose.tls_secret is None and cluster.cert_issuer is None:
        yield Issue(
            path=(*path, "tlsSecret"),
            problem="this key is missing, and keys and prompts would travel in clear text",
            remedy="Name the Secret that holds the certificate of the host, or the issuer of it: cluster.certIssuer.",
            reads=reads,
        )


def _strange_keys(name: str, sharer: KubernetesModel, other: str, model: KubernetesModel) -> Issue | None:
    """What is wrong when the model called other is asked with the keys of the one called name."""
    expose, takes = sharer.expose, _takes_keys(model.engine)
    if expose is None or expose.auth != "engineKey":
        return None
    reads = (("models", other, "engine"), ("models", other, "expose"), ("models", name, "expose"))
    path: KeyPath = ("models", name, "expose", "split", other)
    if takes is None:
        return Issue(
            path=path,
            problem=f"callers come with the keys of models.{name}, and {_NO_KEYS[model.engine.name]}",
            remedy="Use auth: gateway, or vllm there.",
            reads=reads,
        )
    if expose.key_secret is not None and takes != _takes_keys(sharer.engine):
        return Issue(
            path=path,
            problem=f"{model.engine.name} reads keys in another form than {sharer.engine.name}, and the Secret has one",
            remedy=f"Use keys in place of keySecret in models.{name}.expose, or {sharer.engine.name} there.",
            reads=(*reads, ("models", name, "engine")),
        )
    return None


def _answers_to(wanted: str, name: str, model: KubernetesModel) -> bool:
    """Whether a model takes requests for another name. TGI does not look at names; vLLM is given several."""
    return model.engine.name in ("vllm", "tgi") or served_name(name, model) == wanted


def _split(
    description: Description, name: str, sharer: KubernetesModel, expose: Expose, sharers: dict[str, str]
) -> Iterator[Issue]:
    path, cluster = ("models", name, "expose", "split"), description.settings.cluster
    if not expose.split:
        return
    # Canaries say it themselves.
    if cluster is not None and cluster.ingress is not None and expose.split.keys() - description.canaries.stable:
        yield Issue(
            path=path,
            problem="an Ingress has no weights",
            remedy="Remove it until cluster.ingress is gone.",
            reads=(("cluster", "ingress"),),
        )
    total = sum(expose.split.values())
    if total > 100:  # noqa: PLR2004  per cent
        yield Issue(
            path=path,
            problem=f"the shares sum up to {total} %",
            remedy="Give at most 100 % away.",
            reads=(("models", name, "canary"), ("models", canary_name(name))),
        )
    for other in sorted(expose.split):
        model = description.settings.models.get(other)
        reads = (("models", other),)
        first = sharers.setdefault(other, name)
        if not isinstance(model, KubernetesModel) or other == name:
            yield Issue(
                path=(*path, other),
                problem="this is the model itself" if other == name else "no model of the cluster has this name",
                remedy="Name another model of this stack with target: kubernetes.",
                reads=reads,
            )
        elif model.expose is not None:
            yield Issue(
                path=(*path, other),
                problem=f"models.{other} is published itself, and would need the keys of both",
                remedy=f"Remove models.{other}.expose.",
                reads=reads,
            )
        elif (strange := _strange_keys(name, sharer, other, model)) is not None:
            yield strange
        elif not _answers_to(served_name(name, sharer), other, model):
            yield Issue(
                path=(*path, other),
                problem=f"requests ask for {served_name(name, sharer)}, and "
                f"{model.engine.name} answers to one name only, {served_name(other, model)}",
                remedy=f"Give models.{other}.engine that servedName, or use vllm there.",
                reads=((*reads[0], "engine"), ("models", name, "engine")),
            )
        elif first != name:
            yield Issue(
                path=(*path, other),
                problem=f"models.{first} gives requests to it, too",
                remedy="Let one model share its requests with it.",
                reads=(("models", first, "expose", "split"),),
            )
