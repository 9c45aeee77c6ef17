"""The docker that tests build and run with, and base images made on this machine, where none can be pulled."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

STAND_IN = Path(__file__).parent / "vllm_stand_in.py"
BASE = "llm-inference-tests/python:bookworm"
VLLM_BASE = "llm-inference-tests/vllm:stand-in"
NEEDS = "needs a docker daemon that answers, a docker with BuildKit on PATH, and debootstrap"

LABEL = "llm-inference-tests"
"""Of the images that tests build, by which they are found when they have lost their names."""

_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@cache
def client() -> str | None:
    """The first docker on PATH that builds with BuildKit, or None: some have no buildx, which newer ones need."""
    for folder in os.get_exec_path():
        program = shutil.which("docker", path=folder)
        if program and _ok(program, "info") and _ok(program, "build", "--help"):
            return program
    return None


def available() -> bool:
    return client() is not None and (shutil.which("debootstrap") is not None or _has(BASE))


def docker(*words: str, check: bool = True, timeout: float = 600, stdin: str | None = None) -> str:
    """What docker printed."""
    done = subprocess.run(
        [client(), *words],
        env=_environment(),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0 or not check, f"docker {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()


def built(dockerfile: Path, tag: str, *, base: str, context: Path | None = None) -> str:
    """Build, and give the image's id."""
    words = ["build", "--quiet", "--file", str(dockerfile), "--tag", tag, "--build-arg", f"BASE_IMAGE={base}"]
    words += ["--label", LABEL]
    return docker(*words, str(context or dockerfile.parent), timeout=1200)


def remove(tag: str) -> None:
    """Delete an image that was built, and those that had its tag before: each weighs gigabytes."""
    docker("image", "rm", tag, check=False)
    docker("image", "prune", "--force", "--filter", f"label={LABEL}")


def python_base() -> str:
    """Debian 12 with Python 3.11, made once for this machine: stands for python:3.11-slim."""
    if not _has(BASE):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "root"
            words = ["--variant=minbase", "--include=python3,python3-venv,ca-certificates", "bookworm", str(root)]
            subprocess.run(["debootstrap", *words], check=True, capture_output=True, timeout=600)
            (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
            for archive in (root / "var/cache/apt/archives").glob("*.deb"):
                archive.unlink()
            # Where packages come through a proxy with an authority of its own.
            shutil.copy(_CERTIFICATES, root / "etc/ssl/certs/ca-certificates.crt")
            with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as packed:
                path = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
                subprocess.run([client(), "import", "--change", path, "-", BASE], stdin=packed.stdout, check=True)
    return BASE


def vllm_base() -> str:
    """A base with the stand-in for vllm, its user, and the default arguments that an image may bring."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(STAND_IN, Path(folder) / "vllm")
        (Path(folder) / "Dockerfile").write_text(
            f"FROM {python_base()}\n"
            "COPY --chmod=0755 vllm /usr/local/bin/vllm\n"
            "RUN useradd --uid 2000 --gid 0 --create-home vllm\n"
            'ENTRYPOINT ["vllm", "serve"]\n'
            'CMD ["--an-argument-of-the-base"]\n'
        )
        docker("build", "--quiet", "--tag", VLLM_BASE, folder)
    return VLLM_BASE


def until(seen, *, seconds: float):
    """What `seen` gives as soon as it is true."""
    end = time.monotonic() + seconds
    while not (value := seen()):
        assert time.monotonic() < end, f"not seen within {seconds} s"
        time.sleep(0.2)
    return value


def inspect(name: str) -> dict:
    (found,) = json.loads(docker("inspect", name))
    return found


def _has(image: str) -> bool:
    return client() is not None and _ok(client(), "image", "inspect", image)


def _ok(program: str, *words: str) -> bool:
    try:
        done = subprocess.run([program, *words], env=_environment(), capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _environment() -> dict[str, str]:
    return {**os.environ, "DOCKER_BUILDKIT": "1"}
