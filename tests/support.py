"""What several test files need: raw configurations, and the program run on them."""

import copy
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from blueprint.stack import NAMED_SECRETS
from ops.program import Registered, run_with
from ops.project import PROJECT_NAME, Project
from ops.render import render

PROJECT = Project(Path(__file__).parents[1])

LAB_CLUSTER = {
    "context": "lab",
    "id": "lab",
    "namespace": {"name": "llm"},
    "accelerators": {"nvidia-l4": {"available": 8}},
}

MODEL = {
    "target": "kubernetes",
    "model": "Qwen/Qwen2.5-1.5B-Instruct",
    "owner": "team-search",
    "engine": {"name": "vllm", "maxModelLen": 8192},
    "accelerator": {"type": "nvidia-l4", "count": 1},
    "cache": {"mode": "shared", "sizeGiB": 10},
}


def merged(base: Any, change: Any) -> Any:
    """A copy of base with the keys of change laid over it, level by level."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return copy.deepcopy(change)
    result = copy.deepcopy(base)
    for key, value in change.items():
        result[key] = merged(base.get(key), value)
    return result


def lab_config(models: dict[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    """A lab stack's values: models laid over MODEL, sections laid over the lab's cluster."""
    config = {
        "cluster": LAB_CLUSTER,
        "models": {n: merged(MODEL, m) for n, m in (models or {"m": {}}).items()},
    }
    return merged(config, sections)


def wire(config: dict[str, Any]) -> dict[str, str]:
    """A configuration as Pulumi hands it to a program."""
    return {f"{PROJECT_NAME}:{key}": json.dumps(value) for key, value in config.items()}


def caller_keys(config: dict[str, Any]) -> dict[str, str]:
    """A value for each key that a configuration names, where Pulumi keeps it."""
    models = config.get("models", {}).values()
    names = {name for model in models for name in model.get("expose", {}).get("keys", [])}
    names |= {*config.get("monitoring", {}).get("probes", {}).get("tokens", {}).values()}
    collector = config.get("monitoring", {}).get("collector", {})
    names |= {collector["langfuse"][key] for key in ("publicKey", "secretKey") if "langfuse" in collector}
    names |= {config.get("monitoring", {}).get("endpoints", {}).get("token")} - {None}
    for target in ("tracesTo", "logsTo"):
        names |= set(collector.get(target, {}).get("headers", {}).values())
    return {f"{NAMED_SECRETS}:{name}": f"a-key-of-the-tests.{name:~<32}" for name in names}


def receiver_addresses(config: dict[str, Any]) -> dict[str, str]:
    """A value for each address of a receiver that a configuration names, where Pulumi keeps it."""
    routes = config.get("monitoring", {}).get("routes", {})
    receivers = [one for listed in (*routes.get("owners", {}).values(), routes.get("others", [])) for one in listed]
    names = {*(one["url"] for one in receivers), *filter(None, [routes.get("watchdog")])}
    return {f"{NAMED_SECRETS}:{name}": f"https://{name}.example.com/hook" for name in names}


def registered(config: dict[str, Any], secrets: dict[str, str] | None = None) -> list[Registered]:
    """What the program registers for a configuration."""
    secret = (
        {f"{PROJECT_NAME}:{key}": value for key, value in (secrets or {}).items()}
        | caller_keys(config)
        | receiver_addresses(config)
    )
    return run_with(PROJECT, "dev", {**wire(config), **secret}, list(secret))


def manifests(config: dict[str, Any], secrets: dict[str, str] | None = None) -> dict[str, Any]:
    """The rendered objects of a configuration, by kind and name: ``Deployment/m``."""
    rendered, _ = render(registered(config, secrets))
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in rendered.values()}


def copy_project(root: Path) -> None:
    """Copy the project's files, as git has them or would take them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=PROJECT.root, check=True, capture_output=True, text=True).stdout
    for name in names.splitlines():
        if (PROJECT.root / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT.root / name, root / name)
