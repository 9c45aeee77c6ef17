"""A person at a checkout with one stack of endpoints, the stand-in behind it, and tokens that must never be seen."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import yaml
from click.testing import CliRunner, Result

from lab.hub.server import HubServer
from lab.hub.world import INFER, MANAGE, Token
from ops.cli import main
from ops.project import Project

LLM = Path(sys.executable).parent / "llm"
CANARIES = {
    "LLM_LAB_HUB_TOKEN": "hf_CanaryThatManages",
    "LLM_LAB_HUB_INVOKE_TOKEN": "hf_CanaryThatCalls",
    "HF_TOKEN": "hf_CanaryOfThisMachine",
    "OPENAI_API_KEY": "sk-CanaryOfOpenAI",
}
OWNED = "pulumi:llm-inference/dev/0123abcd"
INSTANCE = {"vendor": "aws", "region": "us-east-1", "type": "nvidia-l4", "size": "x1"}
CPU = {**INSTANCE, "type": "intel-spr"}
VLLM = {"name": "vllm", "maxModelLen": 8192}
TGI = {"name": "tgi", "image": "ghcr.io/huggingface/text-generation-inference:3.3.5"}
QUICK = {"pending": 0.1, "initializing": 0.3, "loading": 0.3, "draining": 0.1}


def endpoint_model(**changes: Any) -> dict[str, Any]:
    """A model of a stack file, target endpoint."""
    return {
        "target": "endpoint",
        "model": "Qwen/Qwen2.5-1.5B-Instruct",
        "owner": "team-search",
        "engine": VLLM,
        "instance": INSTANCE,
        **changes,
    }


class Desk:
    """Runs `llm` in a checkout whose stack dev is described by `models`. Every output is searched for tokens."""

    def __init__(self, folder: Path, hub: HubServer, models: Mapping[str, Any], **huggingface: Any):
        self.folder, self.hub = folder, hub
        for name in ("Pulumi.yaml", "models.lock.yaml", "images.lock.yaml"):
            (folder / name).write_text((Path(__file__).parents[2] / name).read_text())
        settings = {"namespace": "lab-org", "api": "lab", **huggingface}
        self.write("dev", {"huggingface": settings, "models": dict(models)})
        for variable, permission in (("LLM_LAB_HUB_TOKEN", MANAGE), ("LLM_LAB_HUB_INVOKE_TOKEN", INFER)):
            scopes = {"lab-org": frozenset({permission})}
            hub.world.add_token(Token(id=variable, value=CANARIES[variable], account="lab-user", scopes=scopes))
        self.environment: dict[str, str | None] = {**hub.environment, **CANARIES, "NO_PROXY": "127.0.0.1"}

    def write(self, stack: str, config: Mapping[str, Any]) -> None:
        """A stack file."""
        content = {"config": {f"llm-inference:{key}": value for key, value in config.items()}}
        (self.folder / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(content))

    def run(self, *arguments: str, stdin: str = "", **environment: str | None) -> Result:
        """`llm` in this process."""
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            result = CliRunner(env={**self.environment, **environment}).invoke(main, arguments, input=stdin)
        finally:
            os.chdir(before)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert "Canary" not in result.output
        return result

    def json(self, *arguments: str) -> Any:
        """What a command that is fine prints with --json."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def spawn(self, *arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
        """`llm` in a process of its own."""
        environment = {**os.environ, **{key: value for key, value in self.environment.items() if value}}
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen([LLM, *arguments], cwd=self.folder, env=environment, **pipes)

    def up(self, *models: str, tags: tuple[str, ...] | None = None, **changes: Any) -> None:
        """The endpoints of models, running, as the provider would have made them; of all when none is named.

        tags: others than those. changes: top-level fields of the body, and `running`.
        """
        for endpoint in Project(self.folder).resolve("dev").endpoints:
            if models and endpoint.name not in models:
                continue
            body = _given(endpoint.body)
            secrets = dict.fromkeys(endpoint.secrets, "value")
            body["model"] = {key: value for key, value in body["model"].items() if value}
            body["model"] |= {"secrets": secrets} if secrets else {}
            body |= {"tags": [*body["tags"], OWNED] if tags is None else list(tags), **changes}
            del body["name"]
            self.hub.add_endpoint(endpoint.endpoint_name, **body)

    def act(self, name: str, action: str) -> None:
        """Somebody pauses an endpoint, or puts it to sleep, by other means."""
        headers = {"authorization": "Bearer lab-manage"}
        with httpx2.Client(trust_env=False, verify=False) as http:
            answer = http.post(f"{self.hub.url}/v2/endpoint/lab-org/{name}/{action}", headers=headers)
        assert answer.status_code == 200, answer.text

    def calls(self, plane: str) -> list[tuple[str, int | None, str | None]]:
        """The requests of a plane: what, how it was answered, and whose token it had."""
        return [(one.operation, one.status, one.token) for one in self.hub.requests if one.plane == plane]

    def changes(self) -> list[str]:
        """What was asked that changes something, with the endpoint."""
        return [
            f"{one.operation} {one.endpoint}"
            for one in self.hub.requests
            if one.plane == "control" and one.method != "GET" and one.token == "LLM_LAB_HUB_TOKEN"
        ]


def _given(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return list(value) if isinstance(value, list | tuple) else value
    return {key: _given(item) for key, item in value.items() if item is not None}
