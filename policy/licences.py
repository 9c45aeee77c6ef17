"""The rule about licences of models, which the lock knows by repository and commit."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blueprint.locks import MODELS_LOCK, ModelPin, ModelsLock, read_models_lock
from policy.endpoints import KIND
from policy.pods import gpus
from policy.reading import UNKNOWN, each, get, whole
from policy.serving import REPOSITORY, named, value_of
from policy.stack import Breaches, Resource, Stack, StackRule, together
from policy.workloads import Workload, models, workloads

_FETCHED = re.compile(rf"({REPOSITORY.pattern})@([\w./-]+)(=.*)?")
"""A word of this program's download: repository@revision, and =path where it has one."""

_VARIABLES = ("MODEL_ID", "MODEL_REVISION")
"""By which a custom server is told its model, and TGI."""


def read_lock(root: Path) -> ModelsLock:
    """The lock of a project; an empty one where there is none. Raises DescriptionError when it is damaged."""
    try:
        return read_models_lock((root / MODELS_LOCK).read_text())
    except FileNotFoundError:
        return ModelsLock()


@dataclass(frozen=True)
class _Model:
    """What is served. name: a repository, or whatever else the engine is given. revision: None where none is said."""

    name: str | None
    revision: str | None = None

    @property
    def called(self) -> str:
        if self.name is None:
            return "a model that it does not name"
        return f"{self.name} at {self.revision[:8]}" if self.revision else self.name


def _unlicensed(stack: Stack) -> Breaches:
    allowed = stack.allowed.licences
    if not allowed:
        return
    pins = _pins(stack.lock)
    for resource, how, found in _used(stack):
        for model in sorted(found, key=lambda one: one.called):
            problem = _problem(pins.get(model), allowed)
            if problem:
                yield resource, f"{how} {model.called}, {problem}"


def _used(stack: Stack) -> Iterator[tuple[Resource, str, set[_Model]]]:
    """The models of a stack: which resource has them, and how."""
    serving, told = {id(one.resource) for one in models(stack)}, set[_Model]()
    for workload in models(stack):
        found = set(_of_workload(stack, workload))
        told |= found
        yield workload.resource, f"{workload.resource.called} serves", found
    for endpoint in stack.of(KIND):
        yield endpoint, "it serves", set(_of_endpoint(endpoint))
    # A download is asked about what no engine names, such as adapters.
    for workload in workloads(stack):
        if id(workload.resource) not in serving:
            yield workload.resource, f"{workload.resource.called} loads", set(_of_workload(stack, workload)) - told


def _pins(lock: ModelsLock) -> Mapping[_Model, ModelPin]:
    """The pins whose licence is known, by repository and commit, which may have several names."""
    named = ((key.partition("@")[0], pin) for key, pin in lock.models.items())
    return {_Model(repository, pin.sha): pin for repository, pin in named if pin.sha and pin.licence}


def _problem(pin: ModelPin | None, allowed: tuple[str, ...]) -> str | None:
    if pin is None or pin.licence is None:
        return f"whose licence {MODELS_LOCK} does not know"
    licence = pin.licence if pin.licence_name is None else f"{pin.licence}/{pin.licence_name}"
    if pin.licence in allowed or licence in allowed:
        return None
    return f"whose licence {licence} is none of {', '.join(allowed)}"


def _of_workload(stack: Stack, workload: Workload) -> Iterator[_Model]:
    for pod in workload.pods:
        for container in pod.containers:
            yield from _fetched(container)
            # What stands there only during `up` is judged at its end.
            if gpus(container) and all(whole(container, key) for key in ("command", "args", "env", "envFrom")):
                yield from _of_engine(container, _environment(stack, workload.resource, container))


def _fetched(container: Any) -> Iterator[_Model]:
    is_download = _words(container, "command")[-2:] == ["-m", "download"]
    for word in _words(container, "args") if is_download else ():
        if match := _FETCHED.fullmatch(word):
            yield _Model(match[1], match[2])


def _of_engine(container: Any, environment: Mapping[str, Any]) -> Iterator[_Model]:
    words = [*(_words(container, "command") or ["serve"]), *_words(container, "args")]
    name, revision = named(words)
    name = name or _text(environment.get("MODEL_ID"))
    revision = revision or _text(environment.get("MODEL_REVISION"))
    if name is not None and REPOSITORY.fullmatch(name):
        yield _Model(name, revision)
    elif list(each(container, "ports")):
        yield _Model(name)
    yield from _drafts(words)


def _environment(stack: Stack, resource: Resource, container: Any) -> Mapping[str, Any]:
    """The variables that tell a server its model: a container's own, else those of a ConfigMap."""
    found: dict[str, Any] = {}
    for source in each(container, "envFrom"):
        for one in stack.of("ConfigMap"):
            if one.live_name == get(source, "configMapRef", "name") and together(one.namespace, resource.namespace):
                found |= {name: get(one.properties, "data", name) for name in _VARIABLES}
    for variable in each(container, "env"):
        if get(variable, "name") in _VARIABLES:
            found[get(variable, "name")] = get(variable, "value")
    return found


def _of_endpoint(endpoint: Resource) -> Iterator[_Model]:
    model = get(endpoint.properties, "body", "model")
    name, revision = get(model, "repository"), get(model, "revision")
    if UNKNOWN not in (name, revision):
        yield _Model(_text(name), _text(revision))
    yield from _drafts(_words(model, "args"))


def _drafts(words: Sequence[str]) -> Iterator[_Model]:
    """Models that draft for another: vLLM takes them in JSON, SGLang by two flags."""
    name = value_of(words, "--speculative-draft-model-path")
    if name is not None:
        yield _Model(name, value_of(words, "--speculative-draft-model-revision"))
    try:
        config = json.loads(value_of(words, "--speculative-config") or "null")
    except (ValueError, RecursionError):
        return
    if _text(get(config, "model")) is not None:
        yield _Model(_text(get(config, "model")), _text(get(config, "revision")))


def _words(value: Any, key: str) -> list[str]:
    return [str(one) for one in each(value, key)]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


RULES = (
    StackRule(
        name="licence-allowed",
        description="Models have the licences that the stack allows.",
        why="A licence may forbid what the model is for, or ask something of whoever offers it to others.",
        remedy="Run `llm lock` where it is not known; else use another model, or add it to policy/stacks.yaml.",
        mandatory=True,
        of=_unlicensed,
    ),
)
