# ruff: noqa: INP001 -- copied into the image as a single file
"""Start vLLM as the environment says. docs/images.md has the variables."""

import os
import re
import shlex
import sys
from collections.abc import Mapping

PORT = 8000

_NUMBER = re.compile(r"[1-9][0-9]*", re.ASCII)

# What the environment says already, and where. vLLM takes abbreviations, underscores, and -tp for the parallel size.
_SET = {
    "--model": "MODEL_NAME",
    "--revision": "MODEL_REVISION",
    "--max-model-len": "MAX_MODEL_LEN",
    "--gpu-memory-utilization": "GPU_MEMORY_UTILIZATION",
    "--tensor-parallel-size": "TENSOR_PARALLEL_SIZE",
    "--shutdown-timeout": "DRAIN_SECONDS",
    # Arguments are there to read for everybody on the machine.
    "--api-key": "VLLM_API_KEY",
    "--hf-token": "HF_TOKEN",
    "--host": "the published port of the container",
    "--port": "the published port of the container",
}
_SHORT = "-tp"


def command(environment: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Vllm's command line, and what is wrong with the environment, all of it at once."""
    problems: list[str] = []

    def number(name: str, default: str, *, least: int = 1) -> str:
        value = environment.get(name) or default
        if not (_NUMBER.fullmatch(value) or (least == 0 and value == "0")):
            problems.append(f"{name}={value!r} is no whole number from {least} up. Example: {name}={default}")
        return value

    model = environment.get("MODEL_NAME", "")
    if not model:
        problems.append("MODEL_NAME is empty. Give a repository or a directory: MODEL_NAME=Qwen/Qwen2.5-1.5B-Instruct")
    elif model.startswith("-") or model.split() != [model]:
        problems.append(
            f"MODEL_NAME={model!r} is no repository and no directory: it has a space or starts with a dash."
        )
    revision = environment.get("MODEL_REVISION", "")
    share = environment.get("GPU_MEMORY_UTILIZATION") or "0.9"
    if not _is_share(share):
        problems.append(f"GPU_MEMORY_UTILIZATION={share!r} is no number above 0 and up to 1. Example: 0.9")
    words = [
        "vllm",
        "serve",
        model,
        *([f"--revision={revision}"] if revision else []),
        "--host=0.0.0.0",
        f"--port={PORT}",
        f"--max-model-len={number('MAX_MODEL_LEN', '8192')}",
        f"--gpu-memory-utilization={share}",
        f"--tensor-parallel-size={number('TENSOR_PARALLEL_SIZE', '1')}",
        f"--shutdown-timeout={number('DRAIN_SECONDS', '60', least=0)}",
    ]
    try:
        extra = shlex.split(environment.get("EXTRA_ARGS", ""))
    except ValueError as error:
        # Without the text: it may hold what nobody should read in a log.
        problems.append(f"EXTRA_ARGS cannot be split into words as a shell does: {str(error).lower()}.")
        extra = []
    problems += [f"EXTRA_ARGS has {flag}, which is set already. Use {where}." for flag, where in _taken(extra)]
    return [*words, *extra], problems


def _taken(words: list[str]) -> list[tuple[str, str]]:
    """Flags among the words that the environment sets already, and where it does."""
    found = []
    for word in words:
        name = word.partition("=")[0].replace("_", "-")
        if word.startswith(_SHORT):
            found.append((_SHORT, _SET["--tensor-parallel-size"]))
        elif name.startswith("--") and name != "--":
            found += [(flag, where) for flag, where in _SET.items() if flag.startswith(name)]
    return found


def _is_share(text: str) -> bool:
    try:
        return 0 < float(text) <= 1
    except ValueError:
        return False


def main() -> None:
    """Become vLLM, so that it is process 1 and SIGTERM reaches it."""
    words, problems = command(os.environ)
    if problems:
        sys.exit("\n".join(problems))
    try:
        os.execvp(words[0], words)  # noqa: S606 -- no shell between the signal and vLLM
    except OSError as error:
        sys.exit(f"vllm cannot be started: {error.strerror}. Is it on PATH in the base image?")


if __name__ == "__main__":
    main()
