"""Engines: versions that the registry knows, options that they have, values that they offer."""

import difflib
from collections.abc import Iterable, Iterator

from blueprint.checks import engine_rules, extra_arguments
from blueprint.description import Description
from blueprint.engines import ENGINES
from blueprint.engines.facts import Options, Typed
from blueprint.engines.flags import Flag, flags_of
from blueprint.issues import Issue, KeyPath
from blueprint.settings import KubernetesModel
from blueprint.settings.engine_custom import ClusterCustom
from blueprint.settings.engine_tgi import ClusterTgi

_SHOWN = 240
"""Longest list of words in a message, in characters."""


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of each model's engine."""
    for name, model in description.kubernetes_models():
        path = ("models", name)
        yield from _registered(path, model)
        yield from engine_rules.check(path, name, model)


def advise(description: Description) -> Iterator[Issue]:
    """Engines that still run, and should not be what one starts with."""
    for name, model in description.kubernetes_models():
        if isinstance(model.engine, ClusterTgi):
            yield Issue(
                path=("models", name, "engine", "name"),
                problem="tgi only gets bug fixes: its makers advise vLLM or SGLang",
                remedy="Add a second model with engine vllm or sglang, move callers, then remove this one; "
                "docs/engines/tgi.md has the options side by side.",
            )


def _registered(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    engine = model.engine
    if isinstance(engine, ClusterCustom):
        return
    facts = ENGINES[engine.name]
    if engine.version not in facts.versions:
        yield Issue(
            path=(*path, "engine", "version"),
            problem=f"{facts.title} {engine.version} is not in the engine registry",
            remedy=f"Use {', '.join(facts.versions)}. CONTRIBUTING.md says how to add a version.",
            reads=((*path, "engine", "name"),),
        )
        return
    options = engine.model_dump(by_alias=True)
    for typed in facts.typed:
        yield from _offered(path, engine.name, engine.version, typed, options)
    for key, name in facts.words_of.items():
        value, flag = Typed(key=key, flag=name).value(options), flags_of(engine.name, engine.version).get(name)
        if value is not None and flag is not None:
            yield from _word(path, f"{facts.title} {engine.version}", key, value, flag)
    yield from extra_arguments.check(path, engine.name, engine.version, engine.extra_args)


def _offered(path: KeyPath, engine: str, version: str, typed: Typed, options: Options) -> Iterator[Issue]:
    """Whether this version has the flags that a setting becomes, and the value."""
    facts, flags = ENGINES[engine], flags_of(engine, version)
    for name in (argument.partition("=")[0] for argument in typed.render(options)):
        flag = flags.get(name)
        if flag is None:
            having = [v for v in facts.versions if flags_of(engine, v).get(name)]
            yield Issue(
                path=(*path, "engine", *typed.key.split(".")),
                problem=f"{facts.title} {version} has no {name}",
                remedy=f"Remove it, or use version: {' or '.join(having)}." if having else "Remove it.",
                reads=((*path, "engine", "name"), (*path, "engine", "version")),
            )
        elif name == typed.flag:
            yield from _word(path, f"{facts.title} {version}", typed.key, typed.value(options), flag)


def _word(path: KeyPath, named: str, key: str, value: object, flag: Flag) -> Iterator[Issue]:
    if isinstance(value, bool) or not flag.values or str(value) in flag.values:
        return
    near = difflib.get_close_matches(str(value), flag.values, n=1, cutoff=0.6)
    yield Issue(
        path=(*path, "engine", *key.split(".")),
        problem=f"{named} does not offer {value}",
        remedy=f"{f'Did you mean {near[0]}? ' if near else ''}It offers {_listed(flag.values)}.",
        reads=((*path, "engine", "name"), (*path, "engine", "version")),
    )


def _listed(words: Iterable[str]) -> str:
    """The words, as many as a message may hold."""
    shown: list[str] = []
    rest = list(words)
    while rest and len(", ".join([*shown, rest[0]])) <= _SHOWN:
        shown.append(rest.pop(0))
    return ", ".join(shown) + (f" and {len(rest)} more" if rest else "")
