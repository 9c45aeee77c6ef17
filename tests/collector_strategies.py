"""Collectors that validate in the lab."""

from typing import Any

from hypothesis import strategies as st

_SECRETS = st.sampled_from(["tenant", "lf-public", "lf_secret.2"])
_HEADERS = st.dictionaries(st.sampled_from(["authorization", "x-scope-orgid"]), _SECRETS, max_size=2)
_INSIDE = st.sampled_from(["http://jaeger", "http://tempo.monitoring.svc:3200", "https://store.obs.svc.cluster.local"])
_OUTSIDE = st.sampled_from(["https://otlp.example.com", "https://10.1.2.3:8443"])


def _target(key: str, path: str, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    ports = {"podPort": st.integers(1, 65535)}
    ranges = {"ranges": st.lists(st.sampled_from(["10.1.0.0/16", "192.168.7.7/32"]), max_size=2, unique=True)}
    required = {name: value for name, value in more.items() if name != "headers"}
    optional = {name: value for name, value in more.items() if name == "headers"}
    return st.one_of(
        st.fixed_dictionaries({key: addresses.map(lambda one: one + path), **required}, optional=optional | further)
        for addresses, further in ((_INSIDE, ports), (_OUTSIDE, ranges))
    )


def collectors() -> st.SearchStrategy[dict[str, Any]]:
    """One that sends somewhere."""
    targets = {
        "tracesTo": _target("address", "", headers=_HEADERS),
        "logsTo": _target("address", "/otlp", headers=_HEADERS),
        "langfuse": _target("host", "", publicKey=_SECRETS, secretKey=_SECRETS),
    }
    more = {
        "keepContent": st.booleans(),
        "sampling": st.fixed_dictionaries(
            {}, optional={"percent": st.integers(0, 100), "slowSeconds": st.floats(0.001, 86_400)}
        ),
    }
    return st.one_of(
        st.fixed_dictionaries(
            {name: target}, optional={**{other: targets[other] for other in targets if other != name}, **more}
        )
        for name, target in targets.items()
    )
