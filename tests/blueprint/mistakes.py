"""The mistakes that people make in stack files, and what each is answered with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.blueprint import stack_files
from tests.blueprint.stack_files import DELETE, LAB, MODEL, PROD


@dataclass(frozen=True, eq=False)
class Mistake:
    """One wrong thing in a valid file.

    edit: what a person wrote instead, by dotted key.
    says: by key path, a fragment of the problem and one of the remedy.
    """

    edit: Mapping[str, Any]
    says: Mapping[str, tuple[str, str]]
    base: Mapping[str, Any] = field(default_factory=lambda: PROD)


def wrong(key: str, value: Any, problem: str, remedy: str, *, at: str | None = None, **more: Any) -> Mistake:
    """A mistake of one key, found at that key unless another is named."""
    base = more.pop("base", PROD)
    also = more.pop("also", {})
    return Mistake({key: value, **also}, {at or key: (problem, remedy)}, base)


MISSING = "this key is missing"
ALONE = {"models.m.scaling": {"min": 1, "max": 1}, "models.m.lifecycle": {"allowOutage": True}}
"""One replica, so that the GPUs of a large one are there."""

MISTAKES = {
    # Keys that nobody knows, at each level.
    "unknown key at the top": wrong("model", {}, "unknown key", "Did you mean models?"),
    "unknown key of the cluster": wrong("cluster.contxt", "x", "unknown key", "Did you mean context?"),
    "unknown key of the namespace": wrong("cluster.namespace.created", True, "unknown key", "mean create?"),
    "unknown key of an accelerator": wrong(
        "cluster.accelerators.nvidia-l4.hourlyUSD", 1.0, "unknown key", "Did you mean hourlyUsd?"
    ),
    "unknown key of huggingface": wrong(
        "huggingface.token", "x", "unknown key", "hubReadSecret, mirrorRanges, namespace"
    ),
    "unknown key of a model": wrong("models.m.replicas", 2, "unknown key", "Allowed here: accelerator,"),
    "unknown key of the engine": wrong("models.m.engine.maxModelLength", 9, "unknown key", "mean maxModelLen?"),
    "unknown key of the cache": wrong("models.m.cache.sizeGib", "60Gi", "unknown key", "mean sizeGiB?"),
    "key in the wrong place": wrong("models.m.drainSeconds", 60, "unknown key", "Allowed here:"),
    "snake case": wrong("models.m.scaling.max_", 1, "unknown key", "Did you mean max?"),
    # Units and types.
    "size with unit": wrong("models.m.cache.sizeGiB", "60Gi", "'60Gi' is not a whole number", "in GiB"),
    "time with unit": wrong("models.m.lifecycle.drainSeconds", "60s", "'60s' is not a whole number", "in seconds"),
    "length with unit": wrong("models.m.engine.maxModelLen", "8k", "'8k' is not a whole number", "in tokens"),
    "half a replica": wrong("models.m.scaling.max", 1.5, "1.5 is not a whole number", "Give a whole number"),
    "quoted boolean": wrong("deletion.protect", "yes", "'yes' is not true or false", "Give true or false"),
    "list for mapping": wrong("models.m.cache", ["shared"], "['shared'] is not a mapping", "Give a mapping"),
    "text for mapping": wrong("cluster.namespace", "llm", "'llm' is not a mapping", "Give a mapping"),
    "text for list": wrong("models.m.formerly", "old", "'old' is not a list", "Names this model had before"),
    "percent for share": wrong(
        "models.m.engine.gpuMemoryUtilization",
        90,
        "90 is above the largest allowed value, 0.99",
        "at least 0.05 and at most 0.99",
    ),
    "startup in seconds": wrong(
        "models.m.lifecycle.startupMinutes", 1800, "1800 is above the largest", "at most 240. Time"
    ),
    "no replicas at all": wrong("models.m.scaling.max", 0, "0 is below the smallest", "at least 1"),
    # Accelerators and what the cluster has of them.
    "count above quota": wrong(
        "models.m.accelerator.count",
        8,
        "8 GPUs cannot hold all replicas at their maximum, 18 (m 2 x 8 + other 2 x 1)",
        "Raise it to 18",
        at="cluster.accelerators.nvidia-l4.available",
        also={"budget": DELETE},
    ),
    "replicas above quota": wrong(
        "models.m.scaling",
        {"min": 7, "max": 7},
        "maximum, 9 (m 7 x 1 + other 2 x 1)",
        "lower scaling.max",
        at="cluster.accelerators.nvidia-l4.available",
        also={"budget": DELETE},
    ),
    "count no power of two": wrong("models.m.accelerator.count", 3, "3 is not allowed", "Use 1, 2, 4 or 8"),
    "unknown accelerator declared": wrong(
        "cluster.accelerators.nvidia-l44", {"available": 1}, "unknown accelerator", "Did you mean nvidia-l4"
    ),
    "unknown accelerator used": wrong(
        "models.m.accelerator.type",
        "nvidia-gtx",
        "'nvidia-gtx' is not declared under cluster.accelerators nor known",
        "Use nvidia-l4",
        at="models.m.accelerator.type",
    ),
    "known accelerator not declared": wrong(
        "models.m.accelerator.type", "nvidia-h100", "'nvidia-h100' is not declared", "or declare it there"
    ),
    "no accelerators": Mistake(
        {"cluster.accelerators": {}},
        {
            f"models.{name}.accelerator.type": (
                "'nvidia-l4' is not declared",
                "Declare it there with what is available",
            )
            for name in ("m", "other")
        },
    ),
    "accelerator without label": wrong(
        "cluster.accelerators.nvidia-a10g",
        {"available": 1},
        "nodes labelled by gke never carry this type",
        "Use nodeLabels: gpuOperator or eksAutoMode",
        also={"cluster.nodeLabels": "gke"},
    ),
    "unknown labeller": wrong("cluster.nodeLabels", "aks", "'aks' is not allowed", "Use 'gpuOperator', 'gke'"),
    # The cluster.
    "context missing": wrong("cluster.context", DELETE, MISSING, "kubeconfig context"),
    "context empty": wrong("cluster.context", "", "''", "kubeconfig context"),
    "id missing": wrong("cluster.id", DELETE, MISSING, "the same from every machine"),
    "namespace missing": wrong("cluster.namespace", DELETE, MISSING, "The namespace that holds"),
    "no cluster": wrong(
        "cluster", DELETE, f"{MISSING}, and models.m has target: kubernetes", "Add cluster with context, id"
    ),
    "no cluster in the lab's file": wrong("cluster", DELETE, MISSING, "Add cluster with context", base=LAB),
    "context missing in the lab's file": wrong("cluster.context", DELETE, MISSING, "kubeconfig", base=LAB),
    "no models": wrong("models", DELETE, MISSING, "The models, by name"),
    # Names.
    "model name with capitals": wrong(
        "models.My_Model",
        {**MODEL, "scaling": {"min": 1, "max": 1}},
        "'My_Model' does not have the allowed form",
        "A DNS label",
    ),
    "model name too long": wrong("models." + "m" * 41, MODEL, "at most 40 characters", "A DNS label"),
    "namespace with capitals": wrong("cluster.namespace.name", "LLM", "'LLM' does not", "A DNS label"),
    "former name with capitals": wrong(
        "models.m.formerly", ["Old"], "'Old' does not have the allowed form", "A DNS label", at="models.m.formerly.0"
    ),
    "model called vllm": wrong("models.vllm", MODEL, "VLLM_PORT=tcp://", "Use another name", base=LAB),
    "model once called vllm": wrong(
        "models.m.formerly", ["vllm"], "VLLM_PORT=tcp://", "Use another name", at="models.m"
    ),
    "the name of every namespace's account": wrong(
        "models.m.formerly", ["default"], "a ServiceAccount called default", "Use another name", at="models.m"
    ),
    "the name of the platform's policy": wrong(
        "models.m.formerly", ["llm-default-deny"], "the platform's network policy", "Use another name", at="models.m"
    ),
    "former name in use": wrong(
        "models.m.formerly", ["other"], "other is also the name of models.other", "no model has now"
    ),
    "former name twice": wrong("models.m.formerly", ["old", "old"], "old is given twice", "each once"),
    "owner with blanks": wrong(
        "models.m.owner", "team search", "'team search' does not have the allowed form", "label value"
    ),
    "repository without organisation": wrong(
        "models.m.model", "gpt2", "'gpt2' does not have the allowed form", "organisation/name"
    ),
    # Scaling.
    "min above max": wrong("models.m.scaling.min", 3, "3 is above scaling.max, 2", "Use min: 2 or less"),
    # The cache.
    "cache that replicas cannot share": wrong(
        "models.m.cache.accessMode", "ReadWriteOnce", "up to 2 replicas share the claim", "ReadWriteMany"
    ),
    "cache without size": wrong("models.m.cache.sizeGiB", DELETE, MISSING, "or name existingClaim"),
    "existing claim with size": wrong(
        "models.m.cache.existingClaim",
        "weights",
        "10 would change the existing claim weights",
        "Remove sizeGiB",
        at="models.m.cache.sizeGiB",
    ),
    "no cache with claim": wrong(
        "models.m.cache",
        {"mode": "none", "existingClaim": "weights"},
        "none has no claim, but existingClaim",
        "Use mode: shared",
        at="models.m.cache.mode",
    ),
    "unknown cache mode": wrong("models.m.cache.mode", "rwx", "'rwx' is not allowed", "Use 'shared',"),
    # Locks.
    "model not in the lock": wrong(
        "models.m.model", "org/new", "org/new@main is unresolved in models.lock.yaml", "Run `llm lock org/new@main`"
    ),
    "revision not in the lock": wrong(
        "models.m.revision", "v2", f"{stack_files.REPOSITORY}@v2 is unresolved", "Run `llm lock", at="models.m.model"
    ),
    "image not in the lock": wrong(
        "models.m.engine.version",
        "0.33.0",
        "docker.io/vllm/vllm-openai:v0.33.0 is unresolved in images.lock.yaml",
        "Run `llm lock docker.io/vllm/vllm-openai:v0.33.0`",
    ),
    # The engine.
    "unknown engine": wrong(
        "models.m.engine.name", "vlm", "'vlm' is no engine", "Use 'vllm', 'sglang', 'tgi' or 'custom'"
    ),
    "engine as a word": wrong("models.m.engine", "vllm", "'vllm' is not a mapping", "Give a mapping"),
    "unknown engine version": wrong(
        "models.m.engine.version", "0.1.0", "vLLM 0.1.0 is not in the engine registry", "Use 0.31.0"
    ),
    "version as a number": wrong("models.m.engine.version", 0.31, "0.31 is not a text", "Give a text"),
    # What a replica asks for.
    "shared memory above memory": wrong(
        "models.m.resources",
        {"shmGiB": 200, "memoryGiB": 32},
        "200 GiB counts as memory and leaves nothing of 32",
        "below 32",
        at="models.m.resources.shmGiB",
    ),
    "memory below shared memory": wrong(
        "models.m.resources.memoryGiB",
        8,
        "8 GiB counts as memory and leaves nothing of 8 GiB",
        "memoryGiB above 8",
        also={
            "models.m.accelerator.count": 4,
            **ALONE,
            "budget": DELETE,
        },
    ),
    # Who answers, and what it costs.
    "owner missing": wrong("models.m.owner", DELETE, f"{MISSING}, and the stack is not the lab", "Name the team"),
    "budget exceeded": wrong("budget.monthlyUsd", 2000, "cost 2,336 USD in 730 hours, above 2,000", "Raise"),
    "budget without price": wrong(
        "cluster.accelerators.nvidia-l4.hourlyUsd", DELETE, f"{MISSING}, so the budget cannot", "costs per hour"
    ),
    "budget of nothing": wrong("budget.monthlyUsd", 0, "0 is not above 0", "in US dollars"),
    "budget of a model that is not there": wrong(
        "budget.models.othr", 100, "no such model", "Did you mean other? There are: m, other."
    ),
    "budget of an owner of nothing": wrong(
        "budget.owners.team-serach", 100, "no model has this owner", "Did you mean team-search? There are: team-chat,"
    ),
    "budget of a model of nothing": wrong("budget.models.m", 0, "0 is not above 0", "with its canary"),
    "price of no instance": wrong(
        "huggingface.hourlyUsd.nvidia-l4", 1, "does not have the allowed form", "such as nvidia-l4/x1"
    ),
    "a pod larger than a node": wrong(
        "models.m.accelerator.count",
        4,
        "a pod of 4 GPUs fits no node with 2 nvidia-l4 (cluster.accelerators.nvidia-l4.gpusPerNode)",
        "Use at most 2, on several nodes with parallel.nodes, or correct gpusPerNode.",
        also={
            "cluster.accelerators.nvidia-l4.gpusPerNode": 2,
            **ALONE,
        },
    ),
    "a node larger than any": wrong(
        "cluster.accelerators.nvidia-l4.gpusPerNode",
        16,
        "no machine carries 16 nvidia-l4",
        "Use at most 8",
        also={"budget": DELETE},
    ),
    "a node without GPUs": wrong(
        "cluster.accelerators.nvidia-l4.gpusPerNode", 0, "0 is below the smallest", "at least 1"
    ),
    "budget exceeded by whole nodes": wrong(
        "budget.monthlyUsd",
        4000,
        "cost 4,672 USD in 730 hours, above 4,000; 2,336 of it for GPUs that stay idle on whole nodes",
        "Raise",
        also={"cluster.accelerators.nvidia-l4.gpusPerNode": 8},
    ),
    "price as text": wrong(
        "cluster.accelerators.nvidia-l4.hourlyUsd", "$1", "'$1' is not a number", "Price of one GPU"
    ),
    "monitoring without mode": wrong("monitoring", {"namespace": "m"}, MISSING, "operator:", at="monitoring.mode"),
    # Targets.
    "target missing": wrong("models.m.target", DELETE, MISSING, "Use 'kubernetes' or 'endpoint'"),
    "target unknown": wrong("models.m.target", "gke", "'gke' is no target", "Use 'kubernetes' or 'endpoint'"),
}
