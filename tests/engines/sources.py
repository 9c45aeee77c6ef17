"""The Python sources of an engine's release, from its wheel, fetched once by pip and kept outside the checkout."""

import os
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

CACHE = Path("~/.cache/llm-inference/wheels").expanduser()
_SECONDS = 600


class NoSourcesError(Exception):
    """The wheel of an engine cannot be had here; the text says why."""


class Sources:
    """The files of an archive."""

    def __init__(self, archive: Path):
        self._archive = zipfile.ZipFile(archive)
        self._names = set(self._archive.namelist())

    def __contains__(self, path: str) -> bool:
        return path in self._names

    def names(self) -> list[str]:
        """Every file, in order."""
        return sorted(self._names)

    def text(self, path: str) -> str:
        return self._archive.read(path).decode()


def sources(engine: str, version: str) -> Sources:
    """The Python files of a version's wheel. A wheel is some 300 MB, its Python files are 20.

    Raises NoSourcesError.
    """
    kept = CACHE / f"{engine}-{version}.zip"
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{engine}-", dir=CACHE) as folder:
            part = Path(folder, kept.name)
            _copy(_download(engine, version, Path(folder)), part)
            part.replace(kept)
    return Sources(kept)


def _copy(wheel: Path, kept: Path) -> None:
    with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in whole.namelist():
            if name.endswith(".py"):
                archive.writestr(name, whole.read(name))


def _download(engine: str, version: str, folder: Path) -> Path:
    # `uv run` says where it is.
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise NoSourcesError(f"{engine} {version}: its wheel is not in {CACHE}, and there is no uv to fetch it with")
    what = ["--no-deps", "--only-binary=:all:", "--python-version=3.11", f"--dest={folder}"]
    platforms = [f"--platform=manylinux{tag}_x86_64" for tag in ("1", "_2_24", "_2_28", "_2_31", "_2_34", "_2_35")]
    command = [uv, "tool", "run", "pip", "download", "--quiet", *what, *platforms, f"{engine}=={version}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NoSourcesError(f"{engine} {version}: its wheel was not fetched within {_SECONDS} s") from None
    found = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or not found:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise NoSourcesError(
            f"{engine} {version}: pip cannot fetch its wheel: {lines[-1] if lines else 'it is silent'}"
        )
    return found[0]
