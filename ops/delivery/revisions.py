"""Which revision a model had, has and can have: from the stack file, the lock and their history in Git."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from blueprint.issues import DescriptionError
from blueprint.locks import MODELS_LOCK, ModelPin, ModelsLock, read_models_lock
from blueprint.text import TextError, load
from ops.delivery.repository import Repository
from ops.editing import model_keys
from ops.endpoints.outcome import NotSoError, UnusableError
from ops.locking.models import DEFAULT_REVISION, ask_models, model_argument
from ops.sources import ModelRevision, is_commit

_HUB_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a model stood at a commit, or stands now. written: the stack file's revision, None where it has none."""

    repository: str
    written: str | None
    pin: ModelPin

    @property
    def revision(self) -> str:
        """The revision by name."""
        return self.written or DEFAULT_REVISION

    @property
    def deployed(self) -> str:
        """What the name meant: the commit, or the name itself where the lock did not know."""
        return self.pin.sha or self.revision

    def __str__(self) -> str:
        sha = self.pin.sha
        return f"{self.revision} ({sha[:8]})" if sha and sha != self.revision else self.revision[:40]


def standing(model: str, stack_text: str, lock_text: str) -> Standing | None:
    """Where a model stands by these texts; None where it is not there, or the texts cannot be read."""
    try:
        found: Any = load(stack_text)
        for key in model_keys(model):
            found = found[key]
        repository, written = found["model"], found.get("revision")
        revision = DEFAULT_REVISION if written is None else written
        pin = read_models_lock(lock_text).pin(repository, revision)
    except (TextError, DescriptionError, KeyError, TypeError, AttributeError):
        return None
    return Standing(repository=repository, written=written, pin=pin)


def before(model: str, now: Standing, stack: str, repository: Repository) -> Standing:
    """Where a model stood before it came to where it stands. Raises NotSoError where the history has nothing else."""
    for then in _standings(model, stack, repository):
        if then.repository != now.repository:
            raise NotSoError(
                f"{model} was {then.repository} before it was {now.repository}: no revision leads back there. "
                f"`llm rollback --stack {stack} --commit SHA` takes the whole stack file."
            )
        if then.deployed != now.deployed:
            return then
    raise NotSoError(
        f"{model} had no other revision than {now} in the Git history of this clone. Name one with --to, or fetch more "
        "of the history."
    )


def _standings(model: str, stack: str, repository: Repository) -> Iterator[Standing]:
    name = f"Pulumi.{stack}.yaml"
    for commit in repository.commits(name, MODELS_LOCK):
        texts = repository.text(commit, name), repository.text(commit, MODELS_LOCK)
        then = standing(model, texts[0] or "", texts[1] or "")
        if then is not None:
            yield then


def pin_of(wanted: str, now: Standing, lock: ModelsLock, repository: Repository) -> ModelPin:
    """The pin of a revision: of the lock, of its history, or asked at the Hub.

    Raises UnusableError for what is no revision, NotSoError for one that nobody knows.
    """
    model = model_argument(f"{now.repository}@{wanted}")
    if model is None:
        raise UnusableError(f"{wanted!r} is no revision. Give a branch, a tag or a commit of {now.repository}.")
    for known in _locks(lock, repository):
        found = _in_lock(model, known)
        if found is not None:
            return found
    (outcome,) = ask_models([model], lock, None, None, _HUB_SECONDS)
    if not outcome.resolved:
        raise NotSoError(
            f"{model} is neither in {MODELS_LOCK} nor in its history, and could not be asked: {outcome.message}"
        )
    return outcome.pin


def _locks(lock: ModelsLock, repository: Repository) -> Iterator[ModelsLock]:
    yield lock
    for commit in repository.commits(MODELS_LOCK):
        try:
            yield read_models_lock(repository.text(commit, MODELS_LOCK) or "")
        except DescriptionError:
            continue


def _in_lock(model: ModelRevision, lock: ModelsLock) -> ModelPin | None:
    pin = lock.models.get(str(model))
    if pin is not None and pin.sha is not None:
        return pin
    if not is_commit(model.revision):
        return None
    # A commit that another name stood for.
    pins: Mapping[str, ModelPin] = lock.models
    return next(
        (pin for name, pin in pins.items() if pin.sha == model.revision and name.partition("@")[0] == model.repository),
        None,
    )
