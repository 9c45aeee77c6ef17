"""Names: live objects must not collide, with each other or with what an engine reads from its environment."""

from collections.abc import Iterator

from blueprint.description import COLLECTOR, Description, object_name
from blueprint.issues import Issue
from blueprint.monitoring.parts import own_parts, part_name
from blueprint.settings import KubernetesModel

_RESERVED = {
    "vllm": "every pod beside a Service called vllm gets VLLM_PORT=tcp://..., which vLLM takes for its own port",
    "default": "every namespace has a ServiceAccount called default, and the model's would be refused as existing",
    "llm-default-deny": "the platform's network policy has that name",
    "llm-clients": "the platform's network policy for clients has that name",
    COLLECTOR: "the stack's own collector has that name",
    "llm-stack": "the stack's own PrometheusRule has that name",
}

_SUFFIXED = ("llm-default-deny", "llm-stack", COLLECTOR)
"""What has the stack's name behind its own in a namespace of others."""


def check(description: Description) -> Iterator[Issue]:
    """Names that cannot be used, or are used twice."""
    lives = {object_name(name, model.formerly): name for name, model in description.kubernetes_models()}
    owners: dict[str, str] = {name: name for name in description.settings.models}
    parts = {
        part_name(description, part): f"the stack's own {part.capitalize()} has that name"
        for part in own_parts(description)
    }
    for name, model in sorted(description.settings.models.items()):
        live = object_name(name, model.formerly)
        reserved = parts.get(live) or _RESERVED.get(
            next((own for own in _SUFFIXED if live.startswith(f"{own}-")), live)
        )
        if isinstance(model, KubernetesModel) and reserved:
            yield Issue(path=("models", name), problem=reserved, remedy="Use another name.")
        filled = lives.get(live.removesuffix("-download")) if live.endswith("-download") else None
        if isinstance(model, KubernetesModel) and filled is not None:
            yield Issue(
                path=("models", name),
                problem=f"the Job that fills the cache of models.{filled} has that name, and so has its network policy",
                remedy="Use another name.",
                reads=(("models", filled),),
            )
        seen: set[str] = set()
        for former in model.formerly:
            other = owners.setdefault(former, name)
            taken = other != name or former == name
            if taken or former in seen:
                yield Issue(
                    path=("models", name, "formerly"),
                    problem=f"{former} is also the name of models.{other}" if taken else f"{former} is given twice",
                    remedy="List only names that no model has now, each once.",
                )
            seen.add(former)
