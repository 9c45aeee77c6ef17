"""Commits of revisions, read from a directory on this machine: the Hub's cache, or a git checkout."""

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from blueprint.sizing.facts import ModelFacts
from ops.sources import CONFIG, Answer, ModelRevision, Source, UnresolvedError, facts_from, is_commit
from ops.terms import CARD, Terms, terms_of_readme

_GIT_SECONDS = 30


def open_directory(directory: Path, models: Sequence[ModelRevision]) -> Source:
    """The source that a directory is.

    Raises click.ClickException when it is neither the Hub's cache nor a git checkout.
    """
    for cache in (directory, directory / "hub"):
        if any(cache.glob("models--*")):
            return HubCache(cache)
    if _git(directory, "rev-parse", "--git-dir") is not None:
        remotes = (_git(directory, "remote") or "").split()
        addresses = {name: _git(directory, "remote", "get-url", name) or "" for name in remotes}
        if not addresses and len({model.repository for model in models}) > 1:
            raise click.ClickException(
                f"--from {directory}: a git checkout without a remote does not say whose it is. "
                "Name the one REPOSITORY that it holds."
            )
        return GitCheckout(directory, addresses)
    raise click.ClickException(
        f"--from {directory}: neither the Hub's cache (folders named models--organisation--name) nor the "
        "top of a git checkout. A plain folder has no commit SHA, and none is ever invented. Give the cache "
        "(usually ~/.cache/huggingface/hub) or a `git clone` of the model's repository. Nothing was touched."
    )


@dataclass(frozen=True)
class HubCache:
    """The layout in which huggingface_hub keeps downloads: refs that name snapshots."""

    folder: Path
    description: str = "local directory (hub cache)"

    def commit(self, model: ModelRevision) -> Answer:
        """The commit of a revision that was downloaded, and the terms where its README was.

        Raises UnresolvedError when the cache has no such revision, or not its snapshot.
        """
        repository = self.folder / f"models--{model.repository.replace('/', '--')}"
        if not repository.is_dir():
            raise UnresolvedError(f"the cache does not hold {model.repository}. {_DOWNLOAD}")
        sha = model.revision if is_commit(model.revision) else _ref(repository, model)
        snapshot = repository / "snapshots" / sha
        if not snapshot.is_dir():
            raise UnresolvedError(f"the cache has no snapshot of commit {sha[:8]}. {_DOWNLOAD}")
        return Answer(sha, _terms(snapshot / CARD))

    def facts(self, model: ModelRevision, commit: str) -> ModelFacts | None:
        """What sizing needs of the model at a commit; None where config.json was not downloaded.

        Raises UnresolvedError when it cannot be read, or describes a model that sizing does not know.
        """
        snapshot = self.folder / f"models--{model.repository.replace('/', '--')}" / "snapshots" / commit
        try:
            text = (snapshot / CONFIG).read_bytes()
            files = {file.name: file.stat().st_size for file in snapshot.iterdir() if file.is_file()}
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnresolvedError(f"{CONFIG} was not read ({type(error).__name__})") from None
        return facts_from(text, files)


def _terms(card: Path) -> Terms | None:
    try:
        return terms_of_readme(card.read_bytes())
    except OSError:
        return None


_DOWNLOAD = "Download it with `hf download` first, or ask a hub instead of a directory."


def _ref(repository: Path, model: ModelRevision) -> str:
    refs = repository / "refs"
    path = refs / model.revision
    if ".." in path.parts or not path.is_file():
        raise UnresolvedError(f"the cache has no revision {model.revision} of {model.repository}. {_DOWNLOAD}")
    sha = path.read_text(errors="replace").strip()
    if not is_commit(sha):
        raise UnresolvedError(f"the cache's refs/{model.revision} holds no commit SHA; it is damaged. {_DOWNLOAD}")
    return sha


@dataclass(frozen=True)
class GitCheckout:
    """A git checkout of one model's repository.

    Where it has a remote, its branches and tags count, as last fetched: a local commit is none of the
    Hub's.
    """

    folder: Path
    addresses: dict[str, str]
    description: str = "local directory (git checkout)"

    def commit(self, model: ModelRevision) -> Answer:
        """The commit of a revision in this checkout, and the terms where it has a README.

        Raises UnresolvedError when it is the checkout of another repository, or has no such revision.
        """
        if self.addresses:
            owners = [name for name, address in self.addresses.items() if _is_of(address, model.repository)]
            if not owners:
                raise UnresolvedError(
                    f"the checkout is of another repository: no remote of it ends in {model.repository}. "
                    f"Give its own checkout, or add the remote that this one is a copy of."
                )
            places = [f"refs/remotes/{owner}/{model.revision}" for owner in owners]
        else:
            places = [f"refs/heads/{model.revision}"]
        if _git(self.folder, "rev-parse", "--is-bare-repository") == "true":
            places.append(f"refs/heads/{model.revision}")
        places.append(f"refs/tags/{model.revision}")
        if is_commit(model.revision):
            places.append(model.revision)
        for place in places:
            sha = _git(self.folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{place}^{{commit}}")
            if is_commit(sha):
                card = _git(self.folder, "show", f"{sha}:{CARD}")
                return Answer(str(sha), terms_of_readme(card.encode()) if card else None)
        raise UnresolvedError(
            f"the checkout has no branch, tag or commit {model.revision} of its remote. Run `git fetch`."
            if self.addresses
            else f"the checkout has no branch, tag or commit {model.revision}. Correct the revision."
        )

    def facts(self, model: ModelRevision, commit: str) -> ModelFacts | None:  # noqa: ARG002  it is one model's
        """What sizing needs of the model at a commit; None where it has no config.json.

        Raises UnresolvedError when it cannot be read, or describes a model that sizing does not know.
        """
        text = _git(self.folder, "show", f"{commit}:{CONFIG}")
        if text is None:
            return None
        return facts_from(text.encode(), self._files(commit))

    def _files(self, commit: str) -> dict[str, int]:
        """Sizes of the files at the top: of those that Git LFS keeps, as their pointers say."""
        files: dict[str, int] = {}
        for line in (_git(self.folder, "ls-tree", "-l", commit) or "").splitlines():
            about, _, path = line.partition("\t")
            size = about.split()[-1]
            if not path.endswith(".safetensors") or not size.isdecimal():
                continue
            files[path] = int(size)
            if files[path] < _POINTER_BYTES:
                pointer = _POINTER.search(_git(self.folder, "show", f"{commit}:{path}") or "")
                files[path] = int(pointer[1]) if pointer else files[path]
        return files


_POINTER_BYTES = 1024
_POINTER = re.compile(r"^size (\d+)$", re.MULTILINE)
"""Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""


def _is_of(address: str, repository: str) -> bool:
    path = address.rstrip("/").removesuffix(".git").replace(":", "/")
    return path.endswith(f"/{repository}")


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints about the checkout whose top is folder; None when it refuses.

    Raises click.ClickException when git is missing, hangs, or distrusts the folder.
    """
    # A surrounding git hook's variables would point at another repository; so would a parent folder.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CEILING_DIRECTORIES": str(folder.resolve().parent), "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder.resolve()), *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        raise click.ClickException(f"--from {folder}: git is not installed; a checkout is read with it.") from None
    except subprocess.TimeoutExpired:
        raise click.ClickException(f"--from {folder}: git gave no answer within {_GIT_SECONDS} s.") from None
    if "dubious ownership" in done.stderr:
        raise click.ClickException(
            f"--from {folder}: git distrusts a folder that belongs to another user. If you trust it: "
            f"git config --global --add safe.directory {folder.resolve()}"
        )
    return done.stdout.strip() if done.returncode == 0 else None
