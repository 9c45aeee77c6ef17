"""Hypothesis strategies for publication: the doors of a cluster, and who may come in through them."""

from typing import Any

from hypothesis import strategies as st

from tests.engine_strategies import is_own_server

_RANGES = st.lists(st.sampled_from(["35.191.0.0/16", "130.211.0.0/22", "fd12:3456::/48"]), max_size=2, unique=True)
_KEY_NAMES = st.lists(st.sampled_from(["callers-1", "callers-2", "k", "x" * 31]), min_size=1, max_size=2, unique=True)


@st.composite
def published(draw: st.DrawFn, config: dict[str, Any]) -> dict[str, Any]:
    """A valid configuration, with doors and some of its models behind them."""
    doors = draw(st.sampled_from([("existing",), ("own",), ("ingress",), ("existing", "ingress"), ()]))
    models = config["models"]
    config["cluster"] |= {key: value for door in doors for key, value in draw(_door(door)).items()}
    if draw(st.booleans()):
        config.setdefault("huggingface", {})["mirrorRanges"] = draw(_RANGES)
    if not doors:
        return config
    issued = doors != ("existing",) and draw(st.booleans())
    if issued:
        config["cluster"]["certIssuer"] = "letsencrypt"
    names = sorted(models)
    front = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    # The others answer to one name alone.
    rest = [name for name in names if name not in front and models[name]["engine"]["name"] in ("vllm", "tgi")]
    for index, name in enumerate(front):
        expose: dict[str, Any] = {"host": f"m{index}.example.com", **draw(_callers(models[name]))}
        if doors != ("existing",) and (not issued or draw(st.booleans())):
            expose["tlsSecret"] = "llm-tls"
        if index == 0 and rest and "ingress" not in doors:
            # A Secret of somebody else has the keys in the form of one engine.
            given = "keySecret" in expose and is_own_server(models[name])
            able = [
                other
                for other in rest
                if expose["auth"] != "engineKey" or (models[other]["engine"]["name"] == "vllm" and not given)
            ]
            expose["split"] = {other: draw(st.integers(0, 100 // len(able))) for other in able}
        models[name]["expose"] = expose
    return config


def _door(door: str) -> st.SearchStrategy[dict[str, Any]]:
    if door == "ingress":
        return st.sampled_from(["nginx", "f5-nginx"]).map(lambda name: {"ingress": {"controller": name}})
    gateway = (
        {"name": "public", "namespace": "gateways", "listener": "https"}
        if door == "existing"
        else {"className": "envoy", "podNamespace": "envoy-gateway-system"}
    )
    return _RANGES.map(lambda ranges: {"gateway": {**gateway, "ranges": ranges}})


def _callers(model: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    secret = st.just({"name": "caller-keys", "key": "keys.yaml"})
    keyed = [
        st.builds(lambda names: {"auth": "engineKey", "keys": names}, _KEY_NAMES),
        st.builds(lambda one: {"auth": "engineKey", "keySecret": one}, secret),
    ]
    return st.one_of(
        *(keyed if model["engine"]["name"] == "vllm" or is_own_server(model) else []),
        st.just({"auth": "gateway"}),
        st.just({"auth": "none", "allowPublic": True}),
    )
