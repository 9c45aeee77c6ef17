"""Every number of a start that was measured and not derived. docs/foresight.md says how to correct one.

Rates are in GB/s, 10^9 bytes: their low is the slow end. Times are in seconds.
"""

from collections.abc import Mapping
from types import MappingProxyType

from blueprint.sizing.constants import Constant

_GKE = "a public GKE walk-through of Qwen3-8B on an L4 with vLLM 0.27.1 (events and logs of 2026-09-04)"
_EKS = "a public EKS workshop with vLLM 0.28.0 (events and logs of 2026-09-17)"
_SNAPSHOT = "llm-d/llm-d guides/pod-snapshot/README.md at b36959ad (vLLM 0.19.1, Llama-3.1-8B on an L4)"
_TENSORFUSE = "tensorfuse.io/docs/blogs/reducing_gpu_cold_start (Llama-3.1-8B on an L40S)"

CONSTANTS: Mapping[str, Constant] = MappingProxyType(
    {
        "image.vllm": Constant(
            low=4,
            likely=230,
            high=600,
            unit="s to pull vLLM's image of about 9.6 GB to a node without it",
            source=f"214, and 4 streamed by GKE: {_SNAPSHOT}; 245: {_GKE}; 224: {_EKS}; 420 to 600: {_TENSORFUSE}",
            date="2026-11-30",
        ),
        "rate.registry": Constant(
            low=0.017,
            likely=0.045,
            high=0.30,
            unit="GB/s of an image from a registry to a node, with unpacking",
            source=f"0.039 to 0.045 of 9.6 GB: {_SNAPSHOT}, {_GKE}, {_EKS}; 10 GB in 600 s: {_TENSORFUSE}; "
            "high: assumed",
            date="2026-11-30",
        ),
        "rate.hub": Constant(
            low=0.05,
            likely=0.26,
            high=1.3,
            unit="GB/s from the Hub to a node or a volume",
            source=f"0.053: {_EKS}; 0.26: {_TENSORFUSE}; 60 GB in 45 s: huggingface/huggingface_hub pull request 2989",
            date="2026-11-30",
        ),
        "rate.disk": Constant(
            low=0.18,
            likely=1.7,
            high=3.7,
            unit="GB/s from a node's own disk to the GPU",
            source="1.6 to 1.9 and 3.7 of local NVMe: vllm-project/vllm pull request 10647; low: a boot disk is often "
            "block storage, as rate.block",
            date="2026-11-30",
        ),
        "rate.block": Constant(
            low=0.18,
            likely=0.4,
            high=2.0,
            unit="GB/s from a block volume to the GPU",
            source=f"0.18 of a GKE volume: {_GKE}; 0.31 of gp3, 1.05 and 2.0 streamed of gp3 and io2: "
            "NVIDIA Run:ai's benchmark",
            date="2026-11-30",
        ),
        "rate.shared": Constant(
            low=0.1,
            likely=0.5,
            high=2.05,
            unit="GB/s from a network file system to the GPU",
            source="0.25 and 2.05 of Qwen3-32B: sgl-project/sglang pull request 7469; low: assumed for small volumes, "
            "whose speed follows from their size",
            date="2026-11-22",
        ),
        "vllm.imports": Constant(
            low=10,
            likely=40,
            high=100,
            unit="s until vLLM begins to load: Python, CUDA, processes",
            source=f"75: {_GKE}; 94, and 34 warm: {_TENSORFUSE}; 16: vllm-project/vllm issue 44881",
            date="2026-11-30",
        ),
        "vllm.compile": Constant(
            low=7,
            likely=40,
            high=120,
            unit="s of torch.compile without a cache",
            source=f"52: {_TENSORFUSE}; 15 of 0.31 on an A100; 85 of 70B on eight GPUs: vllm-project/vllm issue 19824; "
            "43: issue 44881. 2222 was seen once (issue 34399) and left out",
            date="2026-11-30",
        ),
        "vllm.compile.cached": Constant(
            low=3,
            likely=10,
            high=25,
            unit="s of torch.compile with the cache of an earlier start",
            source=f"23: {_TENSORFUSE}; 5: vllm-project/vllm issue 44881; 7.5: issue 20264",
            date="2026-11-30",
        ),
        "vllm.graphs": Constant(
            low=3,
            likely=17,
            high=60,
            unit="s of capturing CUDA graphs",
            source=f"54, and 7 of eight sizes: {_TENSORFUSE}; 60 of 70B on eight GPUs: vllm-project/vllm issue 19824; "
            "17: issue 20264; 9 to 31 in start-up logs",
            date="2026-11-30",
        ),
        "vllm.warm": Constant(
            low=2,
            likely=12,
            high=75,
            unit="s of profile, KV cache and warm-up",
            source="what init engine takes beyond compile and graphs in start-up logs; 60 more among eight GPUs: "
            "vllm-project/vllm issue 19824",
            date="2026-11-30",
        ),
        "vllm.warm.experts": Constant(
            low=2,
            likely=30,
            high=480,
            unit="s as vllm.warm, of quantised experts, whose kernels are compiled for every shape",
            source="538.8 s of init engine with 1,261 DeepGEMM kernels in a public benchmark's notes; 468 of a model "
            "of 306 GiB on eight H200 in a start-up log",
            date="2026-11-30",
        ),
        "endpoint.instance": Constant(
            low=13,
            likely=60,
            high=1100,
            unit="s until an Inference Endpoint has an instance; the high end is a shortage",
            source="21 s with 17 GB and 42 s with 63 GB until running, 604 to 1099 s while capacity was short: "
            "live observations of vshylov/mindfork-rs and others",
            date="2026-11-22",
        ),
        "endpoint.rate": Constant(
            low=0.25,
            likely=1.0,
            high=2.2,
            unit="GB/s from the Hub to an Inference Endpoint's instance",
            source="46 GB more in 21 s: the same observations; 0.68 from the CDN: Hugging Face's bench of buckets",
            date="2026-11-22",
        ),
    }
)
"""By name."""
