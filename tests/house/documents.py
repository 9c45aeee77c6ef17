"""What a document says that can be looked up: links, make targets, commands with their options, snippets, paths."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import jsonschema
import yaml

from blueprint.schema import stack_schema
from lab.cluster.__main__ import cli as lab_cluster
from lab.deploy import cli as lab_deploy
from lab.engine.__main__ import cli as lab_engine
from ops.cli import main as llm
from ops.project import PROJECT_NAME
from tests.support import PROJECT

ROOT = PROJECT.root
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.MULTILINE))
VARIABLES = set(re.findall(r"[(\s]([A-Z_]{2,})\b", MAKEFILE))
TOP = {path.name for path in ROOT.iterdir() if not path.name.startswith(".") and path.is_dir()}
PROGRAMS: dict[str, click.Command] = {
    "llm": llm,
    ".venv/bin/llm": llm,
    "lab.cluster": lab_cluster,
    "lab.deploy": lab_deploy,
    "lab.engine": lab_engine,
}
MADE = ("server/.venv", "policy/stacks.yaml", "blueprint/engines/flags/vllm-0.34.0.txt")
"""Paths that a person or a command makes."""

_FENCE = re.compile(r"^( *)```([a-z]*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_PATH = re.compile(r"^[\w.-]+(?:/[\w.*-]+)+/?$")
_SEPARATORS = {"|", "&&", ";", ">", "<", ">>", "||", "&"}


def prose(text: str) -> str:
    """A document without its blocks of code."""
    return _FENCE.sub("", text)


def commands(text: str) -> Iterator[list[str]]:
    """Each command that a document shows, as words: of code blocks, indented lines, and spans that look like one."""
    blocks = [block for _, kind, block in _FENCE.findall(text) if kind in ("", "sh", "bash")]
    indented = re.findall(r"^    +(\S.*)$", prose(text), re.MULTILINE)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    for line in [*lines, *indented, *_SPAN.findall(prose(text).replace("\n", " "))]:
        # What stands behind a wide gap is a remark, or another column of a drawing.
        lexer = shlex.shlex(re.split(" {3,}", line.strip())[0], posix=True, punctuation_chars="|&;<>()")
        lexer.whitespace_split = True
        words: list[str] = []
        try:
            found = list(lexer)
        except ValueError:  # no command: a quotation mark that is never closed
            continue
        for word in [*found, ";"]:
            if word in _SEPARATORS or not word.strip("()"):
                if words:
                    yield words
                words = []
            else:
                words.append(word)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to a document's headings."""
    titles = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title) for title in _HEADING.findall(prose(text)))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(path: Path, text: str) -> list[str]:
    """Links to files that are not there, or to headings that they do not have."""
    found = []
    for target, anchor in _LINK.findall(prose(text)):
        file = path.parent / target if target else path
        if not file.exists():
            found.append(target)
        elif anchor and anchor not in anchors(text if file == path else file.read_text()):
            found.append(f"{target}#{anchor}")
    return found


def linked(path: Path) -> set[Path]:
    """The documents that one leads to, at any distance."""
    found: set[Path] = set()
    ahead = [path]
    while ahead:
        here = ahead.pop()
        if here not in found:
            found.add(here)
            targets = (here.parent / target for target, _ in _LINK.findall(prose(here.read_text())) if target)
            ahead += [target.resolve() for target in targets if target.suffix == ".md" and target.exists()]
    return found


def wrong_make(text: str) -> list[str]:
    """Targets that the Makefile lacks, and variables that it never reads."""
    found = []
    for words in commands(text):
        if words[0] != "make":
            continue
        named = words[1:]
        found += [f"make {word}" for word in named if re.fullmatch(r"[a-z][a-z-]*", word) and word not in TARGETS]
        found += [
            f"make {word}"
            for word in named
            if (setting := re.match(r"([A-Z_]{2,})=", word)) and setting[1] not in VARIABLES
        ]
    return found


def _options(command: click.Command, context: click.Context) -> set[str]:
    return {one for option in command.get_params(context) for one in (*option.opts, *option.secondary_opts)}


def _wrong_click(root: click.Command, words: list[str]) -> str | None:
    """What of a command line its click command does not have."""
    command, name, rest = root, [words[0]], words[1:]
    while isinstance(command, click.Group) and rest and re.fullmatch(r"[a-z][a-z-]*", rest[0]):
        inner = command.get_command(click.Context(command), rest[0])
        name.append(rest[0])
        if inner is None:
            return " ".join(name)
        command, rest = inner, rest[1:]
    known = _options(command, click.Context(command))
    for word in rest:
        if word == "--":
            break
        option = word.partition("=")[0]
        if re.fullmatch(r"--[a-z][a-z-]*", option) and option not in known:
            return f"{' '.join(name)} {option}"
    return None


def wrong_commands(text: str) -> list[str]:
    """Subcommands and options that `llm` and the lab's programs do not have."""
    found = []
    for line in commands(text):
        words = line[next((i for i, word in enumerate(line) if not re.match(r"[A-Z_]+=|uv$|run$|\$$", word)), 0) :]
        if words[:2] == ["python", "-m"]:
            words = words[2:]
        program = PROGRAMS.get(words[0]) if words else None
        if program:
            found.append(_wrong_click(program, words))
    return [one for one in found if one]


def _partial(schema: Any) -> Any:
    """A schema that lets every key be absent, since a snippet shows a part, and takes whichever alternative fits."""
    if isinstance(schema, list):
        return [_partial(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: _partial(value) for key, value in schema.items() if key not in ("required", "oneOf", "pattern")}
    return kept | ({"anyOf": _partial(schema["oneOf"])} if "oneOf" in schema else {})


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(_partial(stack_schema(PROJECT_NAME)))


@cache
def _model_keys() -> set[str]:
    definitions = stack_schema(PROJECT_NAME)["$defs"].values()
    models = [one["properties"] for one in definitions if {"target", "model"} <= one.get("properties", {}).keys()]
    return {key for properties in models for key in properties}


def _as_stack(snippet: Any) -> dict[str, Any] | None:
    """A snippet at its place in a stack file; None for one that is of another file."""
    if not isinstance(snippet, dict):
        return None
    if "config" in snippet:
        return snippet
    if any(str(key).startswith(f"{PROJECT_NAME}:") for key in snippet):
        return {"config": snippet}
    models = f"{PROJECT_NAME}:models"
    if snippet.keys() <= _model_keys():
        return {"config": {models: {"m": snippet}}}
    if all(isinstance(one, dict) and "target" in one for one in snippet.values()):
        return {"config": {models: snippet}}
    return None


def wrong_snippets(text: str) -> list[str]:
    """Settings in YAML that no stack file takes."""
    found = []
    for indent, kind, block in _FENCE.findall(text):
        if kind != "yaml":
            continue
        stack = _as_stack(yaml.safe_load(re.sub(f"^{indent}", "", block, flags=re.MULTILINE)))
        if stack is not None:
            found += [f"{error.json_path}: {error.message}" for error in _validator().iter_errors(stack)]
    return found


def missing_paths(text: str) -> list[str]:
    """Paths in backticks that begin as one of this repository does, and are not there."""
    spans = [span for span in _SPAN.findall(prose(text)) if _PATH.match(span) and span.split("/")[0] in TOP]
    looked = [span for span in spans if not re.search(r"[A-Z]{3,}", span) and not span.startswith(MADE)]
    return [span for span in looked if not any(ROOT.glob(span.rstrip("/")))]
