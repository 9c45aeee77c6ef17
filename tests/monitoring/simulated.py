"""A stack of simulated models: its rules as they are rendered, and what a Prometheus keeps of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from blueprint.accelerators import HOURS_PER_MONTH
from blueprint.monitoring.rules import model_rules, stack_rules
from blueprint.workload import Workload
from lab.simulator.model import NAMESPACE, Model
from tests.blueprint.stack_files import LAB, edited, resolve

_USD = 0.8
_SETTINGS = {
    "vllm": {"name": "vllm", "version": "0.33.0", "maxModelLen": 8192},
    "sglang": {"name": "sglang", "maxModelLen": 8192},
    "custom": {"name": "custom"},
}
_MODEL = {
    "target": "kubernetes",
    "model": "org/unpinned",
    "owner": "team-search",
    "accelerator": {"type": "nvidia-l40s"},
}


@dataclass(frozen=True)
class Stack:
    """specs: by model, and of the stack under its own name, the spec of its PrometheusRule. workloads: by model."""

    specs: Mapping[str, Any]
    workloads: Mapping[str, Workload]

    def rules(self, kind: str, of: str | None = None) -> list[Any]:
        """Its rules that record, or alert. of: one model alone."""
        specs = self.specs.values() if of is None else [self.specs[of]]
        return [rule for spec in specs for group in spec["groups"] for rule in group["rules"] if kind in rule]

    def write(self, folder: Path, *, interval: str | None = None) -> list[str]:
        """Rule files, by name. interval: of all groups instead of their own."""
        for name, spec in self.specs.items():
            groups = [{**group, **({"interval": interval} if interval else {})} for group in spec["groups"]]
            # JSON is YAML, and many times as fast.
            (folder / f"{name}.rules.yaml").write_text(json.dumps({"groups": groups}))
        return [f"{name}.rules.yaml" for name in self.specs]


def stack(models: Sequence[Model], settings: Mapping[str, Any] = {}) -> Stack:
    """What the program renders for these models, with a budget for all that their scalers may want.

    settings: by model, further ones of the stack file. A version that the registry of engines does not know, only that
    of metrics, is put in where the workload is resolved.
    """
    described = {
        model.name: {
            **_MODEL,
            "engine": _SETTINGS[model.engine],
            "scaling": {"min": 1, "max": model.most},
            "expose": {"host": f"{model.name}.example.com", "auth": "none", "allowPublic": True},
            **settings.get(model.name, {}),
        }
        for model in models
    }
    base = {
        "models": described,
        "images": {
            "server": {"repository": "registry.example.com/team/server", "tag": "1", "build": {"context": "server"}}
        },
        "monitoring": {"mode": "operator", "probes": {}},
        "cluster.gateway": {"name": "public", "namespace": "gateways", "listener": "https"},
        "budget": {"monthlyUsd": round(sum(model.most for model in models) * _USD * HOURS_PER_MONTH, 2)},
        "cluster.accelerators": {"nvidia-l40s": {"available": 400, "hourlyUsd": _USD}},
    }
    resolved = resolve(edited(LAB, base), stack="lab")
    monitoring = resolved.monitoring
    assert monitoring is not None
    versions = {model.name: model.version for model in models}
    workloads = [
        replace(workload, engine=replace(workload.engine, version=versions[workload.name]))
        for workload in resolved.workloads
    ]
    return Stack(
        {
            **{one.name: model_rules(one, namespace=NAMESPACE, monitoring=monitoring) for one in workloads},
            "llm-stack": stack_rules(
                workloads, namespace=NAMESPACE, monitoring=monitoring, monthly_usd=resolved.monthly_usd
            ),
        },
        {one.name: one for one in workloads},
    )
