"""The objects that a Helm release would make, rendered by Helm itself."""

import functools
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from blueprint.helm import COMMAND, objects, template_arguments, values_text

_SECONDS = 600
"""The lab's Helm is built at its first use; a chart is fetched."""


class ChartError(Exception):
    """A chart that could not be rendered; the message says why and what to do."""


def render_release(inputs: Mapping[str, Any], root: Path) -> Sequence[dict[str, Any]]:
    """The objects of a release, by its inputs. root: of the project, where paths of charts begin. Raises ChartError."""
    return _rendered(json.dumps(inputs, sort_keys=True), root)


@functools.cache
def _rendered(inputs_text: str, root: Path) -> Sequence[dict[str, Any]]:
    """Once for all rules that ask."""
    inputs = json.loads(inputs_text)
    command = shlex.split(os.environ.get(COMMAND, "")) or ["helm"]
    if shutil.which(command[0]) is None:
        raise ChartError(
            f"{command[0]} is not on PATH. Install Helm, or on a machine with Go: "
            f"export {COMMAND}='python -m lab.tools helm'."
        )
    try:
        done = subprocess.run(
            [*command, *template_arguments(inputs)],
            input=values_text(inputs),
            cwd=root,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ChartError(f"helm template did not end within {_SECONDS} s.") from None
    if done.returncode != 0:
        raise ChartError(f"helm template: {done.stderr.strip().removeprefix('Error: ')}")
    try:
        return list(objects(done.stdout, str(inputs["namespace"])))
    except yaml.YAMLError as error:
        raise ChartError(f"helm template: what it rendered is no YAML ({type(error).__name__})") from None
