"""Projects of the tests that build an image, and the docker to look at what became of it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from lab.cluster.processes import Processes
from lab.registry import Registry
from tests.server import docker as d

HOST = "registry.example.com:5000"
NAME = f"{HOST}/llm-inference-tests/tiny:1"
THERE = f"{HOST}/llm-inference-tests/tiny"
HERE = "registry.example.com_5000/llm-inference-tests/tiny"
NOWHERE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
SECRET_WORD, SECRET_LOGIN = "word-nobody-sees", "login-nobody-sees"

PROGRAM = f"""
import json, pulumi, pulumi_docker as docker
from things import Note
given = json.load(open("image.json"))
secret = pulumi.Output.secret
image = docker.Image(
    "image", image_name="{NAME}",
    build={{"context": "app", "args": {{"WORD": secret("{SECRET_WORD}")}}, **given.pop("build", {{}})}},
    registry={{"server": "{HOST}", "username": "me", "password": secret(given.pop("login", "{SECRET_LOGIN}"))}},
    **given)
Note("note", image.repo_digest)
pulumi.export("ref", image.repo_digest)
"""
# What else of a stack takes an image's name.
THINGS = """
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

class Notes(ResourceProvider):
    def create(self, props):
        return CreateResult("note", props)
    def diff(self, _id, olds, news):
        return DiffResult(changes=olds["text"] != news["text"])
    def update(self, _id, _olds, news):
        return UpdateResult(news)

class Note(Resource):
    def __init__(self, name, text):
        super().__init__(Notes(), name, {"text": text})
"""
DOCKERFILE = f"FROM scratch\nARG WORD\nCOPY one /\nENV WORD=$WORD\nLABEL {d.LABEL}=1\n"


@dataclass(frozen=True)
class Project:
    """A folder with a program, a context, a state and a home of the lab."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def app(self) -> Path:
        return self.root / "app"

    @property
    def registry(self) -> Registry:
        return Registry(self.root / ".lab")

    def create(self) -> None:
        self.app.mkdir()
        (self.root / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
        (self.root / "Pulumi.dev.yaml").write_text("config: {}\n")
        (self.root / "__main__.py").write_text(PROGRAM)
        (self.root / "things.py").write_text(THINGS)
        (self.app / "Dockerfile").write_text(DOCKERFILE)
        (self.app / "one").write_text("1")
        self.give()

    def give(self, **image) -> None:
        """What the program's image has besides its least."""
        (self.root / "image.json").write_text(json.dumps(image))

    def start(self, command, *options, **environment):
        return subprocess.Popen(
            [sys.executable, "-m", "lab.engine", command, "--stack=dev", *options],
            cwd=self.root,
            env={
                **os.environ,
                "PULUMI_BACKEND_URL": f"file://{self.root}/state",
                "PULUMI_CONFIG_PASSPHRASE": "word",
                **self.environment,
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command, *options, succeeds=True, **environment):
        with self.start(command, *options, **environment) as engine:
            said, _ = engine.communicate(timeout=600)
        assert (engine.returncode == 0) is succeeds, said
        return said

    def up(self, *, succeeds=True, **environment):
        return self.run("up", "--yes", "--skip-preview", succeeds=succeeds, **environment)

    def changes_nothing(self, **environment):
        """What a further up says, which must find all as it is."""
        said = self.run("up", "--yes", **environment)
        assert "Nothing changes" in said
        return said

    def ref(self):
        return self.entry("pulumi:pulumi:Stack")["outputs"]["ref"]

    def state(self):
        return (self.root / "state/.pulumi/stacks/tiny/dev.json").read_text()

    def entry(self, type_):
        found = json.loads(self.state())["checkpoint"]["latest"]["resources"]
        return next(item for item in found if item["type"] == type_)

    def pushed(self, tag="1"):
        """The digest that the registry's own API says."""
        address = self.registry.address
        accept = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
        answer = httpx2.get(
            f"http://{address}/v2/{HERE}/manifests/{tag}", headers={"Accept": accept}, trust_env=False
        ).raise_for_status()
        return answer.headers["Docker-Content-Digest"]

    def clean(self) -> None:
        Processes(self.root / ".lab").sweep()
        if d.client():
            d.remove(NAME)
