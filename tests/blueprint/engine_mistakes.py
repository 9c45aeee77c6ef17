"""The mistakes that people make with the engines of a cluster, and what each is answered with."""

from collections.abc import Mapping
from typing import Any

from tests.blueprint.mistakes import MISSING, Mistake, wrong
from tests.blueprint.stack_files import DELETE, DIGEST, MODEL, PROD, REPOSITORY

TOKEN = "hf_" + "aBcDeFgHiJ" * 3
LORA = {"adapters": {"legal": {"model": REPOSITORY}}}

ENGINES: Mapping[str, Mapping[str, Any]] = {
    "vllm": {"name": "vllm", "version": "0.31.0", "maxModelLen": 8192},
    "sglang": {
        "name": "sglang",
        "image": f"registry.example.com/team/sglang:1@{DIGEST}",
        "userId": 1000,
        "maxModelLen": 8192,
    },
    "tgi": {
        "name": "tgi",
        "image": f"registry.example.com/team/tgi:1@{DIGEST}",
        "userId": 1000,
        "maxTotalTokens": 8192,
    },
    "custom": {"name": "custom", "image": f"registry.example.com/team/server:1@{DIGEST}", "userId": 1000},
}
"""The least that each engine of a cluster needs outside the lab."""

STACK: Mapping[str, Any] = {
    **{key: value for key, value in PROD.items() if key not in ("budget", "models")},
    "models": {
        f"m-{name}": {**MODEL, "engine": engine, "scaling": {"min": 1, "max": 1}} for name, engine in ENGINES.items()
    },
}
LAB_STACK: Mapping[str, Any] = {
    "cluster": {**PROD["cluster"], "context": "lab", "id": "lab"},
    # Neither pins nor digests nor users: the lab takes them.
    "models": {
        "m-sglang": {**MODEL, "engine": {"name": "sglang", "maxModelLen": 8192}},
        "m-tgi": {**MODEL, "engine": {"name": "tgi", "maxTotalTokens": 8192}},
        "m-custom": {**MODEL, "engine": {"name": "custom", "image": "registry.example.com/team/server:dev"}},
    },
}


def engine(
    name: str, key: str, value: Any, problem: str, remedy: str, *, at: str | None = None, **more: Any
) -> Mistake:
    """A mistake in the options of the model that is called as its engine."""
    also = {f"models.m-{name}.engine.{k}": v for k, v in more.pop("also", {}).items()}
    place = f"models.m-{name}.engine.{at or key}"
    return wrong(f"models.m-{name}.engine.{key}", value, problem, remedy, at=place, base=STACK, also=also, **more)


def extra(name: str, words: list[str], problem: str, remedy: str, *, index: int = 0, **more: Any) -> Mistake:
    """A mistake in one of the words of extraArgs."""
    return engine(name, "extraArgs", words, problem, remedy, at=f"extraArgs.{index}", **more)


NOT_HERE = "is not for extraArgs"

ENGINE_MISTAKES = {
    # What `llm smoke` cannot check.
    "structured answers of TGI": wrong(
        "models.m-tgi.smoke.structured",
        True,
        "engine tgi is not known to hold",
        "use engine vllm or sglang",
        base=STACK,
    ),
    "unknown way to ask": wrong(
        "models.m-vllm.smoke.ask", "embed", "'embed' is not allowed", "Use 'chat' or 'completion'", base=STACK
    ),
    # Options that an engine does not have, and those of another engine.
    "vLLM's word for SGLang": engine(
        "sglang", "gpuMemoryUtilization", 0.9, "unknown key", "Allowed here: chatTemplate, chunkedPrefillSize"
    ),
    "SGLang's word for vLLM": engine("vllm", "memFractionStatic", 0.9, "unknown key", "gpuMemoryUtilization"),
    "TGI's old word": engine("tgi", "maxInputLength", 4096, "unknown key", "Did you mean maxInputTokens?"),
    "served name for TGI": engine("tgi", "servedName", "llama", "unknown key", "Allowed here:"),
    "rank for TGI": engine(
        "tgi", "lora", {**LORA, "maxRank": 16}, "unknown key", "Allowed here: adapters", at="lora.maxRank"
    ),
    "flags for a custom server": engine("custom", "extraArgs", ["--x"], "unknown key", "environment, image"),
    "TGI without longest request": engine("tgi", "maxTotalTokens", DELETE, MISSING, "prompt and answer together"),
    "SGLang without longest request": engine("sglang", "maxModelLen", DELETE, MISSING, "prompt and answer together"),
    "custom without image": engine("custom", "image", DELETE, MISSING, "Add it: images: {server:"),
    # Versions.
    "unknown version of SGLang": engine(
        "sglang", "version", "0.4.0", "SGLang 0.4.0 is not in the engine registry", "Use 0.5.23"
    ),
    "unknown version of TGI": engine(
        "tgi", "version", "2.0", "Text Generation Inference 2.0 is not in the engine registry", "Use 3.3.5"
    ),
    # Values that an engine or a version does not offer.
    "quantisation of another engine": engine(
        "vllm", "quantization", "eetq", "vLLM 0.31.0 does not offer eetq", "It offers auto_awq, auto_gptq, awq"
    ),
    "quantisation that vLLM gave up": engine(
        "vllm", "quantization", "bitsandbytes", "vLLM 0.31.0 does not offer bitsandbytes", "It offers"
    ),
    "quantisation of vLLM for TGI": engine(
        "tgi", "quantize", "awq_marlin", "does not offer awq_marlin", "It offers awq"
    ),
    "quantisation of TGI for SGLang": engine("sglang", "quantization", "eetq", "does not offer eetq", "It offers awq"),
    "cache format of a later version": engine(
        "vllm", "kvCacheDtype", "octave_k3v4", "vLLM 0.31.0 does not offer octave_k3v4", "It offers auto, bfloat16"
    ),
    "cache format misspelt": engine("vllm", "kvCacheDtype", "fp8_e4m4", "does not offer", "Did you mean fp8_e4m3?"),
    "cache format of vLLM for TGI": engine("tgi", "kvCacheDtype", "fp8", "does not offer fp8", "fp8_e4m3fn, fp8_e5m2"),
    "number format": engine("sglang", "dtype", "fp16", "does not offer fp16", "float16"),
    "number format with a space": engine(
        "vllm", "dtype", "float 16", "does not have the allowed form", "Number format"
    ),
    "tool parser": engine("vllm", "toolCallParser", "hermess", "does not offer hermess", "Did you mean hermes?"),
    "tool parser of a later version": engine("vllm", "toolCallParser", "hf", "does not offer hf", "and"),
    "reasoning parser of vLLM for SGLang": engine(
        "sglang", "reasoningParser", "deepseek_r1", "does not offer deepseek_r1", "Did you mean deepseek-r1?"
    ),
    "grammar of vLLM for SGLang": engine(
        "sglang", "structuredOutputBackend", "guidance", "does not offer guidance", "xgrammar, outlines, llguidance"
    ),
    "grammar of SGLang for vLLM": engine(
        "vllm", "structuredOutputBackend", "llguidance", "does not offer llguidance", "guidance"
    ),
    "rank between two": engine(
        "vllm",
        "lora",
        {**LORA, "maxRank": 24},
        "vLLM 0.31.0 does not offer 24",
        "It offers 1, 128, 16",
        at="lora.maxRank",
    ),
    "draft by an unknown method": engine(
        "vllm",
        "speculative",
        {"method": "eagle4", "tokens": 3},
        "does not offer eagle4",
        "Did you mean eagle",
        at="speculative.method",
    ),
    "draft by an unknown algorithm": engine(
        "sglang",
        "speculative",
        {"algorithm": "eagle"},
        "'eagle' is not allowed",
        "Use 'EAGLE'",
        at="speculative.algorithm",
    ),
    # Options that contradict each other.
    "draft without its model": engine(
        "vllm",
        "speculative",
        {"method": "draft_model", "tokens": 3},
        f"{MISSING}, and draft_model drafts with a model",
        "Name its repository",
        at="speculative.model",
    ),
    "n-grams with a model": engine(
        "vllm",
        "speculative",
        {"method": "ngram", "tokens": 3, "model": REPOSITORY},
        "ngram drafts from the text and takes no model",
        "Remove model",
        at="speculative.model",
    ),
    "SGLang's draft without its model": engine(
        "sglang",
        "speculative",
        {"algorithm": "EAGLE3"},
        f"{MISSING}, and EAGLE3 drafts",
        "Name",
        at="speculative.model",
    ),
    "SGLang's n-grams with a model": engine(
        "sglang",
        "speculative",
        {"algorithm": "NGRAM", "model": REPOSITORY},
        "NGRAM drafts from the text",
        "Remove model",
        at="speculative.model",
    ),
    "half of a chain": engine(
        "sglang",
        "speculative",
        {"algorithm": "NEXTN", "steps": 3, "topK": 1},
        f"{MISSING}, and NEXTN chooses steps, topK and draftTokens together",
        "Give all three, or none",
        at="speculative.draftTokens",
    ),
    "prompt as long as the request": engine(
        "tgi", "maxInputTokens", 8192, "8192 leaves nothing of maxTotalTokens, 8192, for the answer", "Lower it"
    ),
    "number format of quantised weights": engine(
        "tgi",
        "dtype",
        "float16",
        "float16 contradicts quantize: gptq",
        "Remove one of the two",
        also={"quantize": "gptq"},
    ),
    "adapter called as the model": engine(
        "vllm",
        "lora",
        {"adapters": {"legal": {"model": REPOSITORY}}},
        "legal is what clients call the model itself",
        "another name",
        at="lora.adapters.legal",
        also={"servedName": "legal"},
    ),
    "adapter with a comma": engine(
        "tgi",
        "lora",
        {"adapters": {"a,b": {"model": REPOSITORY}}},
        "'a,b' does not have the allowed form",
        "What clients call the adapter",
        at="lora.adapters.a,b",
    ),
    "no adapters": engine("vllm", "lora", {"adapters": {}}, "this is empty", "Add at least one", at="lora.adapters"),
    # Locks.
    "adapter not in the lock": engine(
        "vllm",
        "lora",
        {"adapters": {"legal": {"model": "org/legal"}}},
        "org/legal@main is unresolved in models.lock.yaml",
        "Run `llm lock org/legal@main`",
        at="lora.adapters.legal.model",
    ),
    "draft not in the lock": engine(
        "sglang",
        "speculative",
        {"algorithm": "STANDALONE", "model": "org/draft", "revision": "v1"},
        "org/draft@v1 is unresolved",
        "Run `llm lock org/draft@v1`",
        at="speculative.model",
    ),
    # Images and users.
    "image without digest": engine(
        "custom", "image", "registry.example.com/team/server:1", "has no digest", "Append @sha256:"
    ),
    "user missing": engine(
        "custom", "userId", DELETE, f"{MISSING}, and it is not known under which user", "under which you have seen"
    ),
    "user root": engine("sglang", "userId", 0, "0 is below the smallest", "not root"),
    "the engine's image, which is not pinned": Mistake(
        {"models.m-sglang.engine.image": DELETE},
        {"models.m-sglang.engine.version": ("docker.io/lmsysorg/sglang:v0.5.23 is unresolved", "llm lock docker.io/")},
        STACK,
    ),
    "the engine's image, which needs root": Mistake(
        {"models.m-tgi.engine.image": DELETE},
        {
            "models.m-tgi.engine.image": ("runs as root only: its Python lies in /root", "give image and userId"),
            "models.m-tgi.engine.version": ("is unresolved in images.lock.yaml", "llm lock ghcr.io/"),
        },
        STACK,
    ),
    "image of the lab without tag": wrong(
        "models.m-custom.engine.image",
        "registry.example.com/team/server",
        "has neither tag nor digest",
        "Append :tag",
        base=LAB_STACK,
    ),
    # What a custom server is told.
    "port by hand": engine(
        "custom", "environment", {"PORT": "80"}, "every server is told this", "Remove it", at="environment.PORT"
    ),
    "key in the environment": engine(
        "custom",
        "environment",
        {"ADMIN_API_KEY": "x"},
        "a key would stand there in clear text",
        "huggingface.hubReadSecret",
        at="environment.ADMIN_API_KEY",
    ),
    "token in the environment": engine(
        "custom", "environment", {"ANY": TOKEN}, "a key would stand there", "Remove it", at="environment.ANY"
    ),
    # extraArgs: a flag that has a setting, by every spelling.
    "flag with a setting": extra("vllm", ["--dtype=half"], f"--dtype {NOT_HERE}", "Use engine.dtype"),
    "flag and value apart": extra("vllm", ["--dtype", "half"], f"--dtype {NOT_HERE}", "Use engine.dtype"),
    "flag with underscores": extra("vllm", ["--max_num_seqs=4"], f"--max_num_seqs {NOT_HERE}", "engine.maxNumSeqs"),
    "flag abbreviated": extra("vllm", ["--max-model=4096"], f"--max-model {NOT_HERE}", "Use engine.maxModelLen"),
    "flag abbreviated, with underscores": extra(
        "vllm", ["--gpu_memory_util=0.5"], f"--gpu_memory_util {NOT_HERE}", "Use engine.gpuMemoryUtilization"
    ),
    "flag negated": extra("vllm", ["--no-enable-prefix-caching"], NOT_HERE, "Use engine.prefixCaching"),
    "switch that comes with a setting": extra("vllm", ["--enable-auto-tool-choice"], NOT_HERE, "engine.toolCallParser"),
    "flag by its alias": extra("sglang", ["--tensor-parallel-size=2"], NOT_HERE, "GPUs follow from accelerator"),
    "flag abbreviated for SGLang": extra("sglang", ["--context-len", "4096"], NOT_HERE, "Use engine.maxModelLen"),
    "model by another flag": extra("sglang", ["--model", "org/other"], NOT_HERE, "Use model and revision"),
    "backend of another kind": extra("sglang", ["--model-type=diffusion"], NOT_HERE, "The command line says llm"),
    "key of a JSON value with a setting": extra(
        "vllm", ["--structured-outputs-config.backend", "outlines"], NOT_HERE, "Use engine.structuredOutputBackend"
    ),
    "JSON value with a setting": extra(
        "vllm", ['--speculative-config={"method":"ngram"}'], NOT_HERE, "Use engine.speculative"
    ),
    "flag that ends the metrics": extra("vllm", ["--disable-log-stats"], NOT_HERE, "Scaling, alerts and dashboards"),
    "drain by hand": extra("vllm", ["--shutdown-timeout=5"], NOT_HERE, "Use lifecycle.drainSeconds"),
    "port by flag": extra("vllm", ["--port", "9000"], NOT_HERE, "The Service and the probes"),
    "revision by flag": extra("tgi", ["--revision=main"], NOT_HERE, "the commit comes from models.lock.yaml"),
    "old flag of TGI": extra("tgi", ["--max-input-length=1024"], NOT_HERE, "use engine.maxInputTokens"),
    "shards by flag": extra("tgi", ["--num-shard=2"], NOT_HERE, "GPUs follow from accelerator"),
    # extraArgs: flags that do not exist.
    "flag that no version has": extra(
        "vllm", ["--enforce-eagre"], "vLLM 0.31.0 has no", "Did you mean --enforce-eager?"
    ),
    "flag of a later version": extra(
        "vllm", ["--watchdog-config={}"], "vLLM 0.31.0 has no --watchdog-config", "Remove"
    ),
    "flag of two meanings": extra("vllm", ["--enable-lo"], "has no --enable-lo", "Write one of these in full"),
    "flag abbreviated that has no setting": extra(
        "vllm", ["--enforce-eag"], NOT_HERE, "It is an abbreviation, which another version may take"
    ),
    "flag abbreviated for TGI": extra("tgi", ["--max-best=1"], "has no --max-best", "Did you mean --max-best-of?"),
    "flag with underscores for SGLang": extra(
        "sglang", ["--log_level=info"], "has no --log_level", "mean --log-level?"
    ),
    # extraArgs: keys, and words out of place.
    "key by flag": extra("vllm", ["--api-key", "secret"], "would put a key into the pod's description", "expose.auth"),
    "key by flag, abbreviated": extra("vllm", ["--api-k=secret"], "would put a key", "from a Secret"),
    "token by flag": extra("vllm", ["--hf-token=secret"], "would put a key", "huggingface.hubReadSecret"),
    "admin's key by flag": extra("sglang", ["--admin-api-key=secret"], "would put a key", "by its environment"),
    "password by flag": extra("sglang", ["--ssl-keyfile-password", "secret"], "would put a key", "Remove it"),
    "tunnel by flag": extra("tgi", ["--ngrok-authtoken=secret"], "would put a key", "Remove it"),
    "token as a value": extra("vllm", ["--seed", TOKEN], "looks like a Hugging Face token", "Revoke it", index=1),
    "short flag": extra("vllm", ["-tp", "2"], "'-tp' is no flag in its long form", "Write --flag"),
    "short flag of vLLM's levels": extra("vllm", ["-O3"], "'-O3' is no flag in its long form", "Write --flag"),
    "end of flags": extra("vllm", ["--"], "'--' is no flag in its long form", "Write --flag"),
    "value without flag": extra("vllm", ["other/model"], "'other/model' is no flag", "Begin with --flag"),
    "value of a switch": extra("vllm", ["--enforce-eager", "true"], "--enforce-eager takes no value", "One item"),
    "two values of one": extra("vllm", ["--seed", "1", "2"], "--seed takes one value", "One item per word"),
    "flag without value": extra("sglang", ["--log-level", "--log-requests"], "--log-level needs a value", "One item"),
    "flag and value in one word": extra("vllm", ["--seed 1"], "vLLM 0.31.0 has no --seed 1", "Did you mean --seed?"),
    "flag twice": extra("vllm", ["--seed=1", "--seed=2"], "--seed repeats --seed", "Keep one", index=1),
    "flag and its opposite": extra(
        "vllm", ["--enforce-eager", "--no-enforce-eager"], "--no-enforce-eager repeats --enforce-eager", "Keep", index=1
    ),
    "space for TGI": extra(
        "tgi", ["--cors-allow-origin=a b"], "has a space or a pattern, and the image's entry point", "Use a value"
    ),
}
