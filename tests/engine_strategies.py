"""Hypothesis strategies for the engines of a cluster: valid ones, with everything that they can say."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from blueprint.engines import ENGINES
from blueprint.engines.flags import flags_of

REPOSITORIES = st.sampled_from(["org/one", "org/two.v2", "Qwen/Qwen2.5-1.5B-Instruct"])
IMAGES = st.sampled_from(["registry.example.com/team/image:1", "registry.example.com:5000/image@sha256:" + "ab" * 32])
SPARE = {
    "vllm": [
        ["--seed=1"],
        ["--enforce-eager"],
        ["--hf-overrides", '{"rope_theta": 1}'],
        ["--cudagraph-capture-sizes", "1", "2"],
    ],
    "sglang": [["--log-level", "info"], ["--stream-interval=4"], ["--enable-mfu-metrics"]],
    "tgi": [["--max-best-of=1"], ["--json-output"], ["--payload-limit", "100"]],
}
"""Flags that have no setting."""


def some(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=strategies)


def share(low: int = 5, high: int = 99) -> st.SearchStrategy[float]:
    return st.integers(low, high).map(lambda percent: percent / 100)


def tokens() -> st.SearchStrategy[int]:
    return st.integers(1, 100_000_000)


def words(engine: str, version: str, flag: str) -> st.SearchStrategy[str]:
    """The words that a version offers for a flag."""
    found = flags_of(engine, version).get(flag)
    assert found, flag
    return st.sampled_from(list(found.values))


def adapters() -> st.SearchStrategy[Mapping[str, Any]]:
    adapter = st.fixed_dictionaries({"model": REPOSITORIES}, optional={"revision": st.just("refs/pr/7")})
    return st.dictionaries(st.sampled_from(["adapter-1", "Legal.v2", "x_y"]), adapter, min_size=1, max_size=3)


def lora(engine: str, version: str) -> st.SearchStrategy[dict[str, Any]]:
    ranks = {"vllm": st.sampled_from([8, 16, 256]), "sglang": st.integers(1, 512)}[engine]
    return st.fixed_dictionaries(
        {"adapters": adapters()}, optional={"maxRank": ranks, "maxPerBatch": st.integers(1, 64)}
    )


def extra(engine: str) -> st.SearchStrategy[list[str]]:
    """extraArgs: any of the spare flags, each once."""
    return st.lists(st.sampled_from(SPARE[engine]), unique_by=tuple).map(lambda found: [w for ws in found for w in ws])


def own_image() -> dict[str, st.SearchStrategy[Any]]:
    return {"image": IMAGES, "userId": st.integers(1, 2_000_000_000)}


@st.composite
def vllm(draw: st.DrawFn) -> dict[str, Any]:
    version = draw(st.sampled_from(sorted(ENGINES["vllm"].versions)))
    drafts = st.fixed_dictionaries(
        {"method": st.sampled_from(["ngram", "suffix", "mtp"]), "tokens": st.integers(1, 64)}
    ) | st.fixed_dictionaries(
        {"method": st.sampled_from(["draft_model", "eagle3"]), "tokens": st.integers(1, 64), "model": REPOSITORIES}
    )
    engine = {"name": "vllm", "version": version, "maxModelLen": draw(st.integers(16, 10_000_000))}
    options = some(
        gpuMemoryUtilization=share(),
        maxNumSeqs=st.integers(1, 8192),
        servedName=st.just("served"),
        maxNumBatchedTokens=tokens(),
        dtype=words("vllm", version, "--dtype"),
        quantization=words("vllm", version, "--quantization"),
        kvCacheDtype=words("vllm", version, "--kv-cache-dtype"),
        prefixCaching=st.booleans(),
        lora=lora("vllm", version),
        speculative=drafts,
        structuredOutputBackend=words("vllm", version, "--structured-outputs-config.backend"),
        chatTemplate=st.sampled_from(["/templates/tools.jinja", "{% for m in messages %}{{ m.content }} {% endfor %}"]),
        toolCallParser=words("vllm", version, "--tool-call-parser"),
        reasoningParser=words("vllm", version, "--reasoning-parser"),
        maxQueuedRequests=st.integers(0, 1_000_000),
        maxQueuedTokens=tokens(),
        trustRemoteCode=st.booleans(),
        extraArgs=extra("vllm"),
    )
    return engine | draw(options)


@st.composite
def sglang(draw: st.DrawFn) -> dict[str, Any]:
    version = draw(st.sampled_from(sorted(ENGINES["sglang"].versions)))
    chain = {"steps": st.just(3), "topK": st.just(1), "draftTokens": st.just(4)}
    drafts = (
        st.just({"algorithm": "NGRAM"})
        | st.just({"algorithm": "NEXTN"})
        | st.fixed_dictionaries({"algorithm": st.just("EAGLE3"), "model": REPOSITORIES, **chain})
    )
    engine = {"name": "sglang", "version": version, "maxModelLen": draw(st.integers(16, 10_000_000))}
    options = some(
        **own_image(),
        servedName=st.just("served"),
        memFractionStatic=share(),
        maxRunningRequests=st.integers(1, 8192),
        maxQueuedRequests=st.integers(1, 1_000_000),
        chunkedPrefillSize=tokens(),
        maxPrefillTokens=tokens(),
        dtype=words("sglang", version, "--dtype"),
        quantization=words("sglang", version, "--quantization"),
        kvCacheDtype=words("sglang", version, "--kv-cache-dtype"),
        prefixCaching=st.booleans(),
        lora=lora("sglang", version),
        speculative=drafts,
        structuredOutputBackend=words("sglang", version, "--grammar-backend"),
        chatTemplate=st.sampled_from(["chatml", "/templates/tools.jinja"]),
        toolCallParser=words("sglang", version, "--tool-call-parser"),
        reasoningParser=words("sglang", version, "--reasoning-parser"),
        trustRemoteCode=st.booleans(),
        extraArgs=extra("sglang"),
    )
    return engine | draw(options)


@st.composite
def tgi(draw: st.DrawFn) -> dict[str, Any]:
    version = draw(st.sampled_from(sorted(ENGINES["tgi"].versions)))
    longest = draw(st.integers(16, 10_000_000))
    formats = some(dtype=words("tgi", version, "--dtype")) | some(quantize=words("tgi", version, "--quantize"))
    options = some(
        **own_image(),
        maxInputTokens=st.integers(1, longest - 1),
        maxBatchPrefillTokens=tokens(),
        maxBatchTotalTokens=tokens(),
        maxConcurrentRequests=st.integers(1, 100_000),
        maxWaitingTokens=tokens(),
        waitingServedRatio=st.floats(0.125, 100),
        kvCacheDtype=words("tgi", version, "--kv-cache-dtype"),
        cudaMemoryFraction=share(high=100),
        prefixCaching=st.booleans(),
        lora=st.fixed_dictionaries({"adapters": adapters()}),
        speculate=st.integers(1, 64),
        structuredOutput=st.booleans(),
        tokenizerConfigPath=st.just("/templates/tokenizer_config.json"),
        disableCustomKernels=st.booleans(),
        trustRemoteCode=st.booleans(),
        extraArgs=extra("tgi"),
    )
    return {"name": "tgi", "version": version, "maxTotalTokens": longest} | draw(formats) | draw(options)


def custom() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"name": st.just("custom"), "image": IMAGES},
        optional={
            "userId": st.integers(1, 2_000_000_000),
            "servedName": st.just("served"),
            "maxRunningRequests": st.integers(1, 8192),
            "environment": st.dictionaries(st.sampled_from(["LOG_LEVEL", "DTYPE"]), st.text("ab =", max_size=5)),
        },
    )


def own_server() -> st.SearchStrategy[dict[str, Any]]:
    """The server of this project: the stack needs an image called server."""
    return st.fixed_dictionaries(
        {"name": st.just("custom")},
        optional={
            "image": st.just("server"),
            "userId": st.integers(1, 2_000_000_000),
            "servedName": st.just("served"),
            "dtype": st.sampled_from(["auto", "float32", "float16", "bfloat16"]),
            "quantization": st.sampled_from(["none", "bitsandbytes-8bit", "bitsandbytes-4bit"]),
            "maxModelLen": st.integers(16, 10_000_000),
            "maxRunningRequests": st.integers(1, 8192),
            "maxQueuedRequests": st.integers(1, 1_000_000),
            "maxQueuedTokens": tokens(),
            "environment": st.dictionaries(st.sampled_from(["LOG_LEVEL", "DEVICE"]), st.text("ab =", max_size=5)),
        },
    )


def is_own_server(model: Mapping[str, Any]) -> bool:
    """Whether a raw model runs in the server of this project."""
    return model["engine"]["name"] == "custom" and model["engine"].get("image", "server") == "server"


def images() -> st.SearchStrategy[dict[str, Any]]:
    """Images, one of them called server."""
    build = st.fixed_dictionaries(
        {"context": st.just("server")},
        optional={
            "dockerfile": st.just("server/Dockerfile"),
            "args": st.dictionaries(st.sampled_from(["VERSION", "SOURCE"]), st.text("ab =", max_size=5)),
            "target": st.just("builder"),
            "platform": st.sampled_from(["linux/amd64", "linux/arm64"]),
            "cacheFrom": st.lists(st.just("registry.example.com/team/server:cache"), max_size=1),
            "buildOnPreview": st.booleans(),
        },
    )
    image = st.fixed_dictionaries(
        {
            "repository": st.sampled_from(
                ["registry.example.com/team/server", "127.0.0.1:5000/x", "localhost/a-b/c_d"]
            ),
            "tag": st.sampled_from(["dev", "1.4", "Dev_1"]),
        },
        optional={"build": build, "pullSecret": st.just("pull")},
    )
    return st.fixed_dictionaries({"server": image}, optional={"spare": image})


def engines() -> st.SearchStrategy[dict[str, Any]]:
    """Any engine, vLLM as often as the others together."""
    return vllm() | vllm() | vllm() | sglang() | tgi() | custom()
