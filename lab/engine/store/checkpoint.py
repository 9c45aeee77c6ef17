"""A snapshot as the CLI's checkpoint file, version 3, and back."""

import json
from collections.abc import Callable
from typing import Any

from lab.engine.journal import references
from lab.engine.resources import PendingOperation, ResourceState, Snapshot
from lab.engine.store.crypto import Crypter
from lab.engine.values import SECRET, SIGNATURE, UNKNOWN, UNKNOWN_MARK, PropertyMap, Secret
from lab.errors import LabError

VERSION = 3

# The checkpoint's names of a resource's fields, in the order in which the CLI writes them.
_FIELDS = {
    "urn": "urn",
    "custom": "custom",
    "delete": "delete",
    "id": "id",
    "type": "type",
    "inputs": "inputs",
    "outputs": "outputs",
    "parent": "parent",
    "protect": "protect",
    "external": "external",
    "dependencies": "dependencies",
    "initErrors": "init_errors",
    "provider": "provider",
    "propertyDependencies": "property_dependencies",
    "pendingReplacement": "pending_replacement",
    "additionalSecretOutputs": "additional_secret_outputs",
    "customTimeouts": "custom_timeouts",
    "importID": "import_id",
    "retainOnDelete": "retain_on_delete",
    "deletedWith": "deleted_with",
    "created": "created",
    "modified": "modified",
    "sourcePosition": "source_position",
    "ignoreChanges": "ignore_changes",
    "replaceOnChanges": "replace_on_changes",
}
_ALWAYS = ("urn", "custom", "type")
_PROPERTIES = ("inputs", "outputs")


class Writer:
    """Turns snapshots into text; a resource that did not change since the last one costs nothing."""

    def __init__(self, crypter: Callable[[], Crypter]):
        self._crypter = crypter
        self._texts: dict[int, tuple[ResourceState, str]] = {}

    def text(self, stack: str, snapshot: Snapshot, manifest_time: str) -> str:
        """The file's content. Raises LabError when the snapshot does not hold together."""
        verify(snapshot)
        resources = ",\n".join(self._resource(state) for state in snapshot.resources)
        self._texts = {id(state): self._texts[id(state)] for state in snapshot.resources}
        pending = [{"resource": self._plain(item.resource), "type": item.type} for item in snapshot.pending]
        latest: dict[str, Any] = {
            "manifest": {"time": manifest_time, "magic": "", "version": "", **_kept_manifest(snapshot)},
            "secrets_providers": {"type": "passphrase", "state": {"salt": self._crypter().state}},
            "resources": [],
            **({"pending_operations": pending} if pending else {}),
            "metadata": snapshot.metadata,
        }
        if not snapshot.resources:
            del latest["resources"]
        whole = {"version": VERSION, "checkpoint": {"stack": stack, "latest": latest}}
        return json.dumps(whole, indent=1, ensure_ascii=False).replace(
            '"resources": []', f'"resources": [\n{resources}\n]', 1
        )

    def _resource(self, state: ResourceState) -> str:
        known = self._texts.get(id(state))
        if known is None:
            # One line each: a checkpoint is compared line by line when something is wrong with it.
            known = (state, json.dumps(self._plain(state), ensure_ascii=False))
            self._texts[id(state)] = known
        return known[1]

    def _plain(self, state: ResourceState) -> dict[str, Any]:
        found = dict(state.rest)
        for name, attribute in _FIELDS.items():
            value = getattr(state, attribute)
            if name in _PROPERTIES:
                value = self._sealed(value)
            if value or name in _ALWAYS:
                found[name] = value
        return found

    def _sealed(self, value: Any) -> Any:
        if isinstance(value, Secret):
            text = json.dumps(self._sealed(value.value), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
            return {SIGNATURE: SECRET, "ciphertext": self._crypter().encrypt(text)}
        if value is UNKNOWN:
            return UNKNOWN_MARK
        if isinstance(value, dict):
            return {key: self._sealed(value[key]) for key in sorted(value)}
        if isinstance(value, list):
            return [self._sealed(item) for item in value]
        return value


def _kept_manifest(snapshot: Snapshot) -> dict[str, Any]:
    return {key: value for key, value in snapshot.manifest.items() if key not in ("time", "magic", "version")}


def salt_of(whole: dict[str, Any]) -> str | None:
    """The salt that the secrets of a checkpoint were encrypted with. Raises LabError for other kinds of encryption."""
    providers = (_latest(whole) or {}).get("secrets_providers")
    if not providers:
        return None
    if providers.get("type") != "passphrase":
        raise LabError(
            f"The state's secrets are kept by {providers.get('type')}; the lab's engine knows passphrases only. "
            "Use the Pulumi CLI for this stack."
        )
    return str(providers["state"]["salt"])


def read(whole: dict[str, Any], crypter: Crypter | None) -> Snapshot:
    """The snapshot in a checkpoint. Raises LabError for what this engine does not know, and for what does not hold."""
    latest = _latest(whole)
    if latest is None:
        return Snapshot()
    snapshot = Snapshot(
        resources=[_state(item, crypter) for item in latest.get("resources") or []],
        pending=[
            PendingOperation(_state(item["resource"], crypter), item["type"])
            for item in latest.get("pending_operations") or []
        ],
        manifest=latest.get("manifest") or {},
        metadata=latest.get("metadata") or {},
    )
    verify(snapshot)
    return snapshot


def _latest(whole: dict[str, Any]) -> dict[str, Any] | None:
    if whole.get("version") != VERSION or whole.get("features"):
        raise LabError(
            f"The checkpoint has version {whole.get('version')} and features {whole.get('features') or 'none'}; "
            f"the lab's engine knows version {VERSION} without features. Use the Pulumi CLI for this stack."
        )
    latest: dict[str, Any] | None = whole["checkpoint"].get("latest")
    return latest


def _state(item: dict[str, Any], crypter: Crypter | None) -> ResourceState:
    known = {attribute: item[name] for name, attribute in _FIELDS.items() if name in item}
    for name in _PROPERTIES:
        known[name] = _opened(known.get(name) or {}, crypter)
    return ResourceState(**known, rest={name: value for name, value in item.items() if name not in _FIELDS})


def _opened(value: Any, crypter: Crypter | None) -> Any:
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return _secret(value, crypter)
        return {key: _opened(item, crypter) for key, item in value.items()}
    if isinstance(value, list):
        return [_opened(item, crypter) for item in value]
    return UNKNOWN if value == UNKNOWN_MARK else value


def _secret(value: PropertyMap, crypter: Crypter | None) -> Secret:
    if "plaintext" in value:  # an export with --show-secrets
        return Secret(_opened(json.loads(value["plaintext"]), crypter))
    if crypter is None:
        raise LabError("The state has secrets, and no salt to decrypt them with.")
    return Secret(_opened(json.loads(crypter.decrypt(value["ciphertext"])), crypter))


def verify(snapshot: Snapshot) -> None:
    """Hold a snapshot to its order: everything stands after what it refers to, and no live URN stands twice.

    Raises LabError.
    """
    seen: set[str] = set()
    live: set[str] = set()
    providers: set[str] = set()
    for state in snapshot.resources:
        missing = references(state) - seen
        if missing:
            raise LabError(f"The state does not hold together: {state.urn} refers to {min(missing)}, not before it.")
        if state.provider and state.provider not in providers:
            raise LabError(f"The state does not hold together: {state.urn} refers to provider {state.provider}.")
        if not state.delete and state.urn in live:
            raise LabError(f"The state does not hold together: {state.urn} is in it twice.")
        seen.add(state.urn)
        if not state.delete:
            live.add(state.urn)
        if state.is_provider:
            providers.add(f"{state.urn}::{state.id}")


def revealed(value: Any, crypter: Crypter) -> Any:
    """Part of a checkpoint with its secrets in clear text, as an export with --show-secrets has them."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET and "ciphertext" in value:
            return {SIGNATURE: SECRET, "plaintext": crypter.decrypt(value["ciphertext"])}
        return {key: revealed(item, crypter) for key, item in value.items()}
    if isinstance(value, list):
        return [revealed(item, crypter) for item in value]
    return value
