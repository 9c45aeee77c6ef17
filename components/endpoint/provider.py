"""The dynamic providers of endpoints. Pulumi's host imports this module, which must stay light, and pickles only names.

They have no state of their own: what they know is in a resource's properties, and the token is in the environment.
"""

import re
import secrets
from dataclasses import replace
from typing import Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from components.endpoint.properties import (
    Properties,
    as_travels,
    asked_of,
    body_of,
    catalogue,
    client_of,
    exact,
    is_known,
    outputs,
    progress,
    warn,
)
from endpoints.access import AccessError
from endpoints.body import failed, observed, owner_of, owner_prefix, replacing, stopped
from endpoints.catalogue import AVAILABLE, Hardware, complaint, find
from endpoints.client import Raw
from endpoints.errors import EndpointsError
from endpoints.lifecycle import Lifecycle
from endpoints.waiting import Waiter, Waiting

# The API's paths are made of names without escaping.
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_PLACE = ("api", "namespace")
_QUOTA = "compute.scaling.maxReplica"  # the path of complaints about it


class LeftOverError(Exception):
    """Something of this stack would be left, and nobody would know whose it is."""


class OwnershipProvider(ResourceProvider):
    """A word that tells this stack from every other, made once and kept in the state."""

    serialize_as_secret_always = False

    def diff(self, _id: str, olds: Properties, news: Properties) -> DiffResult:
        """Keep the word, whatever the stack is called now: its endpoints carry it. Know where they are."""
        return DiffResult(changes=any(olds.get(key) != news.get(key) for key in _PLACE))

    def create(self, props: Properties) -> CreateResult:
        """Make the word up."""
        word = owner_prefix(props["project"], props["stack"]) + secrets.token_hex(4)
        return CreateResult(word, {**props, "tag": word})

    def update(self, _id: str, olds: Properties, news: Properties) -> UpdateResult:
        """Take note of another place."""
        return UpdateResult({**news, "tag": olds["tag"]})

    def delete(self, _id: str, props: Properties) -> None:
        """Forget the word, unless an endpoint still carries it, which nobody could tell to be this stack's then.

        The last of a stack to go. What a run made that was cut off before it noted it is unknown to the CLI's destroy.
        """
        try:
            client = client_of(props, patience=15.0)
            marked = [raw["name"] for raw in client.all_endpoints() if owner_of(raw) == props["tag"]]
            left = [name for name in marked if client.get(name) is not None]
        except (AccessError, EndpointsError) as error:
            warn(f"whether endpoints of this stack are left over was not checked: {error}")
            return
        if left:
            raise LeftOverError(
                f"{', '.join(left)}: made by this stack, and not in its state, because a run was cut off. It may be "
                "billed. Run up, which takes it into the state, then destroy; or delete it in the web page."
            )


class EndpointProvider(ResourceProvider):
    """An endpoint, from its acceptance by the API to its end. Whether it is ready is another resource's business."""

    serialize_as_secret_always = False

    def check(self, olds: Properties, news: Properties) -> CheckResult:
        """Refuse what cannot be had: by the hardware catalogue and the quota, when they can be asked."""
        failures = []
        if is_known(news["body"]):
            if not _NAME.fullmatch(str(news["body"]["name"])):
                reason = "an endpoint's name has 1 to 32 lower case letters, digits and '-'"
                failures.append(CheckFailure("body.name", reason))
            elif not olds or _hardware(olds) != _hardware(news):
                failures += _hardware_failures(olds, news)
        return CheckResult(news, failures)

    def diff(self, _id: str, olds: Properties, news: Properties) -> DiffResult:
        """Compare what was asked with what is asked; say what another endpoint would cost."""
        if not is_known(news["body"]):
            return DiffResult(changes=True)
        old, new = body_of(olds), body_of(news)
        reasons = {f"body.{'.'.join(path)}": reason for path, reason in replacing(old, new).items()}
        reasons |= {key: "an endpoint stays where it was made" for key in _PLACE if olds[key] != news[key]}
        kept_name = old["name"] == new["name"] and all(olds[key] == news[key] for key in _PLACE)
        if reasons:
            warn(_replacement(old, new, reasons, deletes_first=kept_name))
        changed = (
            not olds.get("accepted")
            or old != new
            or any(olds.get(key) != news.get(key) for key in ("state", "registryPassword", "owner"))
            or (olds.get("secrets") or {}) != (news.get("secrets") or {})
        )
        return DiffResult(
            changes=changed or bool(reasons),
            replaces=sorted(reasons),
            delete_before_replace=bool(reasons) and kept_name,
        )

    def create(self, props: Properties) -> CreateResult:
        """Have the endpoint accepted. Where nobody can tell whether it was, it is recorded as uncertain, never lost."""
        asked = asked_of(props)
        raw = Lifecycle(client_of(props), say=warn).create(asked)
        return CreateResult(f"{props['namespace']}/{asked.name}", outputs(props, raw))

    def update(self, _id: str, olds: Properties, news: Properties) -> UpdateResult:
        """Change the endpoint in place."""
        lifecycle = Lifecycle(client_of(news, olds), say=warn)
        raw = lifecycle.update(asked_of(olds), asked_of(news), certain=bool(olds.get("accepted")))
        return UpdateResult(outputs(news, raw, known=olds.get("price")))

    def read(self, _id: str, props: Properties) -> ReadResult:
        """Look at the endpoint. Its replicas come and go, and sleep is no change; a pause is one.

        It is found by its name: the lab's engine asks without an id after a create whose end nobody saw.
        """
        asked = asked_of(props)
        raw = Lifecycle(client_of(props), say=warn).read(asked)
        if raw is None:
            return ReadResult("", {})
        seen = _as_seen(props, raw)
        inputs = {key: value for key, value in seen.items() if key in _INPUTS}
        kept = outputs(seen, raw, known=props.get("price"))
        # A change that somebody else made shows in the settings; the moment of one that changed nothing is no news.
        same = seen["body"] == as_travels(exact(props["body"])) and seen["state"] == props["state"]
        if same and props.get("accepted"):
            kept["accepted"] = props["accepted"]
        return ReadResult(f"{props['namespace']}/{asked.name}", kept, inputs)

    def delete(self, _id: str, props: Properties) -> None:
        """Delete the endpoint, and make sure that it is gone."""
        Lifecycle(client_of(props), say=warn).delete(asked_of(props))


class ReadyProvider(ResourceProvider):
    """That an endpoint is ready. Not a part of it: what was accepted is in the state whether it gets ready or not."""

    serialize_as_secret_always = False

    def diff(self, _id: str, olds: Properties, news: Properties) -> DiffResult:
        """Wait again when anything was asked or accepted since."""
        keys = ("api", "namespace", "body", "state", "owner", "accepted", "healthRoute", "openaiPath")
        return DiffResult(changes=any(exact(olds.get(key)) != exact(news.get(key)) for key in keys))

    def create(self, props: Properties) -> CreateResult:
        """Wait."""
        return CreateResult(f"{props['namespace']}/{props['body']['name']}", _awaited(props))

    def update(self, _id: str, _olds: Properties, news: Properties) -> UpdateResult:
        """Wait again."""
        return UpdateResult(_awaited(news))

    def read(self, id_: str, props: Properties) -> ReadResult:
        """Look whether the endpoint is there and has not failed. Asking itself would wake it, and is not done."""
        raw = Lifecycle(client_of(props), say=warn).read(asked_of(props))
        if raw is None or failed(raw):
            return ReadResult("", {})  # the next up waits for it anew
        return ReadResult(id_, dict(props))

    def delete(self, _id: str, _props: Properties) -> None:
        """Readiness goes with the endpoint."""


_INPUTS = ("api", "namespace", "body", "state", "adopt", "owner", "secrets", "registryPassword")


def _as_seen(props: Properties, raw: Raw) -> Properties:
    """The properties as they would have to be for the endpoint as it is."""
    state = "paused" if stopped(raw) else "running"
    return {**props, "body": as_travels(observed(body_of(props), raw)), "state": state}


def _hardware(props: Properties) -> Any:
    body = props.get("body") or {}
    return exact([props.get("api"), props.get("namespace"), body.get("provider"), body.get("compute")])


def _hardware_failures(olds: Properties, news: Properties) -> list[CheckFailure]:
    body = body_of(news)
    try:
        rows = _offered(catalogue(news), olds)
        found = complaint(rows, body)
        if found and found[0] == _QUOTA:
            found = complaint(rows, body, held=_held(rows, news))
    except (AccessError, EndpointsError) as error:
        warn(f"{body['name']}: hardware, quota and price were not checked: {error}")
        return []
    return [CheckFailure(f"body.{found[0]}", found[1])] if found else []


def _offered(rows: list[Hardware], olds: Properties) -> list[Hardware]:
    """What can be rented; an endpoint keeps what it is on, also when nobody else gets it any more."""
    before = find(rows, body_of(olds)) if olds else None
    return [replace(row, status=AVAILABLE[0]) if row is before else row for row in rows]


def _held(rows: list[Hardware], news: Properties) -> int:
    """Accelerators of the quota that this endpoint uses itself, whether the state knows it or lost it."""
    raw = Lifecycle(client_of(news, patience=5.0), say=warn).read(asked_of(news)) if is_known(news["owner"]) else None
    if raw is None or stopped(raw) or raw["status"]["state"] == "failed":
        return 0
    row, wanted = find(rows, raw), find(rows, body_of(news))
    if row is None or wanted is None or (row.vendor, row.type) != (wanted.vendor, wanted.type):
        return 0
    return row.accelerators * int(raw["compute"]["scaling"]["maxReplica"])


def _replacement(old: Any, new: Any, reasons: dict[str, str], *, deletes_first: bool) -> str:
    why = "; ".join(f"{path}: {reason}" for path, reason in reasons.items())
    if deletes_first:
        effect = (
            "The name stays, so the old one is deleted first: nothing answers until the new one is ready, and its url "
            "is another. With another endpointName the old one stays until then."
        )
    else:
        effect = (
            "The new one is made first: both are billed, and count against the quota, until the old one is deleted."
        )
    names = old["name"] if deletes_first else f"{old['name']} -> {new['name']}"
    return f"{names}: is replaced ({why}). {effect}"


def _awaited(props: Properties) -> Properties:
    asked = asked_of(props)
    if not props.get("accepted"):
        progress(f"{asked.name}: whether it was accepted is not known")
    waiting = Waiting(
        seconds=60.0 * float(props["readyMinutes"]),
        health_route=props["healthRoute"],
        route=(asked.body.get("route") or {}).get("domain"),
    )
    client = client_of(props)
    Lifecycle(client, say=warn).start_again(asked)
    raw = Waiter(client, say=progress).ready(asked, waiting)
    url = raw["status"].get("url")
    path = props.get("openaiPath")
    return {
        **props,
        "status": raw["status"]["state"],
        "url": url,
        "openaiUrl": f"{url.rstrip('/')}{path}" if url and path else None,
        "resolvedRevision": raw["model"]["revision"],
    }
