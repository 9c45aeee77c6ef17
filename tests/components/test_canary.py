"""A canary: a workload of its own that answers a share of a model's requests, and leaves the model as it was."""

import logging
from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.manifests import differences
from tests.blueprint.stack_files import resolve
from tests.components.test_exposure import EXPOSE, GATEWAY, engine, published
from tests.strategies import lab_configs
from tests.support import manifests, merged, registered

CANARY = {"canary": {"share": 10, "revision": "next", "engine": {"maxModelLen": 4096}}}
TRACK = "llm-inference/track"


def tried(**sections):
    return merged(published(), {"models": {"m": CANARY}, **sections})


@pytest.fixture(scope="module")
def objects():
    return manifests(tried(monitoring={"mode": "operator"}))


@pytest.fixture(scope="module")
def before():
    return manifests(merged(published(), {"monitoring": {"mode": "operator"}}))


def test_a_canary_comes_and_goes_and_changes_nothing_of_its_model_but_the_route(before, objects):
    changed = {line.partition(".")[0] for line in differences(before, objects)}
    of_the_model = {key for key in changed if "m-canary" not in key}
    assert {key for key in before if key.endswith("/m")} > {"Deployment/m", "Service/m", "PodMonitor/m"}
    assert of_the_model == {"HTTPRoute/m"}


def test_the_shares_of_the_route_sum_up_to_all_requests(objects):
    (rule,) = objects["HTTPRoute/m"]["spec"]["rules"]
    assert {one["name"]: one["weight"] for one in rule["backendRefs"]} == {"m": 90, "m-canary": 10}


def test_no_selector_of_one_finds_pods_of_the_other(objects):
    pods = {name: objects[f"Deployment/{name}"]["spec"]["template"]["metadata"]["labels"] for name in ("m", "m-canary")}
    for name, other in (("m", "m-canary"), ("m-canary", "m")):
        selectors = [
            objects[f"Deployment/{name}"]["spec"]["selector"]["matchLabels"],
            objects[f"Service/{name}"]["spec"]["selector"],
            objects[f"PodMonitor/{name}"]["spec"]["selector"]["matchLabels"],
            objects[f"PodDisruptionBudget/{name}"]["spec"]["selector"]["matchLabels"],
            objects[f"NetworkPolicy/{name}"]["spec"]["podSelector"]["matchLabels"],
        ]
        for selector in selectors:
            assert selector.items() <= pods[name].items()
            assert not selector.items() <= pods[other].items()
            assert TRACK not in selector


def test_pods_scrape_and_rules_of_a_canary_alone_carry_its_track(objects):
    for name, track in (("m", None), ("m-canary", "canary")):
        labels = objects[f"Deployment/{name}"]["spec"]["template"]["metadata"]["labels"]
        assert labels.get(TRACK) == track
        (endpoint,) = objects[f"PodMonitor/{name}"]["spec"]["podMetricsEndpoints"]
        scraped = {one["targetLabel"]: one["replacement"] for one in endpoint.get("relabelings", [])}
        assert scraped.get("track") == track
        rules = [rule for group in objects[f"PrometheusRule/{name}"]["spec"]["groups"] for rule in group["rules"]]
        assert {rule["labels"].get("track") for rule in rules} == {track}


def test_a_prometheus_without_operator_scrapes_the_track_too():
    objects = manifests(tried(monitoring={"mode": "standalone"}))
    config = yaml.safe_load(objects["ConfigMap/llm-prometheus"]["data"]["prometheus.yaml"])
    jobs = {job["job_name"]: job["relabel_configs"] for job in config["scrape_configs"]}
    track = {"target_label": "track", "replacement": "canary"}
    assert track in jobs["llm/m-canary"]
    assert track not in jobs["llm/m"]


def test_callers_notice_nothing_of_which_one_answers(objects):
    """The same names, the same keys."""
    names = {}
    for name in ("m", "m-canary"):
        arguments = engine(objects, name)["args"]
        start = arguments.index("--served-model-name") + 1
        names[name] = arguments[start : arguments.index("--host=0.0.0.0")]
        assert "--config" in arguments
    assert names["m"] == names["m-canary"] == ["m", "Qwen/Qwen2.5-1.5B-Instruct"]


def test_a_canary_has_what_it_tries_and_the_rest_of_its_model(objects):
    stable, canary = (set(engine(objects, name)["args"]) for name in ("m", "m-canary"))
    assert {one for one in canary - stable if one.startswith("--max")} == {"--max-model-len=4096"}
    assert "--revision=next" in canary
    assert objects["Deployment/m-canary"]["spec"]["replicas"] == 1


def test_the_route_waits_for_the_canary():
    """A share that is sent to a model while it loads fails for minutes."""
    order = [one.name for one in registered(tried())]
    assert order.index("m-canary-deployment") < order.index("m-exposure-route")


def test_a_canary_goes_as_a_whole_even_where_nothing_may_be_deleted():
    objects = manifests(tried(deletion={"keepWeights": True}))
    kept = {
        name: "pulumi.com/patchForce" in objects[f"PersistentVolumeClaim/{name}-cache"]["metadata"]["annotations"]
        for name in ("m", "m-canary")
    }
    assert kept == {"m": True, "m-canary": False}


def test_its_gpus_are_counted_and_said_before(caplog):
    with caplog.at_level(logging.WARNING):
        registered(tried())
    (said,) = [one.getMessage() for one in caplog.records if "models.m.canary:" in one.getMessage()]
    assert "it is the same" not in said
    assert "10 % of the requests go to it, and it takes 1 more nvidia-l4 (6 of 8 stay spare)" in said
    assert "10 GiB for its own copy of the weights" in said
    assert "llm canary judge m --stack dev" in said


def test_it_is_said_when_a_canary_takes_the_spare_gpu_of_rollouts(caplog):
    with caplog.at_level(logging.WARNING):
        registered(tried(cluster={"accelerators": {"nvidia-l4": {"available": 2}}}))
    (said,) = [one.getMessage() for one in caplog.records if "and it takes 1 more" in one.getMessage()]
    assert "the spare GPU of rollouts: the old replica of m goes first while it is there" in said


def test_a_canary_that_tries_nothing_is_said(caplog):
    with caplog.at_level(logging.WARNING):
        registered(merged(published(), {"models": {"m": {"canary": {"share": 10, "revision": "main"}}}}))
    assert any("models.m.canary: it is the same as the model" in one.getMessage() for one in caplog.records)


@st.composite
def beside_a_canary(draw):
    """A valid configuration, one model of which is published and has a canary; that model's name."""
    config = draw(lab_configs())
    for model in config["models"].values():
        model.pop("expose", None)
    for key in ("ingress", "certIssuer"):
        config["cluster"].pop(key, None)
    config.get("monitoring", {}).pop("probes", None)
    for pool in config["cluster"].get("accelerators", {}).values():
        pool["available"] += 100
    config["cluster"]["gateway"] = GATEWAY
    # What is longer leaves no room for the canary's name, and is refused.
    name = draw(st.sampled_from(sorted(config["models"])).filter(lambda one: len(one) <= 33))
    model = config["models"][name]
    model["expose"] = {"host": EXPOSE["host"], "auth": "gateway"}
    # A bucket has no revisions.
    revision = {} if "source" in model else {"revision": "next"}
    model["canary"] = {"share": draw(st.integers(0, 100)), **revision}
    return config, name


@settings(max_examples=25, deadline=None)
@given(drawn=beside_a_canary())
def test_any_model_may_have_one_and_stays_what_it_was_but_for_the_shares(drawn):
    config, name = drawn
    model = config["models"][name]
    plain = {key: value for key, value in model.items() if key != "canary"}
    before = {one.name: one for one in resolve({**config, "models": {**config["models"], name: plain}}).workloads}
    after = {one.name: one for one in resolve(config).workloads}
    canary = after.pop(f"{name}-canary")
    assert canary.stable == name
    assert canary.engine.served_name == after[name].engine.served_name or canary.engine.name == "tgi"
    share = model["canary"]["share"]
    shares = {one.service: one.weight for one in after[name].exposure.value.backends}
    assert shares == {after[name].object_name: 100 - share, canary.object_name: share}
    assert {one: _unshared(workload) for one, workload in after.items()} == {
        one: _unshared(workload) for one, workload in before.items()
    }


def _unshared(workload):
    """What it is, less its shares and how many GPUs are spare beside it."""
    return replace(workload, exposure=None, rollout=workload.rollout.value)
