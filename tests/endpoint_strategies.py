"""Hypothesis strategies for models on Inference Endpoints: valid ones, with everything that they can say."""

import string
from typing import Any

from hypothesis import strategies as st

from blueprint.engines import VLLM_VERSIONS
from tests.strategies import dns_labels, label_values, repositories, some

SECRET = "name-of-a-secret-"
"""Begins the name of every secret, so that a test can look for them."""

_POOLING = st.sampled_from(["mean", "cls", "last-token"])
_TOKENS = st.integers(1, 1_000_000)
_GGUF = st.sampled_from(["model.gguf", "q4/model-Q4_K_M-00001-of-00002.gguf"])


def _images(in_lab: bool) -> st.SearchStrategy[str]:
    digest = st.sampled_from(["0123456789abcdef" * 4, "f" * 64]).map(lambda digits: f"@sha256:{digits}")
    name = st.sampled_from(["server", "docker.io/team/server", "registry.example.com:5000/a/b-c_d.e"])
    with_digest = st.tuples(name, st.sampled_from(["", ":v1", ":latest"]), digest)
    tagged = st.tuples(name, st.sampled_from([":v1", ":1.0-cuda_12"]))
    return (with_digest | tagged if in_lab else with_digest).map("".join)


def _secret_names() -> st.SearchStrategy[str]:
    return dns_labels(20).map(lambda name: SECRET + name)


@st.composite
def _parallelism(draw: st.DrawFn, gpus: int, copies: bool) -> dict[str, int]:
    data = draw(st.sampled_from([n for n in range(1, gpus + 1) if gpus % n == 0])) if copies else 1
    sizes: dict[str, int] = {}
    if data > 1 or (copies and draw(st.booleans())):
        sizes["dataParallelSize"] = data
    if draw(st.booleans()):
        sizes["tensorParallelSize"] = gpus // data
    return sizes


@st.composite
def _engines(draw: st.DrawFn, accelerator: str, gpus: int, in_lab: bool) -> dict[str, Any]:
    on_gpu = ["vllm", "sglang", "tgi"] if accelerator == "gpu" else []
    anywhere = ["tei", "llamacpp", "huggingface"] if accelerator != "neuron" else []
    name = draw(st.sampled_from([*on_gpu, *anywhere, "custom"]))
    if name == "huggingface":
        return {"name": name}
    if name == "vllm":
        # Outside the lab a version whose image is pinned in the locks of these tests.
        versions = sorted(VLLM_VERSIONS) if in_lab else ["0.31.0"]
        options = some(
            version=st.sampled_from(versions),
            gpuMemoryUtilization=st.integers(5, 99).map(lambda percent: percent / 100),
            maxNumSeqs=st.integers(1, 8192),
            maxNumBatchedTokens=_TOKENS,
            kvCacheDtype=st.sampled_from(["auto", "fp8", "fp8_e4m3", "fp8_e5m2"]),
        )
        length = draw(st.integers(16, 10_000_000))
        return {"name": name, "maxModelLen": length, **draw(options), **draw(_parallelism(gpus, copies=True))}
    route = st.sampled_from(["/health", "/", "/v2/ready~1"])
    container = {"name": name, "image": draw(_images(in_lab)), **draw(some(port=st.integers(1, 65_535)))}
    if name == "custom" or draw(st.booleans()):
        container["healthRoute"] = draw(route)
    if name == "sglang":
        options = some(
            maxModelLen=st.integers(16, 10_000_000),
            memFractionStatic=st.floats(0.05, 0.99),
            maxRunningRequests=st.integers(1, 8192),
        )
        return {**container, **draw(options), **draw(_parallelism(gpus, copies=False))}
    if name == "tgi":
        options = some(
            maxInputLength=st.integers(1, 4095),
            maxTotalTokens=st.integers(4096, 100_000),
            maxBatchPrefillTokens=_TOKENS,
            maxBatchTotalTokens=_TOKENS,
            quantize=st.sampled_from(["awq", "bitsandbytes", "eetq", "gptq"]),
            disableCustomKernels=st.booleans(),
        )
    elif name == "tei":
        options = some(maxBatchTokens=_TOKENS, maxConcurrentRequests=st.integers(1, 1000), pooling=_POOLING)
    elif name == "llamacpp":
        layers = st.integers(0, 99 if accelerator == "gpu" else 0)
        options = some(
            modelPath=_GGUF,
            variant=st.sampled_from(["*Q4_K_M*.gguf", "q8/*"]),
            mmprojModelPath=_GGUF,
            specModelPath=_GGUF,
            ctxSize=st.integers(16, 1_000_000),
            nParallel=st.integers(1, 64),
            nGpuLayers=layers,
            threadsHttp=st.integers(1, 64),
            mode=st.sampled_from(["embeddings", "reranking"]),
            pooling=_POOLING,
        )
    else:
        words = st.lists(st.text(string.printable, max_size=12), min_size=1, max_size=3)
        registry = st.fixed_dictionaries({"username": st.just("robot"), "password": _secret_names()})
        options = some(command=words, args=words, registry=registry)
    return {**container, **draw(options)}


@st.composite
def _scalings(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.integers(0, 3))
    scaling: dict[str, Any] = draw(some(max=st.integers(max(low, 1), 5)))
    if low > 0 or draw(st.booleans()):
        scaling["min"] = low
    scaling.setdefault("max", max(low, 1))
    if low == 0:
        scaling |= draw(some(scaleToZeroMinutes=st.integers(1, 10_080)))
    measures = [
        some(pendingRequests=st.floats(0.1, 10_000) | st.integers(1, 10_000)),
        some(hardwareUsagePercent=st.integers(1, 100)),
    ]
    return scaling | draw(st.sampled_from(measures).flatmap(lambda measure: measure))


@st.composite
def _models(draw: st.DrawFn, in_lab: bool) -> dict[str, Any]:
    types = {"gpu": ["nvidia-l4", "rtx-pro-6000"], "cpu": ["intel-spr", "amd-turin"], "neuron": ["inf2", "trn1"]}
    accelerator = draw(st.sampled_from(sorted(types)))
    count = draw(st.sampled_from([1, 2, 4, 8]))
    engine = draw(_engines(accelerator, count, in_lab))
    access = draw(st.sampled_from(["private", "authenticated", "public"]))
    model: dict[str, Any] = {
        "target": "endpoint",
        # Outside the lab the one that is pinned in the locks of these tests.
        "model": draw(repositories()) if in_lab else "Qwen/Qwen2.5-1.5B-Instruct",
        "engine": engine,
        "instance": {
            "vendor": draw(st.sampled_from(["aws", "azure", "gcp"])),
            "region": draw(st.sampled_from(["us-east-1", "eastus", "us-east4"])),
            "type": draw(st.sampled_from(types[accelerator])),
            "size": f"x{count}",
        },
    }
    if access != "private":
        model |= {"access": access, f"allow{access.capitalize()}": True}
    elif draw(st.booleans()):
        region = st.sampled_from(["us-east-1", "eu-west-1"])
        model["privateService"] = {
            "accountId": draw(st.sampled_from(["012345678901", "9" * 12])),
            "region": draw(region),
        }
    if not in_lab or draw(st.booleans()):
        model["owner"] = draw(label_values())
    route = st.fixed_dictionaries({"domain": st.just("llm.example.com")}, optional={"path": st.just("/v1")})
    optional = some(
        scaling=_scalings(),
        state=st.sampled_from(["running", "paused"]),
        framework=st.just("llamacpp") if engine["name"] == "llamacpp" else st.sampled_from(["pytorch", "custom"]),
        task=st.sampled_from(["text-generation", "sentence-similarity", "text2text-generation"]),
        environment=st.dictionaries(st.sampled_from(["A", "LOG_LEVEL", "_x1"]), st.text(max_size=20), max_size=2),
        secrets=st.dictionaries(st.sampled_from(["HF_TOKEN", "API_KEY"]), _secret_names(), max_size=2),
        tags=st.lists(st.sampled_from(["search", "team=a", "v1.2", "a:b/c"]), unique=True),
        route=route,
        cacheHttpResponses=st.booleans(),
        adopt=st.booleans(),
        readyMinutes=st.integers(1, 240),
    )
    return {**model, **draw(optional)}


@st.composite
def endpoint_configs(draw: st.DrawFn) -> dict[str, Any]:
    """A valid configuration without cluster, of Hugging Face's endpoints or of the lab's, with 1 to 3 models."""
    in_lab = draw(st.booleans())
    names = draw(st.lists(st.sampled_from("m") | dns_labels(40), min_size=1, max_size=5, unique=True))
    count = draw(st.integers(1, min(3, len(names))))
    models = {name: draw(_models(in_lab)) for name in names[:count]}
    for former in names[count:]:
        models[draw(st.sampled_from(names[:count]))].setdefault("formerly", []).append(former)
    for at, (name, model) in enumerate(models.items()):
        if len(model.get("formerly", [name])[0]) > 32 or draw(st.booleans()):
            # None of these is a DNS label: they collide with no model's name.
            model["endpointName"] = draw(st.sampled_from([f"{at}", f"{at}-{'x' * 30}", f"{at}endpoint"]))
    namespace = draw(st.sampled_from(["my-org", "Some_User.1", "lab-org"]))
    return {"huggingface": {"namespace": namespace, **({"api": "lab"} if in_lab else {})}, "models": models}
