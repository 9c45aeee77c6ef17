"""In place of Helm, where a test is about what is done with objects that a chart made."""

import shlex
import sys

import yaml

from blueprint.helm import COMMAND
from components.pod.security import CONTAINER, pod_user

DIGEST = "sha256:" + "0" * 64


def stand_in(tmp_path, *objects):
    """The environment in which whatever is rendered gives these objects."""
    (tmp_path / "objects.yaml").write_text("---\n".join(map(yaml.safe_dump, objects)))
    program = tmp_path / "helm.py"
    program.write_text(
        "import pathlib, sys\nsys.stdin.read()\nprint(pathlib.Path(__file__).with_name('objects.yaml').read_text())\n"
    )
    return {COMMAND: shlex.join([sys.executable, str(program)])}


def deployment(**container):
    """A Deployment such as a chart makes: without a namespace."""
    engine = {"name": "engine", "image": f"a@{DIGEST}", "securityContext": CONTAINER, **container}
    spec = {"securityContext": pod_user(1000), "containers": [engine]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "m-decode"},
        "spec": {"template": {"spec": spec}},
    }


def without_helm():
    """The environment of a machine without Helm."""
    return {COMMAND: "helm-that-is-not-there"}
