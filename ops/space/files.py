"""What of space/ a push sends: the files that Git knows, and what must not be among them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.endpoints.outcome import UnusableError
from ops.git import git

FOLDER = "space"
OURS = ("pyproject.toml", "uv.lock")
"""What requirements.txt is made of: the Space does not read it."""
LARGEST = 10_485_760
"""Bytes. What is larger, the Hub takes by LFS alone."""
_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
_SECRETS = {
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{20,}",
    "a secret key of Langfuse": r"\bsk-lf-[A-Za-z0-9-]{20,}",
    "an API key": r"\bsk-[A-Za-z0-9_-]{20,}",
    "a GitHub token": r"\b(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})",
    "an AWS access key": r"\bAKIA[A-Z0-9]{16}\b",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
}
SECRET_VARIABLES = (
    "HF_TOKEN",
    "HF_INVOKE_TOKEN",
    "HF_ENDPOINTS_TOKEN",
    "HF_ENDPOINTS_READ_TOKEN",
    "MODEL_KEY",
    "LLM_ENGINE_KEY",
    "LANGFUSE_SECRET_KEY",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE",
)
"""Variables of this machine whose values must stand in no file."""
_LOOKED_AT = 8000  # bytes
_SHORTEST = 8  # a shorter value may stand anywhere by chance


@dataclass(frozen=True, kw_only=True)
class SpaceFile:
    """A file that a push sends. name: its path in the Space."""

    name: str
    path: Path
    in_lfs: bool


def pushed(root: Path) -> Sequence[SpaceFile]:
    """The files of a checkout's space/ that Git knows, as they are now; what was deleted there is gone.

    Raises UnusableError outside of a Git checkout.
    """
    folder = root / FOLDER
    listed = _git(root, "ls-files", "-z", "--", FOLDER).split("\0")
    names = [
        name for name in (Path(each).relative_to(FOLDER).as_posix() for each in listed if each) if name not in OURS
    ]
    there = [name for name in names if (folder / name).is_file()]
    given = "".join(f"{FOLDER}/{name}\0" for name in there)
    told = _git(root, "check-attr", "-z", "--stdin", "filter", stdin=given).split("\0")
    in_lfs = {path for path, _, value in zip(told[0::3], told[1::3], told[2::3], strict=False) if value == "lfs"}
    return [SpaceFile(name=name, path=folder / name, in_lfs=f"{FOLDER}/{name}" in in_lfs) for name in there]


def size_problems(files: Iterable[SpaceFile]) -> list[str]:
    """What is too large, or is not there but for its pointer."""
    problems = []
    for file in files:
        size = file.path.stat().st_size
        if size > LARGEST and not file.in_lfs:
            problems.append(
                f"{FOLDER}/{file.name}: {size} bytes, and the Hub takes at most {LARGEST} outside of LFS. Leave it "
                "out, or `git lfs track` it."
            )
        with file.path.open("rb") as content:
            if content.read(len(_POINTER)) == _POINTER:
                problems.append(f"{FOLDER}/{file.name}: only its LFS pointer is here. `git lfs pull` brings the file.")
    return problems


def secret_problems(files: Iterable[SpaceFile], environment: Mapping[str, str]) -> list[str]:
    """What must be a secret of the Space, and stands in a text; never with its value."""
    known = {name: environment.get(name, "").strip() for name in SECRET_VARIABLES}
    kinds = {f"the value of {name}": re.escape(value) for name, value in known.items() if len(value) >= _SHORTEST}
    problems = []
    for file in filter(_is_text, files):
        for number, line in enumerate(file.path.read_text(errors="replace").splitlines(), 1):
            found = next((kind for kind, form in {**kinds, **_SECRETS}.items() if re.search(form, line)), None)
            if found:
                problems.append(
                    f"{FOLDER}/{file.name}: line {number} holds {found}. Remove it, revoke it where it was committed, "
                    "and set it as a secret of the Space."
                )
    return problems


def _is_text(file: SpaceFile) -> bool:
    """By the sign that Git goes by: no byte 0 at its beginning."""
    with file.path.open("rb") as content:
        return b"\0" not in content.read(_LOOKED_AT)


def commit_of(root: Path) -> str:
    """The commit of a checkout, and whether space/ differs from it."""
    changed = _git(root, "status", "--porcelain", "--", FOLDER).strip()
    return _git(root, "rev-parse", "HEAD").strip() + (" with changes that are not committed" if changed else "")


def _git(root: Path, *arguments: str, stdin: str = "") -> str:
    done = git(root, *arguments, stdin=stdin)
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise UnusableError(f"What is pushed is what Git knows of {FOLDER}/, and Git says: {said}")
    return done.stdout
