"""Models: those that the stacks use, and the commits of their revisions."""

import datetime
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from pydantic import TypeAdapter, ValidationError

from blueprint.locks import Known, ModelPin, ModelsLock
from blueprint.settings.base import HubRepository, HubRevision
from ops.local_models import open_directory
from ops.locking.outcome import Outcome, resolved, unresolved
from ops.locking.stacks import mapping
from ops.sources import ModelRevision, Source, UnresolvedError
from ops.terms import Terms, changed_terms

DEFAULT_ENDPOINT = "https://huggingface.co"
DEFAULT_REVISION = "main"
_REPOSITORY: TypeAdapter[str] = TypeAdapter(HubRepository)
_REVISION: TypeAdapter[str] = TypeAdapter(HubRevision)
_PARALLEL = 8
"""Models asked at the same time, so that a hundred of them do not wait for one time-out after the other."""


def model_argument(text: str) -> ModelRevision | None:
    """The model that an argument of the command names; None when it is none."""
    repository, at, revision = text.partition("@")
    return _model(repository, revision if at else DEFAULT_REVISION)


def _model(repository: object, revision: object) -> ModelRevision | None:
    try:
        return ModelRevision(
            _REPOSITORY.validate_python(repository, strict=True),
            _REVISION.validate_python(revision, strict=True),
        )
    except ValidationError:
        return None


def models_of(stacks: Mapping[str, Mapping[str, Any]]) -> tuple[list[ModelRevision], bool]:
    """The models of all stacks, by the file that has them, and whether each could be read.

    What cannot be read is told on stderr.
    """
    found: list[ModelRevision] = []
    complete = True
    for where, values in stacks.items():
        readable, mistakes = _models_of(values.get("models", {}))
        found += readable
        for mistake in mistakes:
            click.echo(f"{where}: {mistake} Skipped; correct it and run again.", err=True)
        complete = complete and not mistakes
    return found, complete


def _models_of(models: Any) -> tuple[Iterable[ModelRevision], Sequence[str]]:
    if not isinstance(models, Mapping):
        return [], [f"models: {models!r} is no mapping of models by name."]
    found: list[ModelRevision] = []
    mistakes: list[str] = []
    for name, settings in models.items():
        given = mapping(settings)
        for place, named in {f"models.{name}": given, **_beside(f"models.{name}.engine", given)}.items():
            model = _model(named.get("model"), named.get("revision", DEFAULT_REVISION))
            if model is None:
                mistakes.append(f"{place}: no model of the form organisation/name at a revision.")
            else:
                found.append(model)
    return found, mistakes


def _beside(path: str, given: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """What the engine reads beside the model, by its place: adapters, and the model that drafts."""
    engine = mapping(given.get("engine"))
    adapters = mapping(mapping(engine.get("lora")).get("adapters"))
    found = {f"{path}.lora.adapters.{name}": mapping(adapter) for name, adapter in adapters.items()}
    draft = mapping(engine.get("speculative"))
    return {**found, **({f"{path}.speculative": draft} if "model" in draft else {})}


def ask_models(
    wanted: Sequence[ModelRevision],
    lock: ModelsLock,
    endpoint: str | None,
    directory: Path | None,
    timeout: float,
    *,
    check: bool = False,
) -> Sequence[Outcome[ModelPin]]:
    """The models' commits with terms and the facts of sizing, from a directory or else from a hub.

    check: facts and terms that the lock lacks are left out, so that a lock without them holds.

    Raises click.ClickException when the source is none.
    """
    if not wanted:
        return []
    source = _source(endpoint, directory, wanted, timeout)
    # This machine's day: the source names no time of its own.
    today = datetime.datetime.now().astimezone().date()

    def ask(model: ModelRevision) -> Outcome[ModelPin]:
        before = lock.models.get(str(model), ModelPin())
        try:
            answer = source.commit(model)
        except UnresolvedError as error:
            return unresolved(str(model), before, _short, str(error))
        known = Known(how="resolved", source=source.description, date=today)
        bare = ModelPin(sha=before.sha, known=before.known)
        outcome = resolved(str(model), bare, ModelPin(sha=answer.sha, known=known), _short)
        if not check or before.facts is not None:
            outcome = _with_facts(outcome, source, model, before)
        if not check or Terms.of_pin(before) != Terms():
            outcome = _with_terms(outcome, answer.terms, before)
        return outcome

    with ThreadPoolExecutor(_PARALLEL) as pool:
        return list(pool.map(ask, wanted))


def _with_facts(
    outcome: Outcome[ModelPin], source: Source, model: ModelRevision, before: ModelPin
) -> Outcome[ModelPin]:
    """The outcome with the facts of its commit: those that the lock has of it already, else the source's."""
    facts, said, sha = before.facts, "", outcome.pin.sha
    if facts is None or before.sha != sha:
        try:
            facts = source.facts(model, sha or "")
            said = "; facts of sizing read" if facts is not None else ""
        except UnresolvedError as error:
            facts, said = None, f"; no facts of sizing: {error}"
    pin = outcome.pin.model_copy(update={"facts": facts})
    return replace(outcome, pin=pin, message=outcome.message + said)


def _with_terms(outcome: Outcome[ModelPin], said: Terms | None, before: ModelPin) -> Outcome[ModelPin]:
    """The outcome with the terms: as the source says them, else those that the lock has of the same commit."""
    then = Terms.of_pin(before)
    now = said or (then if before.sha == outcome.pin.sha else Terms())
    # A gate is the repository's, whatever the commit; a directory knows nothing of it.
    now = now if now.gated is not None else replace(now, gated=then.gated)
    pin = outcome.pin.model_copy(
        update={"licence": now.licence, "licence_name": now.licence_name, "gated": now.gated or None}
    )
    return replace(outcome, pin=pin, message="; ".join([outcome.message, *changed_terms(then, now)]))


def _short(pin: ModelPin) -> str | None:
    return pin.sha and pin.sha[:8]


def _source(endpoint: str | None, directory: Path | None, wanted: Sequence[ModelRevision], timeout: float) -> Source:
    if directory is not None:
        return open_directory(directory, wanted)
    address = endpoint or os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT
    try:
        usable = urlsplit(address).scheme in ("http", "https") and urlsplit(address).hostname
    except ValueError:
        usable = None
    if not usable:
        # Not repeated: an address may hold credentials.
        raise click.ClickException(
            f"{'--endpoint' if endpoint else 'HF_ENDPOINT'} is no address. Give one like {DEFAULT_ENDPOINT}."
        )
    from ops.hub import Hub  # noqa: PLC0415  importing huggingface_hub takes a second, and only a hub needs it

    return Hub(address, os.environ.get("HF_TOKEN") or None, timeout)
