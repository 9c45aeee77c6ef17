"""Flags by which an engine divides a model over GPUs and nodes.

Of a replica on several nodes each pod gets its place from the controller of LeaderWorkerSet, as environment variables
that stand before the container's own, so that Kubernetes puts them into the arguments:
https://lws.sigs.k8s.io/docs/reference/labels-annotations-and-environment-variables/ and AddLWSVariables in its
pkg/utils/pod/pod_utils.go (v0.9.0).
"""

from dataclasses import dataclass

LEADER_ADDRESS = "$(LWS_LEADER_ADDRESS)"
WORKER_INDEX = "$(LWS_WORKER_INDEX)"

VLLM_MASTER_PORT = 29501
"""vLLM's own default (vllm/config/parallel.py), written out because the pods of a group must agree on it."""

SGLANG_INIT_PORT = 20000
"""Of the example that LeaderWorkerSet's documentation gives for SGLang; any free port does."""


@dataclass(frozen=True)
class Parallel:
    """GPUs that share every layer, stages of layers, and the nodes that hold them."""

    tensor: int
    pipeline: int
    nodes: int


def vllm_arguments(parallel: Parallel) -> list[str]:
    """Of the leader, in vLLM 0.31.0 and 0.33.0 alike; workers get ``--headless`` besides (vllm_worker_arguments).

    Multiprocessing, not Ray: neither wheel requires Ray, so the stock image may be without it.
    """
    arguments = [f"--tensor-parallel-size={parallel.tensor}"]
    if parallel.pipeline > 1:
        arguments.append(f"--pipeline-parallel-size={parallel.pipeline}")
    if parallel.nodes > 1:
        arguments += [
            "--distributed-executor-backend=mp",
            f"--nnodes={parallel.nodes}",
            f"--node-rank={WORKER_INDEX}",
            f"--master-addr={LEADER_ADDRESS}",
            f"--master-port={VLLM_MASTER_PORT}",
        ]
    return arguments


def vllm_worker_arguments(leader: list[str]) -> list[str]:
    """Of the other nodes: the same model, without an API server (run_headless in vllm/entrypoints/cli/serve.py)."""
    return [*leader, "--headless"]


def sglang_arguments(parallel: Parallel) -> list[str]:
    """Of leader and workers alike, in SGLang 0.5.23 (sglang/srt/arg_groups/fields/parallel.py)."""
    arguments = [f"--tp-size={parallel.tensor}"]
    if parallel.pipeline > 1:
        arguments.append(f"--pp-size={parallel.pipeline}")
    if parallel.nodes > 1:
        arguments += [
            f"--nnodes={parallel.nodes}",
            f"--node-rank={WORKER_INDEX}",
            f"--dist-init-addr={LEADER_ADDRESS}:{SGLANG_INIT_PORT}",
        ]
    return arguments
