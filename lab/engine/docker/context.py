"""What a build depends on, as one digest: made as pulumi-docker makes it, so that either finds the other's unchanged.

Its hashContext (provider/provider.go) hashes the Dockerfile, and then each file of the context that is not ignored, in
order of the folders: name, mode, digest of the content.
"""

import hashlib
import os
import posixpath
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

# Go's letters for what a file is besides its permissions, in its order.
_KINDS = (
    ("L", stat.S_ISLNK),
    ("D", lambda mode: stat.S_ISBLK(mode) or stat.S_ISCHR(mode)),
    ("p", stat.S_ISFIFO),
    ("S", stat.S_ISSOCK),
    ("u", lambda mode: mode & stat.S_ISUID),
    ("g", lambda mode: mode & stat.S_ISGID),
    ("c", stat.S_ISCHR),
    ("t", lambda mode: mode & stat.S_ISVTX),
)


def digest_of(root: Path, context: str, dockerfile: str) -> str:
    """The digest of a build's files; both paths are as the program gives them, relative to root.

    Raises OSError for a file that cannot be read, ValueError for a pattern that is none.
    """
    folder, recipe = root / context, root / dockerfile
    ignored = Patterns(_read_patterns(folder, recipe))
    whole = hashlib.sha256()
    whole.update(_line("Dockerfile", "-" * 10, recipe.read_bytes()))
    for name in _files(folder, "", ignored):
        path = folder / name
        mode = path.lstat().st_mode
        content = b""
        if stat.S_ISLNK(mode):
            content = _target(root, context, path).encode()
        elif stat.S_ISREG(mode):
            content = path.read_bytes()
        whole.update(_line(name, _mode(mode), content))
    return whole.hexdigest()


def _line(name: str, mode: str, content: bytes) -> bytes:
    return name.encode() + mode.encode() + hashlib.sha256(content).digest() + b"\0"


def _mode(mode: int) -> str:
    kind = "".join(letter for letter, holds in _KINDS if holds(mode))
    return (kind or "-") + stat.filemode(stat.S_IMODE(mode) & 0o777)[1:]


def _target(root: Path, context: str, link: Path) -> str:
    """Where a link leads: as seen from root, if the context is given so."""
    target = Path(os.path.realpath(link))
    seen_from = Path(os.path.realpath(root))
    inside = not Path(context).is_absolute() and target.is_relative_to(seen_from)
    return (target.relative_to(seen_from) if inside else target).as_posix()


def _files(folder: Path, prefix: str, ignored: "Patterns") -> Iterator[str]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: os.fsencode(entry.name))
    for entry in entries:
        name = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            if not ignored.prunes(name):
                yield from _files(folder / entry.name, f"{name}/", ignored)
        elif not ignored.match(name):
            yield name


def _read_patterns(folder: Path, recipe: Path) -> list[str]:
    """The lines of the Dockerfile's own ignore file, or else of the context's."""
    for path in (recipe.with_name(f"{recipe.name}.dockerignore"), folder / ".dockerignore"):
        if path.exists():
            return path.read_text(encoding="utf-8-sig").splitlines()
    return []


class Patterns:
    """The lines of a .dockerignore. The last pattern that matches a path, or a folder above it, decides.

    Raises ValueError for a line that is no pattern.
    """

    def __init__(self, lines: Sequence[str]):
        self._patterns: list[tuple[bool, re.Pattern[str]]] = []  # and whether it ignores
        for line in lines:
            text = line.strip()
            if not text or line.startswith("#"):
                continue
            wanted = text.startswith("!")
            text = text[1:].strip() if wanted else text
            if not text:
                raise ValueError('"!" alone is no pattern')
            self._patterns.append((not wanted, _compiled(posixpath.normpath(text).lstrip("/"))))

    def match(self, path: str) -> bool:
        """Whether a path is ignored."""
        parts = path.split("/")
        whole = ["/".join(parts[: length + 1]) for length in range(len(parts))]
        ignored = False
        for ignores, pattern in self._patterns:
            if ignores != ignored and any(pattern.fullmatch(each) for each in whole):
                ignored = ignores
        return ignored

    def prunes(self, folder: str) -> bool:
        """Whether a folder is ignored with all that is in it."""
        return self.match(folder) and all(ignores for ignores, _ in self._patterns)


def _compiled(pattern: str) -> re.Pattern[str]:
    if pattern.startswith("**") and not set(pattern[2:]) & set("*?[]\\"):
        # Any path that ends so, be it in the middle of a name.
        rest = pattern[2:]
        start = "(.*/)?" if rest.startswith("/") else ".*"
        return re.compile(start + re.escape(rest.removeprefix("/")), re.DOTALL)
    found, at = "", 0
    while at < len(pattern):
        token, at = _token(pattern, at)
        found += token
    try:
        return re.compile(found, re.DOTALL)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no pattern: {error}") from None


def _token(pattern: str, at: int) -> tuple[str, int]:
    """A piece of a pattern as a regular expression, and where the next one begins."""
    character = pattern[at]
    if pattern.startswith("**", at):
        after = at + 3 if pattern.startswith("/", at + 2) else at + 2
        return (".*" if after >= len(pattern) else "(.*/)?"), after
    if character == "\\" and at + 1 < len(pattern):
        return re.escape(pattern[at + 1]), at + 2
    # Not all that re.escape escapes: a range within brackets is one.
    escaped = f"\\{character}" if character in ".+()|{}$" else character
    return {"*": "[^/]*", "?": "[^/]"}.get(character, escaped), at + 1
