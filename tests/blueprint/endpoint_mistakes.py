"""The mistakes that people make with Inference Endpoints, and what each is answered with."""

from typing import Any

from tests.blueprint.mistakes import MISSING, Mistake, wrong
from tests.blueprint.stack_files import DELETE, ENDPOINT, ENDPOINTS, ENGINES, LAB_ENDPOINTS

TOKEN = "hf_" + "aBcDeFgHiJ" * 3
TWO = {"instance": {**ENDPOINT["instance"], "size": "x2"}}


def endpoint(key: str, value: Any, problem: str, remedy: str, *, at: str | None = None, **more: Any) -> Mistake:
    """A mistake in a model with target: endpoint, which is called e or, by its engine, e-engine."""
    place = f"models.{at}" if at else None
    return wrong(f"models.{key}", value, problem, remedy, at=place, base=more.pop("base", ENDPOINTS), **more)


def engine(name: str, key: str, value: Any, problem: str, remedy: str, *, at: str | None = None) -> Mistake:
    """A mistake in the options of an engine."""
    place = f"e-{name}.engine.{at}" if at else None
    return endpoint(f"e-{name}.engine.{key}", value, problem, remedy, at=place)


ENDPOINT_MISTAKES = {
    # Whose endpoints.
    "endpoint without namespace": wrong(
        "huggingface.namespace",
        DELETE,
        f"{MISSING}, and models.e has target: endpoint",
        "Name the organisation",
        base=ENDPOINTS,
    ),
    "namespace as a path": wrong(
        "huggingface.namespace", "../other", "this value does not have", "organisation or user", base=ENDPOINTS
    ),
    "namespace that is a token": wrong(
        "huggingface.namespace", TOKEN, "this looks like a token, in clear text", "Revoke it", base=ENDPOINTS
    ),
    "unknown API": wrong("huggingface.api", "mock", "this value is not allowed", "Use 'huggingface' or 'lab'"),
    "the lab's endpoints beside a cluster": wrong(
        "huggingface.api", "lab", "only this machine can reach, and the stack's cluster is not the lab", "Remove api"
    ),
    "endpoint without owner": endpoint("e.owner", DELETE, f"{MISSING}, and endpoints cost money", "Name the team"),
    # Names.
    "endpoint name too long": endpoint("e.endpointName", "e" * 33, "allowed form", "at most 32 characters"),
    "endpoint name with capitals": endpoint("e.endpointName", "E", "'E' does not have", "lower case letters"),
    "endpoint name that ends in a dash": endpoint("e.endpointName", "e-", "'e-' does not have", "lower case letters"),
    "model name too long for an endpoint": endpoint(
        "the-name-of-33-characters-is-long",
        ENDPOINT,
        f"{MISSING}, and the-name-of-33-characters-is-long has 33 characters, where an endpoint's name may have 32",
        "Give a name of at most 32 characters",
        at="the-name-of-33-characters-is-long.endpointName",
    ),
    "endpoint name in use": endpoint(
        "e-tei.endpointName", "e-custom", "e-custom is also the endpoint of models.e-custom", "unique in the namespace"
    ),
    "former name of an endpoint in use": endpoint(
        "e-tgi.formerly",
        ["e-tei"],
        "e-tei is also the name of models.e-tei",
        "no model has now",
        also={"models.e-tgi.endpointName": "mine"},
    ),
    # Who may call.
    "endpoint for everybody": endpoint("e.access", "public", "lets anybody use the endpoint", "allowPublic: true"),
    "endpoint for everyone with an account": endpoint(
        "e.access", "authenticated", "anyone with a Hugging Face account", "allowAuthenticated: true"
    ),
    "the old word for access": endpoint(
        "e.access", "protected", "'protected' is not allowed", "the API takes it for private without a word"
    ),
    "allowed and not used": endpoint("e.allowPublic", True, "true contradicts access: private", "Remove allowPublic"),
    "allowed too little": Mistake(
        {"models.e-tgi.allowAuthenticated": True, "models.e-tgi.access": "public"},
        {
            "models.e-tgi.access": ("lets anybody use the endpoint", "allowPublic: true"),
            "models.e-tgi.allowAuthenticated": ("true contradicts access: public", "Remove allowAuthenticated"),
        },
        ENDPOINTS,
    ),
    "private network and public": endpoint(
        "e.privateService",
        {"accountId": "123456789012", "region": "us-east-1"},
        "contradicts access: public",
        "Use access: private",
        also={"models.e.access": "public", "models.e.allowPublic": True},
    ),
    "account as a number": endpoint(
        "e.privateService",
        {"accountId": 123456789012, "region": "us-east-1"},
        "123456789012 is not a text",
        "12 digits, in quotes",
        at="e.privateService.accountId",
    ),
    "account with dashes": endpoint(
        "e.privateService",
        {"accountId": "1234-5678-9012", "region": "us-east-1"},
        "'1234-5678-9012' does not have the allowed form",
        "12 digits",
        at="e.privateService.accountId",
    ),
    "private network of another region": endpoint(
        "e.privateService",
        {"accountId": "123456789012", "region": "eu-central-1"},
        "'eu-central-1' is not allowed",
        "Use 'us-east-1' or 'eu-west-1'",
        at="e.privateService.region",
    ),
    "route without domain": endpoint("e.route", {"path": "/v1"}, MISSING, "Host name that points", at="e.route.domain"),
    "route with a URL": endpoint(
        "e.route", {"domain": "https://llm.example.com"}, "does not have", "A host name", at="e.route.domain"
    ),
    "route with a relative path": endpoint(
        "e.route", {"domain": "llm.example.com", "path": "v1"}, "'v1' does not have", "starts with", at="e.route.path"
    ),
    # Scaling.
    "endpoint that sleeps and never sleeps": endpoint(
        "e.scaling",
        {"min": 1, "scaleToZeroMinutes": 15},
        "never sleeps at min: 1",
        "Use min: 0",
        at="e.scaling.scaleToZeroMinutes",
    ),
    "endpoint with min above max": endpoint(
        "e-tgi.scaling", {"min": 2}, "2 is above scaling.max, 1", "Use min: 1 or less", at="e-tgi.scaling.min"
    ),
    "two measures": endpoint(
        "e-tei.scaling",
        {"pendingRequests": 1.5, "hardwareUsagePercent": 80},
        "pendingRequests is given too, and an endpoint follows one measure",
        "Remove one of the two",
        at="e-tei.scaling.hardwareUsagePercent",
    ),
    "sleep in seconds": endpoint(
        "e-custom.scaling",
        {"scaleToZeroMinutes": 86_400},
        "86400 is above the largest",
        "in minutes",
        at="e-custom.scaling.scaleToZeroMinutes",
    ),
    "usage as a share": endpoint(
        "e-sglang.scaling",
        {"hardwareUsagePercent": 0.8},
        "0.8 is not a whole number",
        "in percent",
        at="e-sglang.scaling.hardwareUsagePercent",
    ),
    "pending requests of nothing": endpoint(
        "e-llamacpp.scaling",
        {"pendingRequests": 0},
        "0 is not above 0",
        "per replica",
        at="e-llamacpp.scaling.pendingRequests",
    ),
    "unknown state": endpoint("e.state", "scaledToZero", "'scaledToZero' is not allowed", "'running' or 'paused'"),
    "ready in seconds": endpoint("e.readyMinutes", 1800, "1800 is above the largest", "in minutes"),
    # The instance.
    "endpoint with a GPU of a cluster": endpoint("e.accelerator", {}, "unknown key", "instance"),
    "endpoint of an unknown size": endpoint(
        "e-tei.instance.size", "large", "'large' does not have the allowed form", "x and the number"
    ),
    "endpoint of an unknown cloud": endpoint("e.instance.vendor", "ovh", "'ovh' is not allowed", "Use 'aws'"),
    "endpoint of an unknown kind": endpoint(
        "e-tei.instance.type",
        "g5-xlarge",
        "g5-xlarge does not tell what accelerator it carries",
        "intel-*, amd-* cpu; nvidia-*, rtx-* gpu; inf*, trn* neuron",
    ),
    "vLLM without a GPU": endpoint(
        "e-vllm.instance.type",
        "intel-spr",
        "vllm runs on gpu instances, and intel-spr is a cpu instance",
        "or one of these engines: tei, llamacpp, huggingface, custom",
    ),
    "an engine that Neuron does not run": endpoint(
        "e-llamacpp.instance.type", "inf2", "inf2 is a neuron instance", "one of these engines: custom"
    ),
    # The engine.
    "unknown engine of an endpoint": endpoint(
        "e-tei.engine.name", "vlm", "'vlm' is no engine", "Use 'vllm', 'sglang', 'tgi'"
    ),
    "endpoint without engine name": endpoint(
        "e-llamacpp.engine.name", DELETE, MISSING, "Use 'vllm', 'sglang', 'tgi', 'tei', 'llamacpp', 'huggingface' or"
    ),
    "option of another engine": engine("sglang", "maxNumSeqs", 8, "unknown key", "maxRunningRequests"),
    "option of the managed server": engine("huggingface", "image", "a/b:c", "unknown key", "Allowed here: name"),
    "unknown version of vLLM": engine("vllm", "version", "0.1.0", "vLLM 0.1.0 is not in", "Use 0.31.0"),
    "vLLM not in the lock": engine("vllm", "version", "0.33.0", "is unresolved in images.lock.yaml", "llm lock"),
    "endpoint's model not in the lock": endpoint(
        "e.model", "org/new", "org/new@main is unresolved in models.lock.yaml", "Run `llm lock org/new@main`"
    ),
    "image without digest": engine(
        "sglang", "image", "lmsysorg/sglang:latest", "has no digest, and what its tag means can change", "Append @sha"
    ),
    "image of any tag in the lab": endpoint(
        "tagged.engine.image",
        "localhost:5000/server",
        "localhost:5000/server has neither tag nor digest",
        "Append :tag",
        base=LAB_ENDPOINTS,
    ),
    "image that is no reference": engine("tei", "image", "https://ghcr.io/x", "does not have", "A container image"),
    "image missing": engine("tgi", "image", DELETE, MISSING, "A container image"),
    "custom server without health check": engine("custom", "healthRoute", DELETE, MISSING, "when the server is ready"),
    "health check as a URL": engine("custom", "healthRoute", "http://x/", "does not have", "starts with '/'"),
    "port above all ports": engine("custom", "port", 80_000, "80000 is above the largest", "Port that the server"),
    "command as one text": engine("custom", "command", "python serve.py", "is not a list", "one item per word"),
    "GPUs left idle": endpoint(
        "e.engine.tensorParallelSize",
        1,
        "1 does not use all GPUs of size x4 exactly",
        "Use tensorParallelSize: 4",
        also={"models.e.instance.size": "x4"},
    ),
    "more GPUs than there are": engine(
        "sglang", "tensorParallelSize", 2, "2 does not use all GPUs of size x1", "Use tensorParallelSize: 1"
    ),
    "copies that cannot share": engine(
        "vllm", "dataParallelSize", 3, "3 copies of the model cannot share the GPUs of size x1", "a divisor of 1"
    ),
    "too many copies": endpoint(
        "e-vllm.engine",
        {**ENDPOINT["engine"], "tensorParallelSize": 2, "dataParallelSize": 2},
        "2 x dataParallelSize 2 does not use all GPUs of size x2",
        "Use tensorParallelSize: 1",
        at="e-vllm.engine.tensorParallelSize",
        also={"models.e-vllm.instance": TWO["instance"]},
    ),
    "prompt as long as the whole": endpoint(
        "e-tgi.engine",
        {**ENGINES["tgi"], "maxInputLength": 4096, "maxTotalTokens": 4096},
        "4096 leaves nothing of maxTotalTokens",
        "raise maxTotalTokens",
        at="e-tgi.engine.maxInputLength",
    ),
    "layers on a GPU that is not there": endpoint(
        "e-llamacpp.engine.nGpuLayers",
        99,
        "intel-spr has no GPU to hold 99 layers",
        "Remove nGpuLayers",
        also={"models.e-llamacpp.instance.type": "intel-spr"},
    ),
    "weights that are no GGUF": engine(
        "llamacpp", "modelPath", "model.safetensors", "does not have", "by its path in the repository"
    ),
    "framework of another engine": endpoint(
        "e.framework", "llamacpp", "llamacpp contradicts engine vllm", "follows from the engine, pytorch"
    ),
    "framework of llama.cpp": endpoint(
        "e-llamacpp.framework", "pytorch", "pytorch contradicts engine llamacpp", "from the engine, llamacpp"
    ),
    "task in words": endpoint("e.task", "Text Generation", "does not have", "The Hub's word"),
    # Environment and secrets.
    "variable with a dash": endpoint(
        "e.environment", {"MY-KEY": "x"}, "'MY-KEY' does not have", "letters, digits", at="e.environment.MY-KEY"
    ),
    "variable as a number": endpoint("e.environment", {"N": 1}, "1 is not a text", "Give a text", at="e.environment.N"),
    "variable of the engine": endpoint(
        "e-llamacpp.environment",
        {"LLAMA_ARG_CTX_SIZE": "4096"},
        "the endpoint sets this variable itself",
        "such as ctxSize",
        at="e-llamacpp.environment.LLAMA_ARG_CTX_SIZE",
    ),
    "token in the environment": endpoint(
        "e.environment",
        {"HF_TOKEN": "x"},
        "a token would stand there in clear text",
        "Use secrets: {HF_TOKEN: NAME}",
        at="e.environment.HF_TOKEN",
    ),
    "token under another name": endpoint(
        "e.environment", {"ANY": TOKEN}, "this looks like a Hugging Face token", "Revoke it", at="e.environment.ANY"
    ),
    "token as an argument": engine(
        "custom", "args", ["--token", TOKEN], "this looks like a Hugging Face token", "Revoke it", at="args.1"
    ),
    "token as a secret's name": endpoint(
        "e.secrets", {"HF_TOKEN": TOKEN}, "this looks like a token itself", "write NAME here", at="e.secrets.HF_TOKEN"
    ),
    "token as a registry's password": engine(
        "custom", "registry.password", TOKEN, "this looks like a token itself", "write NAME here"
    ),
    "password as a secret's name": endpoint(
        "e.secrets", {"KEY": "sword fish"}, "this value does not have", "never its value", at="e.secrets.KEY"
    ),
    "variable that is secret and not": endpoint(
        "e-tei.secrets",
        {"KEY": "key"},
        "it is also given under environment",
        "Remove one",
        at="e-tei.secrets.KEY",
        also={"models.e-tei.environment": {"KEY": "x"}},
    ),
    # Tags.
    "tag with blanks": endpoint("e.tags", ["a b"], "'a b' does not have the allowed form", "A tag:", at="e.tags.0"),
    "tag twice": endpoint("e.tags", ["a", "a"], "a is given twice", "each once"),
    "tag of an owner": endpoint("e.tags", ["owner:me"], "owner:me begins like a tag by which", "Use another tag"),
}
