"""Canaries: a model that tries something gets a second one beside it, before anything reads or judges the two.

What follows from a model follows from its canary, too: GPUs, placement, keys, policies, scrape, rules. Its share of the
requests is one of `expose.split`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from blueprint.issues import Issue, KeyPath

TRACK = ("llm-inference/track", "canary")
"""Label of a canary's objects and pods. No selector has it, and a model that is no canary is without it."""

SERIES_LABEL = {"track": "canary"}
"""Label of a canary's series, scraped and recorded."""

FIXED = {
    "name": "the two could not be judged by the same metrics",
    "servedName": "callers ask both by one name",
}
"""Keys of an engine that a canary cannot change, and why."""

WHOLE = 100
"""Per cent."""

_SUFFIX = "-canary"
_OWN = ("canary", "expose", "formerly", "load", "scaling")
"""Keys of a model that its canary does not have from it."""


def canary_name(name: str) -> str:
    """What the canary of a model is called, where both are listed."""
    return f"{name}{_SUFFIX}"


@dataclass(frozen=True, kw_only=True)
class Canaries:
    """The canaries of a stack.

    stable: by name of a canary, the name of its model.
    written: by name of a canary, its settings as a person wrote them.
    """

    stable: Mapping[str, str] = field(default_factory=dict)
    written: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def as_written(self, issues: Iterable[Issue]) -> Sequence[Issue]:
        """The issues at the keys that a person wrote; what a canary has from its model is said once."""
        found: dict[tuple[KeyPath, str], Issue] = {}
        for issue in issues:
            path = self._written_at(issue.path, issue.problem)
            problem = issue.problem
            for name in self.stable if path != issue.path else ():
                problem = problem.replace(f"models.{name}", f"models.{self.stable[name]}")
            reads = (*issue.reads, *map(self._written_at, issue.reads))
            found.setdefault((path, problem), replace(issue, path=path, reads=reads))
        return list(found.values())

    def _written_at(self, path: KeyPath, problem: str = "") -> KeyPath:
        match path:
            case ("models", name, "expose", "split", other, *_) if self.stable.get(other) == name:
                return ("models", name, "canary")
            # Of a lock that has the model's revision, and not the canary's.
            case ("models", name, "model") if f"@{self._revision(name)} " in problem:
                return ("models", self.stable[name], "canary", "revision")
            case ("models", name, *rest) if name in self.stable:
                return ("models", self.stable[name], *_own_or_inherited(rest, self.written[name]))
        return path

    def _revision(self, name: str) -> str | None:
        return self.written.get(name, {}).get("revision")


def _own_or_inherited(rest: Sequence[str], written: Mapping[str, Any]) -> KeyPath:
    """Where a key of a canary stands, below its model."""
    match rest:
        case []:
            return ("canary",)
        case ["scaling", *_]:
            return ("canary", "replicas")
        case ["revision", *_] if "revision" in written:
            return ("canary", *rest)
        case ["engine", key, *_] if key in _mapping(written.get("engine")):
            return ("canary", *rest)
    return tuple(rest)


def with_canaries(config: Mapping[str, Any]) -> tuple[Mapping[str, Any], Canaries]:
    """A configuration with each canary as a model of its own. What is no mapping is left to those who refuse it."""
    models = _mapping(_mapping(config).get("models"))
    added: dict[str, Any] = {}
    stable: dict[str, str] = {}
    written: dict[str, Mapping[str, Any]] = {}
    for name, model in models.items():
        canary = _mapping(model).get("canary")
        # A model that somebody else called so is theirs; a check says it.
        if not isinstance(canary, Mapping) or model.get("target") != "kubernetes" or canary_name(name) in models:
            continue
        added[name] = _sharing(name, model, canary.get("share"))
        added[canary_name(name)] = _derived(name, model, canary)
        stable[canary_name(name)], written[canary_name(name)] = name, canary
    if not added:
        return config, Canaries()
    return {**config, "models": {**models, **added}}, Canaries(stable=stable, written=written)


def _derived(name: str, model: Mapping[str, Any], canary: Mapping[str, Any]) -> Mapping[str, Any]:
    replicas = canary.get("replicas")
    replicas = replicas if type(replicas) is int and replicas > 0 else 1
    engine = model.get("engine")
    if isinstance(engine, Mapping):
        # Callers ask for the model's name, whichever of the two answers. TGI does not look at names.
        named = {} if engine.get("name") == "tgi" else {"servedName": engine.get("servedName") or name}
        tried = {key: value for key, value in _mapping(canary.get("engine")).items() if key not in FIXED}
        engine = {**engine, **named, **tried}
    return {
        **{key: value for key, value in model.items() if key not in _OWN},
        **({"revision": canary["revision"]} if canary.get("revision") is not None else {}),
        **({"engine": engine} if engine is not None else {}),
        "scaling": {"min": replicas, "max": replicas},
    }


def _sharing(name: str, model: Mapping[str, Any], share: object) -> Mapping[str, Any]:
    expose = model.get("expose")
    split = _mapping(expose).get("split", {})
    if (
        not isinstance(expose, Mapping)
        or not isinstance(split, Mapping)
        or type(share) is not int
        or not 0 <= share <= WHOLE
    ):
        return model
    return {**model, "expose": {**expose, "split": {**split, canary_name(name): share}}}


def _mapping(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}
