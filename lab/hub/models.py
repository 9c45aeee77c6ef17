"""Tiny models that have the shape of real ones: a few kilobytes, made on the spot, the same in every run."""

import functools
import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from blueprint.locks import MODELS_LOCK, read_models_lock

_LOCK = Path(__file__).parents[2] / MODELS_LOCK
_LAST_MODIFIED = "2026-01-15T10:00:00.000Z"
DEFAULT_REVISION = "main"


@dataclass(frozen=True)
class File:
    """A file of a repository, with its names in git and in large-file storage."""

    path: str
    content: bytes

    @functools.cached_property
    def blob(self) -> str:
        """Its name in git: of itself, or of the pointer to it."""
        content = self.pointer if self.large else self.content
        return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()

    @functools.cached_property
    def sha256(self) -> str:
        """Its name in large-file storage."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def large(self) -> bool:
        """Whether it is kept in large-file storage."""
        return self.path.endswith((".safetensors", ".gguf", ".bin"))

    @property
    def pointer(self) -> bytes:
        """What git holds of a large file."""
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.content)}\n"
        return text.encode()


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A model of the Hub: commits with files, branches and tags that name commits."""

    name: str
    commits: Mapping[str, Sequence[File]]
    branches: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)
    private: bool = False
    gated: Literal["auto", "manual"] | None = None
    pipeline: str = "text-generation"
    license: str = "apache-2.0"

    @property
    def owner(self) -> str:
        """The namespace."""
        return self.name.partition("/")[0]

    def commit(self, revision: str) -> str | None:
        """The commit that a branch, a tag, or a commit's name means."""
        named = self.branches.get(revision.removeprefix("refs/heads/")) or self.tags.get(revision)
        return named or (revision if revision in self.commits else None)


class Repositories:
    """All models, and who has accepted the terms of the gated ones."""

    last_modified = _LAST_MODIFIED

    def __init__(self) -> None:
        self._all = {repository.name: repository for repository in _models()}
        self._accepted: set[str] = set()

    def add(self, repository: Repository) -> None:
        """Put a model there, or another in its place."""
        self._all[repository.name] = repository

    def get(self, name: str) -> Repository | None:
        """The model of that name."""
        return self._all.get(name)

    def names(self) -> Sequence[str]:
        """All names."""
        return sorted(self._all)

    def accept_terms(self, account: str) -> None:
        """Let an account read gated models."""
        self._accepted.add(account)

    def may_read_gated(self, account: str) -> bool:
        """Whether the account has accepted the terms."""
        return account in self._accepted

    def large_file(self, sha256: str) -> File | None:
        """A file of the large-file storage."""
        return _large_files(tuple(self._all.values())).get(sha256)


def _large_files(repositories: Sequence[Repository]) -> Mapping[str, File]:
    return {
        file.sha256: file
        for repository in repositories
        for files in repository.commits.values()
        for file in files
        if file.large
    }


def synthetic(
    name: str,
    *,
    hidden: int = 32,
    layers: int = 1,
    architecture: str = "Qwen2ForCausalLM",
    main: str | None = None,
    private: bool = False,
    gated: Literal["auto", "manual"] | None = None,
    pipeline: str = "text-generation",
) -> Repository:
    """A model with two commits: `main`, and the older one that the branch `previous` and the tag `v1` name.

    A commit's name is computed from its files, unless `main` gives it.
    """
    before = _files(name, hidden=hidden, layers=layers, architecture=architecture, note="First version.")
    after = _files(name, hidden=hidden, layers=layers, architecture=architecture, note="Second version.")
    old, new = _commit(before), main or _commit(after)
    return Repository(
        name=name,
        commits={new: after, old: before},
        branches={"main": new, "previous": old},
        tags={"v1": old},
        private=private,
        gated=gated,
        pipeline=pipeline,
    )


def _files(name: str, *, hidden: int, layers: int, architecture: str, note: str) -> Sequence[File]:
    config = {
        "architectures": [architecture],
        "hidden_size": hidden,
        "intermediate_size": hidden,
        "max_position_embeddings": 32768,
        "model_type": architecture.removesuffix("ForCausalLM").lower(),
        "num_attention_heads": 4,
        "num_hidden_layers": layers,
        "num_key_value_heads": 2,
        "torch_dtype": "bfloat16",
        "vocab_size": 64,
    }
    tokenizer = {"version": "1.0", "model": {"type": "WordLevel", "vocab": {f"w{index}": index for index in range(64)}}}
    readme = f"---\nlicense: apache-2.0\n---\n# {name}\n\nSynthetic: random numbers of the lab. {note}\n"
    return (
        File("README.md", readme.encode()),
        File("config.json", _json(config)),
        File("generation_config.json", _json({"eos_token_id": 0})),
        File("model.safetensors", _safetensors(name + note, hidden, layers)),
        File("tokenizer.json", _json(tokenizer)),
        File("tokenizer_config.json", _json({"tokenizer_class": "PreTrainedTokenizerFast"})),
    )


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode() + b"\n"


def _safetensors(seed: str, hidden: int, layers: int) -> bytes:
    """A file in the safetensors format: the length of a JSON header, the header, the numbers."""
    shapes = {"model.embed_tokens.weight": [64, hidden]}
    shapes |= {f"model.layers.{layer}.mlp.up_proj.weight": [hidden, hidden] for layer in range(layers)}
    header, end = {}, 0
    for name, (rows, columns) in shapes.items():
        start, end = end, end + 2 * rows * columns
        header[name] = {"dtype": "BF16", "shape": [rows, columns], "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + hashlib.shake_256(seed.encode()).digest(end)


def _commit(files: Sequence[File]) -> str:
    names = "\n".join(f"{file.path} {file.blob}" for file in files)
    return hashlib.sha1(names.encode(), usedforsecurity=False).hexdigest()


@functools.cache
def _models() -> Sequence[Repository]:
    qwen = "Qwen/Qwen2.5-1.5B-Instruct"
    return (
        synthetic(qwen, hidden=64, layers=2, main=_locked(qwen)),
        synthetic("Qwen/Qwen2.5-7B-Instruct", hidden=64, layers=2),
        synthetic("lab-org/tiny"),
        synthetic("lab-org/private", private=True),
        synthetic("other-org/private", private=True),
        synthetic("lab-org/gated", gated="manual", architecture="LlamaForCausalLM"),
        synthetic("gpt2", architecture="GPT2LMHeadModel"),
        synthetic("BAAI/bge-small-en-v1.5", architecture="BertModel", pipeline="feature-extraction"),
    )


def _locked(name: str) -> str | None:
    """The commit that this project's lock file pins the model to."""
    try:
        return read_models_lock(_LOCK.read_text()).pin(name, "main").sha
    except OSError:
        return None


def commit_of_unknown(name: str, revision: str) -> str:
    """A commit for a model that the Hub of the lab does not have."""
    return hashlib.sha1(f"{name}@{revision}".encode(), usedforsecurity=False).hexdigest()
