"""What a change does to the models on Inference Endpoints."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from blueprint.endpoint import Endpoint
from blueprint.stack import Stack
from blueprint.timing.interruption import PROTECTED, Interruption
from blueprint.timing.start import NOTHING, Start

Replacing = Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[tuple[str, ...], str]]
"""Of two bodies of an endpoint, the paths whose change only another endpoint can bring, with reasons."""

_QUIET = (("tags",), ("route",), ("cacheHttpResponses",), ("type",), ("compute", "scaling"))
"""Paths about the way to the replicas, or their number, and not about what they are."""

_MEANWHILE = "whether the old replicas answer meanwhile is not documented"


def of_endpoints(before: Stack, after: Stack, replacing: Replacing) -> Iterator[Interruption]:
    """What becomes of each endpoint, before or after. An endpoint is the same while the program calls it so."""
    old = {(one.formerly or [one.name])[0]: one for one in before.endpoints}
    new = {(one.formerly or [one.name])[0]: one for one in after.endpoints}
    for name, one in old.items():
        if name not in new:
            fails = PROTECTED if before.protect else None
            yield Interruption(model=one.name, target="endpoint", kind="deleted", offline=None, fails=fails)
        else:
            found = _of(one, new[name], after.starts[new[name].name], replacing)
            guarded = found.kind == "replaced" and before.protect and after.protect
            yield replace(found, fails=PROTECTED) if guarded else found
    for name, one in new.items():
        if name not in old:
            start = after.starts[one.name]
            running = one.state == "running"
            yield Interruption(
                model=one.name,
                target="endpoint",
                kind="new",
                lasts=start.replica if running else NOTHING,
                at_least=running and bool(start.unknown),
            )


def _of(old: Endpoint, new: Endpoint, start: Start, replacing: Replacing) -> Interruption:
    reasons = replacing(old.body, new.body)
    why = [f"{'.'.join(path)}: {reason}" for path, reason in reasons.items()]
    if (old.namespace, old.api) != (new.namespace, new.api):
        why.append("huggingface.namespace: an endpoint stays where it was made")
    if why:
        kept = old.endpoint_name == new.endpoint_name and (old.namespace, old.api) == (new.namespace, new.api)
        note = "its URL changes" + ("" if kept else ", and both are billed meanwhile")
        return Interruption(
            model=new.name,
            target="endpoint",
            kind="replaced",
            why=why,
            order="delete first" if kept else "create first",
            offline=start.replica if kept else NOTHING,
            lasts=start.replica,
            at_least=bool(start.unknown),
            notes=(note,),
        )
    if old.state != new.state:
        paused = new.state == "paused"
        return Interruption(
            model=new.name,
            target="endpoint",
            kind="changes" if paused else "restarts",
            why=["state"],
            offline=None if paused else start.replica,
            lasts=NOTHING if paused else start.replica,
            at_least=not paused and bool(start.unknown),
            notes=("paused until state says running",) if paused else (),
        )
    secrets = (old.secrets, old.registry_password) != (new.secrets, new.registry_password)
    changed = [*_different(old.body, new.body), *([("secrets",)] if secrets else [])]
    restarts = [path for path in changed if not any(path[: len(quiet)] == quiet for quiet in _QUIET)]
    if new.state == "paused" or not restarts:
        names = [_shown(path) for path in changed]
        kind = "changes" if changed or old != new else "nothing"
        return Interruption(model=new.name, target="endpoint", kind=kind, why=names)  # type: ignore[arg-type]
    return Interruption(
        model=new.name,
        target="endpoint",
        kind="restarts",
        why=[_shown(path) for path in restarts],
        offline=None,
        lasts=start.replica,
        at_least=bool(start.unknown),
        notes=(_MEANWHILE,),
    )


def _different(old: Any, new: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping) and at != ("model", "env"):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _different(old.get(key), new.get(key), (*at, key))
    elif old != new:
        yield at


def _shown(path: tuple[str, ...]) -> str:
    return ".".join(path)
