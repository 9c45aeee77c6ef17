"""Exposure: published means authenticated, and not in clear text."""

from collections.abc import Iterator

from blueprint.description import Description
from blueprint.issues import Issue, KeyPath
from blueprint.settings import KubernetesModel


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of each model's publication."""
    for name, model in description.kubernetes_models():
        yield from _expose(("models", name), model)


def _expose(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    expose = model.expose
    if expose is None:
        return
    if expose.auth == "none" and not expose.allow_public:
        yield Issue(
            path=(*path, "expose", "auth"),
            problem=f"none lets anybody who finds {expose.host} use the GPUs",
            remedy="Use engineKey or gateway, or confirm with allowPublic: true.",
            reads=((*path, "expose", "allowPublic"),),
        )
    if expose.auth != "none" and expose.allow_public:
        yield Issue(
            path=(*path, "expose", "allowPublic"),
            problem=f"true contradicts auth: {expose.auth}",
            remedy="Remove allowPublic.",
            reads=((*path, "expose", "auth"),),
        )
    if expose.auth == "engineKey" and expose.tls_secret is None:
        yield Issue(
            path=(*path, "expose", "tlsSecret"),
            problem="this key is missing, and engine keys would travel in clear text",
            remedy="Name the Secret that holds the certificate of the host.",
            reads=((*path, "expose", "auth"),),
        )
