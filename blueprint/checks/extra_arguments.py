"""extraArgs: flags that have no setting, and no other flag by any spelling.

What a flag means is decided as the engine's own parser would: abbreviations, underscores, ``--no-x``, aliases and the
keys of JSON values lead to the same option.
"""

import difflib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from blueprint.engines import ENGINES
from blueprint.engines.facts import EngineFacts
from blueprint.engines.flags import Flag, Flags, flags_of
from blueprint.issues import Issue, KeyPath, looks_like_token, shown

_SECRET = re.compile(r"(^|-)(api-key|hf-token|token|authtoken|password|secret)$")
_DASH = re.compile(r"^-[^-]")
_NUMBER = re.compile(r"^-\d")
_SPLIT = re.compile(r"[\s*?\[]")
_REPEATED = ("--middleware",)
"""Flags that add to what they said before (vllm/entrypoints/common/cli_args.py)."""


@dataclass(frozen=True)
class _Word:
    """A flag of extraArgs. index: its place. name: as written, without value. values: how many values follow."""

    index: int
    name: str
    values: int


def check(path: KeyPath, engine: str, version: str, words: Sequence[str]) -> Iterator[Issue]:
    """Mistakes of the extraArgs of a version that the registry knows."""
    facts, flags = ENGINES[engine], flags_of(engine, version)
    at = (*path, "engine", "extraArgs")
    reads = ((*path, "engine", "name"), (*path, "engine", "version"))
    yield from _words(at, facts, words, reads)
    seen: dict[int, str] = {}
    for word in _flags(words):
        here = (*at, str(word.index))
        said = _meant(word.name, facts, flags)
        if _SECRET.search(_plain(word.name, facts)) or (isinstance(said, Flag) and _SECRET.search(said.names[0])):
            yield Issue(
                path=here,
                problem=f"{word.name} would put a key into the pod's description, in clear text",
                remedy="Remove it: keys reach the engine by its environment, from a Secret (expose.auth: engineKey, "
                "huggingface.hubReadSecret).",
                reads=reads,
            )
        elif isinstance(said, str):
            yield Issue(path=here, problem=f"{facts.title} {version} has no {word.name}", remedy=said, reads=reads)
        elif (instead := _instead(facts, said, word.name)) is not None:
            yield Issue(path=here, problem=f"{word.name} is not for extraArgs", remedy=instead, reads=reads)
        elif id(said) in seen and said.names[0] not in _REPEATED:
            problem = f"{word.name} repeats {seen[id(said)]}, and the last would win"
            yield Issue(path=here, problem=problem, remedy="Keep one.", reads=reads)
        elif (wrong := _arity(said, word.values)) is not None:
            remedy = "One item per word, or --flag=value as one item."
            yield Issue(path=here, problem=f"{word.name} {wrong}", remedy=remedy, reads=reads)
        if isinstance(said, Flag):
            seen.setdefault(id(said), word.name)


def options_of(engine: str, version: str, words: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Place and first name of each option that extraArgs give and the engine has, however it is written."""
    if version not in ENGINES[engine].versions:
        return
    facts, flags = ENGINES[engine], flags_of(engine, version)
    for word in _flags(words):
        said = _meant(word.name, facts, flags)
        if isinstance(said, Flag):
            yield word.index, said.names[0]


def _words(at: KeyPath, facts: EngineFacts, words: Sequence[str], reads: tuple[KeyPath, ...]) -> Iterator[Issue]:
    """Words that are no flags, where one has to be."""
    for index, word in enumerate(words):
        here = (*at, str(index))
        if looks_like_token(word):
            yield Issue(
                path=here,
                problem="this looks like a Hugging Face token, in clear text",
                remedy="Revoke it, and give the pods a new one by huggingface.hubReadSecret.",
                reads=reads,
            )
        if facts.splits_words and _SPLIT.search(word):
            yield Issue(
                path=here,
                problem=f"{shown(word)} has a space or a pattern, and the image's entry point takes that apart",
                remedy="Use a value without.",
                reads=reads,
            )
        if word in ("", "-", "--") or (_DASH.match(word) and not _NUMBER.match(word)):
            problem = f"{shown(word)} is no flag in its long form"
            yield Issue(path=here, problem=problem, remedy="Write --flag or --flag=value.", reads=reads)
        elif index == 0 and not word.startswith("--"):
            problem = f"{shown(word)} is no flag, and nothing before it takes a value"
            yield Issue(path=here, problem=problem, remedy="Begin with --flag.", reads=reads)


def _flags(words: Sequence[str]) -> Iterator[_Word]:
    """The flags, each with the number of values that follow it."""
    starts = [index for index, word in enumerate(words) if word.startswith("--") and word != "--"]
    for start, end in itertools.pairwise([*starts, len(words)]):
        name, equals, _ = words[start].partition("=")
        yield _Word(start, name, end - start - 1 + (1 if equals else 0))


def _plain(name: str, facts: EngineFacts) -> str:
    """The option's name: without the key of a JSON value, with dashes where underscores mean the same."""
    option = name.partition(".")[0]
    return "--" + option[2:].replace("_", "-") if facts.underscores else option


def _meant(name: str, facts: EngineFacts, flags: Flags) -> Flag | str:
    """The option that the engine would take this for, or what to do as there is none."""
    plain = _plain(name, facts)
    exact = flags.get(plain)
    if exact is not None:
        return exact
    possible = flags.starting(plain) if facts.abbreviates else []
    if len(possible) == 1:
        return possible[0]
    if possible:
        some = sorted(flag.names[0] for flag in possible)[:5]
        return f"Write one of these in full: {', '.join(some)}."
    near = difflib.get_close_matches(plain, list(flags.by_name), n=1, cutoff=0.7)
    return f"Did you mean {near[0]}?" if near else "Remove it; docs/engines names the place where its flags are listed."


def _instead(facts: EngineFacts, flag: Flag, written: str) -> str | None:
    """Where a stack file says this instead; None where extraArgs is the place."""
    for name in flag.names:
        if name in facts.owned:
            return facts.owned[name]
        for typed in facts.typed:
            if name in typed.flags():
                return f"Use engine.{typed.key}."
    short = next((name for name in flag.names if name.startswith("--")), flag.names[0])
    if facts.abbreviates and "." not in written and written not in (*flag.names, short) and "_" not in written:
        return f"It is an abbreviation, which another version may take for something else: write {short}."
    return None


def _arity(flag: Flag, values: int) -> str | None:
    """What is wrong with the number of values; None when it is right."""
    if flag.takes == "0":
        return "takes no value" if values else None
    if flag.takes in ("1", "+") and values == 0:
        return "needs a value"
    if flag.takes in ("1", "?") and values > 1:
        return "takes one value"
    return None
