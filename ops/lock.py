"""`llm lock`: which commit each model's revision means, asked and written down."""

import datetime
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from pydantic import TypeAdapter, ValidationError

from blueprint.locks import MODELS_LOCK, Known, ModelPin, ModelsLock
from blueprint.settings.base import HubRepository, HubRevision
from ops import lockfile
from ops.local_models import open_directory
from ops.project import Project
from ops.sources import ModelRevision, Source, UnresolvedError

DEFAULT_ENDPOINT = "https://huggingface.co"
DEFAULT_REVISION = "main"
_REPOSITORY: TypeAdapter[str] = TypeAdapter(HubRepository)
_REVISION: TypeAdapter[str] = TypeAdapter(HubRevision)
_PARALLEL = 8
"""Models asked at the same time, so that a hundred of them do not wait for one time-out after the other."""


@click.command()
@click.argument("models", metavar="[REPOSITORY[@REVISION]]...", nargs=-1)
@click.option("--endpoint", help=f"Address of the Hub or of a mirror. [default: HF_ENDPOINT, or {DEFAULT_ENDPOINT}]")
@click.option(
    "--from",
    "directory",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Ask a directory instead: the Hub's cache, or a git checkout of the model's repository.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail when the lock would change or a model has no pin.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 300),
    default=10.0,
    show_default=True,
    help="Longest silence of a hub, in seconds.",
)
def command(models: Sequence[str], endpoint: str | None, directory: Path | None, check: bool, timeout: float) -> None:
    """Pin models to commits in models.lock.yaml.

    Without arguments: every model of every stack file, with its adapters and the model that drafts for it. REVISION is
    main when absent. A token for gated and private models is read from HF_TOKEN. What cannot be resolved keeps the pin
    it has, and the exit code is 1.

    Images are not resolved by this version: images.lock.yaml is kept by hand.
    """
    if endpoint and directory:
        raise click.UsageError("--endpoint and --from exclude each other: one source at a time.")
    project = Project.find()
    path = project.root / MODELS_LOCK
    previous, lock = lockfile.load(path)
    wanted, complete = ([_argument(model) for model in models], True) if models else _of_all_stacks(project)
    wanted = sorted(set(wanted))
    outcomes = _ask(_source(endpoint, directory, wanted, timeout), wanted, lock) if wanted else []
    for outcome in outcomes:
        click.echo(f"{outcome.model}: {outcome.message}")
    if not models and complete:
        for name in sorted(set(lock.models) - {str(model) for model in wanted}):
            click.echo(f"{name}: no stack uses it; kept")
    after = ModelsLock(models={**lock.models, **{str(outcome.model): outcome.pin for outcome in outcomes}})
    changed = after != lock
    failed = sum(not outcome.resolved for outcome in outcomes)
    if changed and not check:
        lockfile.replace(path, after, previous)
    if changed:
        click.echo(f"{MODELS_LOCK} {'would change. Run `llm lock` and commit it.' if check else 'is written.'}")
    elif not failed:
        click.echo(f"{MODELS_LOCK} {'holds' if check else 'is unchanged'}.")
    if failed:
        raise click.ClickException(f"{failed} of {len(outcomes)} models could not be resolved; reasons above.")
    if check and (changed or not complete):
        raise click.exceptions.Exit(1)


def _argument(text: str) -> ModelRevision:
    repository, at, revision = text.partition("@")
    model = _model(repository, revision if at else DEFAULT_REVISION)
    if model is None:
        raise click.BadParameter(
            f"{text!r} is no model. Give organisation/name, or organisation/name@revision.",
            param_hint="REPOSITORY",
        )
    return model


def _model(repository: object, revision: object) -> ModelRevision | None:
    try:
        return ModelRevision(
            _REPOSITORY.validate_python(repository, strict=True),
            _REVISION.validate_python(revision, strict=True),
        )
    except ValidationError:
        return None


def _of_all_stacks(project: Project) -> tuple[list[ModelRevision], bool]:
    """The models of all stacks, and whether every stack file could be read for them."""
    found: list[ModelRevision] = []
    complete = True
    for stack in project.stacks():
        where = f"Pulumi.{stack}.yaml"
        try:
            models = project.values(stack).get("models", {})
        except (click.ClickException, OSError, UnicodeDecodeError) as error:
            message = error.message if isinstance(error, click.ClickException) else f"{where}: {error}"
            click.echo(f"{message} Skipped.", err=True)
            complete = False
            continue
        readable, mistakes = _models_of(models)
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
        given = _mapping(settings)
        for place, named in {f"models.{name}": given, **_beside(f"models.{name}.engine", given)}.items():
            model = _model(named.get("model"), named.get("revision", DEFAULT_REVISION))
            if model is None:
                mistakes.append(f"{place}: no model of the form organisation/name at a revision.")
            else:
                found.append(model)
    return found, mistakes


def _beside(path: str, given: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """What the engine reads beside the model, by its place: adapters, and the model that drafts."""
    engine = _mapping(given.get("engine"))
    adapters = _mapping(_mapping(engine.get("lora")).get("adapters"))
    found = {f"{path}.lora.adapters.{name}": _mapping(adapter) for name, adapter in adapters.items()}
    draft = _mapping(engine.get("speculative"))
    return {**found, **({f"{path}.speculative": draft} if "model" in draft else {})}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


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


@dataclass(frozen=True)
class _Outcome:
    """What became of one model: the pin that the lock has afterwards, and a sentence."""

    model: ModelRevision
    pin: ModelPin
    message: str
    resolved: bool


def _ask(source: Source, wanted: Sequence[ModelRevision], lock: ModelsLock) -> Sequence[_Outcome]:
    # This machine's day: the source names no time of its own.
    today = datetime.datetime.now().astimezone().date()

    def ask(model: ModelRevision) -> _Outcome:
        before = lock.models.get(str(model))
        try:
            sha = source.commit(model)
        except UnresolvedError as error:
            return _unresolved(model, before, str(error))
        known = Known(how="resolved", source=source.description, date=today)
        return _resolved(model, before, ModelPin(sha=sha, known=known))

    with ThreadPoolExecutor(_PARALLEL) as pool:
        return list(pool.map(ask, wanted))


def _unresolved(model: ModelRevision, before: ModelPin | None, reason: str) -> _Outcome:
    if before is not None and before.sha is not None:
        return _Outcome(model, before, f"stays at {before.sha[:8]}, not confirmed: {reason}", resolved=False)
    return _Outcome(model, before or ModelPin(), f"unresolved: {reason}", resolved=False)


def _resolved(model: ModelRevision, before: ModelPin | None, now: ModelPin) -> _Outcome:
    short = str(now.sha)[:8]
    if before is None or before.sha is None:
        return _Outcome(model, now, f"new, {short}", resolved=True)
    if before.sha != now.sha:
        return _Outcome(model, now, f"moved from {before.sha[:8]} to {short}", resolved=True)
    if before.known.how != "resolved":
        return _Outcome(model, now, f"unchanged, {short}; {before.known.how} before, resolved now", resolved=True)
    # Also its source and day: a lock that only grows older is no change to review.
    return _Outcome(model, before, f"unchanged, {short}", resolved=True)
