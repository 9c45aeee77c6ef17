"""Hypothesis strategies for stack files: valid ones, with everything that they can say."""

import string
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from blueprint.accelerators import ACCELERATORS, NODE_LABELS
from tests.collector_strategies import collectors
from tests.engine_strategies import engines, images, is_own_server, own_server
from tests.exposure_strategies import published
from tests.llm_d_strategies import deliverable, llm_d
from tests.objectives_strategies import objectives
from tests.parallel_strategies import divided, gpus_of_replica, groups_clash
from tests.scaling_strategies import prometheus_addresses, scaled, scales
from tests.weights_strategies import caches, sources

_LOWER = string.ascii_lowercase
_LOWER_DIGITS = _LOWER + string.digits
_WORDS = string.ascii_letters + string.digits
_RATES = st.integers(1, 100_000)


def _text(first: str, middle: str, last: str, longest: int) -> st.SearchStrategy[str]:
    """Text of 1 to longest characters whose ends come from narrower alphabets."""
    inner = st.text(middle, max_size=max(longest - 2, 0))
    longer = st.tuples(st.sampled_from(first), inner, st.sampled_from(last)).map("".join)
    return st.sampled_from(first) | longer


def dns_labels(longest: int = 63) -> st.SearchStrategy[str]:
    """DNS labels as RFC 1035 has them."""
    return _text(_LOWER, _LOWER_DIGITS + "-", _LOWER_DIGITS, longest)


def object_names() -> st.SearchStrategy[str]:
    """Names of existing objects: DNS subdomains as RFC 1123 has them."""
    return st.lists(_text(_LOWER_DIGITS, _LOWER_DIGITS + "-", _LOWER_DIGITS, 20), min_size=1, max_size=3).map(".".join)


def label_values() -> st.SearchStrategy[str]:
    """Values of Kubernetes labels."""
    return _text(_WORDS, _WORDS + "-_.", _WORDS, 63)


def model_names() -> st.SearchStrategy[str]:
    """Names that a model may have, the shortest and the longest often."""
    edges = st.sampled_from(["m", "x" * 40, "a-0", "cache"])
    return (edges | dns_labels(40)).filter(lambda name: name not in ("default", "vllm"))


def repositories() -> st.SearchStrategy[str]:
    """Repositories on the Hub."""
    part = _text(_WORDS, _WORDS + "-_.", _WORDS, 30)
    return st.just("Qwen/Qwen2.5-1.5B-Instruct") | st.tuples(part, part).map("/".join)


def some(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with any of these keys; every key is optional."""
    return st.fixed_dictionaries({}, optional=strategies)


@st.composite
def _resources(draw: st.DrawFn, gpus: int) -> dict[str, Any]:
    """Shared memory counts as memory and must leave some of it, also where one of the two is derived."""
    resources = draw(some(cpu=st.integers(1, 512)))
    memory, shm = 16 + 16 * gpus, max(2, 2 * gpus)
    if draw(st.booleans()):
        memory = resources["memoryGiB"] = draw(st.integers(shm + 1, 8192))
    if draw(st.booleans()):
        resources["shmGiB"] = draw(st.integers(1, min(1024, memory - 1)))
    return resources


@st.composite
def _models(draw: st.DrawFn, accelerators: Sequence[str]) -> dict[str, Any]:
    gpus = draw(st.sampled_from([1, 2, 4, 8]))
    replicas = draw(st.integers(1, 4))
    # Imported here, since it is made of what stands above.
    from tests.lifecycle_strategies import placed

    # This project's server uses one GPU.
    where, engine = draw(placed(accelerators)), draw(engines() if gpus > 1 else engines() | own_server())
    if engine["name"] == "custom" and draw(st.booleans()):
        gpus = 0
        del where["accelerator"]
        where.get("placement", {}).pop("spot", None)
    elif gpus > 1 or draw(st.booleans()):
        where["accelerator"]["count"] = gpus
    model: dict[str, Any] = {"target": "kubernetes", "model": draw(repositories()), "engine": engine, **where}
    if replicas > 1 or draw(st.booleans()):
        model["scaling"] = {"min": replicas, "max": replicas}
    optional = some(
        revision=st.sampled_from(["main", "v1.0", "refs/pr/7", "0" * 40]),
        owner=label_values(),
        cache=caches(replicas),
        resources=_resources(gpus),
        load=st.fixed_dictionaries({"tokensPerSecond": _RATES, "replicaTokensPerSecond": _RATES}),
    )
    model |= draw(optional)
    if model.get("cache", {}).get("mode") == "none" and "revision" not in model and draw(st.booleans()):
        model["source"] = draw(sources(model["engine"]["name"]))
    whole = draw(divided(draw(scaled(model))))
    if deliverable(whole) and draw(st.booleans()):
        whole["llmD"] = draw(llm_d())
    return whole


def types_of(model: Mapping[str, Any]) -> Sequence[str]:
    """Accelerators that will do for a raw model; none for one on processors."""
    choice = model.get("accelerator")
    return [choice["type"], *choice.get("alternatives", ())] if choice else []


def gpus_wanted(models: Mapping[str, Mapping[str, Any]], *accelerators: str) -> int:
    """GPUs of these types that raw models may hold with all replicas."""
    return sum(
        model.get("scaling", {}).get("max", 1) * gpus_of_replica(model)
        for model in models.values()
        if {*types_of(model)} & {*accelerators}
    )


@st.composite
def lab_configs(draw: st.DrawFn, namespace: str = "llm") -> dict[str, Any]:
    """A valid configuration for the lab: what stands under `llm-inference:`, with 1 to 4 models."""
    dialect = draw(st.sampled_from(NODE_LABELS))
    labelled = [name for name, gpu in ACCELERATORS.items() if dialect in gpu.labels]
    accelerators = draw(st.lists(st.sampled_from(labelled), min_size=1, max_size=3, unique=True))
    # Names and former names of all models, each used once.
    names = draw(st.lists(model_names(), min_size=1, max_size=7, unique=True))
    count = draw(st.integers(1, min(4, len(names))))
    models = {name: draw(_models(accelerators)) for name in names[:count]}
    for former in names[count:]:
        models[draw(st.sampled_from(names[:count]))].setdefault("formerly", []).append(former)
    assume(not groups_clash(models))
    cluster: dict[str, Any] = {
        "context": "lab",
        "id": "lab",
        "namespace": {"name": namespace, **draw(some(create=st.booleans()))},
        "accelerators": {
            name: {
                "available": max(1, gpus_wanted(models, name) + draw(st.integers(0, 8))),
                **draw(some(hourlyUsd=st.floats(0.01, 100), gpusPerNode=st.just(ACCELERATORS[name].max_per_node))),
            }
            for name in accelerators
        },
    }
    if dialect != "gpuOperator" or draw(st.booleans()):
        cluster["nodeLabels"] = dialect
    storage = st.just({"monthlyUsdPerGiB": 0.1, "classes": {"standard-rwx": 0.3}})
    cluster |= draw(some(runtimeClass=st.just("nvidia"), prePull=st.booleans(), storage=storage))
    config: dict[str, Any] = {"cluster": cluster, "models": models}
    if any(map(is_own_server, models.values())) or draw(st.booleans()):
        config["images"] = draw(images())
    if all("hourlyUsd" in pool for pool in cluster["accelerators"].values()) and draw(st.booleans()):
        config["budget"] = {"monthlyUsd": 1e9}
    config = draw(published(config | draw(_rest(monitored=any(map(scales, models.values()))))))
    if "monitoring" in config:
        for model in models.values():
            model.update(draw(some(objectives=objectives(model["engine"]["name"]))))
        config["monitoring"] |= draw(_outside(config["models"]))
        if not any("objectives" in model for model in models.values()):
            config["monitoring"] |= draw(some(rules=st.booleans()))
    if config.get("deletion", {}).get("protect"):
        for model in models.values():
            model.setdefault("lifecycle", {})["allowOutage"] = True
    return config


def _standalone() -> st.SearchStrategy[dict[str, Any]]:
    return some(
        retentionDays=st.integers(3, 400),
        sizeGiB=st.integers(5, 1000),
        storageClass=st.just("standard-rwo"),
        replicas=st.integers(1, 2),
        cpu=st.floats(0.1, 64),
        memoryGiB=st.integers(1, 512),
        alertmanager=st.booleans(),
        grafana=st.booleans(),
        apiServerRanges=st.just(["10.96.0.1/32", "fd00::/108"]),
    )


def _with_stores() -> st.SearchStrategy[dict[str, Any]]:
    """Monitoring of the stack's own whose collector sends to its stores, or to others beside them."""
    sizes = {"retentionDays": st.integers(1, 400), "sizeGiB": st.integers(1, 1000), "memoryGiB": st.integers(1, 512)}
    store = some(**sizes)
    with_own = st.tuples(_standalone(), some(loki=store, jaeger=store).filter(bool)).map(
        lambda parts: {**parts[0], **parts[1]}
    )
    return st.fixed_dictionaries(
        {"mode": st.just("standalone"), "standalone": with_own, "collector": st.just({}) | collectors()}
    )


def _outside(models: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """What is watched beside the models themselves."""
    probes = some(
        intervalSeconds=st.integers(61, 240),
        timeoutSeconds=st.integers(1, 59),
        certificateWarningDays=st.integers(31, 365),
        certificateCriticalDays=st.integers(1, 13),
        prober=st.just({"address": "https://prober.example.com/blackbox"}),
    )
    dcgm = some(namespace=st.just("kube-system"), labels=st.just({"app": "dcgm"}))
    return some(dcgm=dcgm, **({"probes": probes} if any("expose" in one for one in models.values()) else {}))


def _rest(*, monitored: bool) -> st.SearchStrategy[dict[str, Any]]:
    secret = st.fixed_dictionaries({"name": object_names(), "key": _text(_WORDS, _WORDS + "-_.", _WORDS, 40)})
    labels = st.dictionaries(st.sampled_from(["release", "prometheus", "example.com/team"]), label_values(), max_size=2)
    shared = {
        "namespace": dns_labels(),
        "prometheus": prometheus_addresses(),
        "kedaNamespace": dns_labels(),
        "runbooks": prometheus_addresses(),
        "grafanaAddress": prometheus_addresses(),
        "trafficFloor": st.floats(0.001, 100),
        "collector": collectors(),
    }
    operator = st.fixed_dictionaries({"mode": st.just("operator")}, optional={**shared, "labels": labels})
    own = st.fixed_dictionaries({"mode": st.just("standalone")}, optional={**shared, "standalone": _standalone()})
    monitoring = operator | own | _with_stores()
    sections = {
        "huggingface": some(hubReadSecret=secret, namespace=st.just("my-org")),
        "deletion": some(protect=st.booleans()),
    }
    # What scales on metrics needs somebody who scrapes them.
    if monitored:
        return st.fixed_dictionaries({"monitoring": monitoring}, optional=sections)
    return some(monitoring=monitoring, **sections)
