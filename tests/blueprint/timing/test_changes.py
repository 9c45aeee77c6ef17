"""What a change does to models that run: told before, from two descriptions."""

import pytest

from blueprint.timing.changes import interruptions
from endpoints.body import replacing
from tests.blueprint.stack_files import ENDPOINT, MODEL, PROD, edited, resolve
from tests.blueprint.timing.test_start import sized, stack


def changes(after, before=None, *, facts=None):
    old, new = (stack(*(edit,) if edit else (), facts=facts) for edit in (before, after))
    return {one.model: one for one in interruptions(old, new, replacing=replacing)}


def available(gpus):
    return {"cluster.accelerators.nvidia-l4.available": gpus}


@pytest.mark.parametrize(
    ("edit", "kind", "why"),
    [
        ({}, "nothing", []),
        ({"models.m.engine.maxModelLen": 4096}, "restarts", ["engine (arguments): --max-model-len"]),
        ({"models.m.owner": "team-chat"}, "restarts", ["owner"]),
        ({"models.m.revision": "v2"}, "restarts", ["engine (arguments): --revision"]),
        (
            {"models.m.lifecycle": {"drainSeconds": 5}},
            "restarts",
            ["engine (arguments): --shutdown-timeout", "lifecycle.drainSeconds"],
        ),
        ({"models.m.lifecycle": {"loadSeconds": 5}}, "nothing", []),
        ({"models.m.cache.sizeGiB": 20}, "changes", []),
        ({"models.m.cache.storageClass": "fast"}, "replaced", ["cache.storageClass"]),
        ({"models.m.cache": {"mode": "perReplica", "sizeGiB": 10}}, "replaced", ["Deployment to StatefulSet"]),
        ({"cluster.namespace.name": "other"}, "replaced", ["cluster.namespace.name"]),
    ],
    ids=lambda value: next(iter(value), "none") if isinstance(value, dict) else "",
)
def test_each_change_is_called_what_it_is(edit, kind, why):
    one = changes(edit)["m"]
    assert (one.kind, list(one.why)) == (kind, why)


def test_a_model_beside_it_is_no_change_and_the_spare_gpu_that_it_takes_is_one():
    assert changes({"models.n": ONE})["m"].kind == "nothing"
    assert changes({**available(2), "models.n": ONE}, available(2))["m"].kind == "changes"


def test_fixed_replicas_scale_without_a_restart():
    old, new = {"models.m.scaling": {"min": 3, "max": 3}}, {"models.m.scaling": {"min": 4, "max": 4}}
    more, fewer = changes(new, old)["m"], changes(old, new)["m"]
    assert (more.kind, more.why, more.offline.worst) == ("scales", ["scaling: 3 to 3, then 4 to 4"], 0)
    assert more.lasts.worst > 0
    assert (fewer.kind, fewer.lasts.worst) == ("scales", 0)


def test_with_a_spare_gpu_the_new_replica_comes_first_and_what_is_doubled_has_its_price():
    priced = {"cluster.accelerators.nvidia-l4.hourlyUsd": 3.6}
    one = changes({**priced, "models.m.owner": "b"}, priced, facts=sized(16))["m"]
    assert (one.order, one.offline.worst, one.extra_gpus, one.waits) == ("create first", 0, 1, "no")
    assert one.extra_usd == pytest.approx(one.lasts.likely * 3.6 / 3600)


def test_without_one_the_old_replica_goes_first_and_callers_wait_for_drain_and_start():
    tight = available(1)
    one = changes({**tight, "models.m.owner": "b"}, tight, facts=sized(16))["m"]
    start = stack(tight, facts=sized(16)).starts["m"].without("image").replica
    assert (one.order, one.extra_gpus) == ("delete first", 0)
    assert (one.offline.best, one.offline.likely) == (15 + start.best, 15 + 60 + start.likely)


def test_of_several_replicas_without_a_spare_gpu_one_at_a_time_does_not_answer():
    two = {**available(2), "models.m.scaling": {"min": 2, "max": 2}}
    one = changes({**two, "models.m.owner": "b"}, two, facts=sized(16))["m"]
    assert (one.offline.worst, one.notes) == (0, ("1 of 2 replicas at a time do not answer",))
    each = stack(two, facts=sized(16)).starts["m"].without("image").replica
    assert one.lasts.likely == 2 * (each.likely + 15 + 60)


def test_another_image_is_pulled_and_the_same_is_not():
    same = changes({"models.m.owner": "b"}, facts=sized(16))["m"]
    other = changes({"models.m.engine.version": "0.33.0"}, facts=sized(16))["m"]
    assert other.lasts.likely - same.lasts.likely >= 230


def test_weights_that_a_replica_of_its_own_keeps_are_not_downloaded_again():
    own = {"models.m.cache": {"mode": "perReplica", "sizeGiB": 40}}
    same = changes({**own, "models.m.owner": "b"}, own, facts=sized(16))["m"]
    other = changes({**own, "models.m.revision": "v2", "models.m.engine.maxNumSeqs": 8}, own)["m"]
    start = stack(own, facts=sized(16)).starts["m"]
    assert same.offline.worst == 15 + 60 + start.without("image", "download").replica.worst
    assert other.at_least
    none = {"models.m.cache": {"mode": "none", "sizeGiB": 40}}
    again = changes({**none, "models.m.owner": "b"}, none, facts=sized(16))["m"]
    assert again.lasts.worst == 15 + 60 + stack(none, facts=sized(16)).starts["m"].without("image").replica.worst


def test_a_revision_is_downloaded_by_a_job_while_the_old_replica_answers():
    one = changes({"models.m.revision": "v2"})["m"]
    assert one.first[0].startswith("a Job verifies Qwen/Qwen2.5-1.5B-Instruct@v2 in the cache")
    assert changes({"models.m.owner": "b"})["m"].first == ()
    none = {"models.m.cache": {"mode": "none", "sizeGiB": 10}}
    assert changes({**none, "models.m.revision": "v2"}, none)["m"].first == ()


ONE, TWO = {**MODEL, "scaling": {"min": 1, "max": 1}}, {**MODEL, "scaling": {"min": 2, "max": 2}}


@pytest.mark.parametrize(
    ("gpus", "before", "after", "model", "waits"),
    [
        (2, {"m": ONE}, {"m": ONE, "n": ONE}, "n", "no"),
        # What goes is deleted at the end: until then the new one has no GPU.
        (2, {"m": TWO}, {"n": ONE}, "n", "yes"),
        (3, {"m": TWO}, {"n": ONE}, "n", "no"),
        (2, {"m": ONE, "n": ONE}, {"m": {**ONE, "owner": "b"}}, "m", "yes"),
        (3, {"m": ONE, "n": ONE}, {"m": {**ONE, "owner": "b"}}, "m", "no"),
        (2, {"m": ONE, "n": ONE}, {"m": TWO}, "m", "yes"),
        # Another kind of object is made beside the old one.
        (1, {"m": ONE}, {"m": {**ONE, "cache": {"mode": "perReplica", "sizeGiB": 10}}}, "m", "yes"),
        (2, {"m": ONE}, {"m": {**ONE, "cache": {"mode": "perReplica", "sizeGiB": 10}}}, "m", "no"),
        # A rollout that takes the old one away first needs none.
        (1, {"m": ONE}, {"m": {**ONE, "owner": "b"}}, "m", "no"),
    ],
)
def test_what_waits_for_a_gpu_that_is_given_up_only_at_the_end_is_said_to_hang(gpus, before, after, model, waits):
    one = changes({**available(gpus), "models": after}, {**available(gpus), "models": before})[model]
    assert one.waits == waits
    assert bool(one.waits_why) == (waits != "no")


def test_what_a_scaler_may_hold_may_be_in_the_way():
    scaled = {"monitoring": {"mode": "operator"}, **available(4)}
    m, n = {**MODEL, "scaling": {"min": 1, "max": 2}}, {**MODEL, "scaling": {"min": 2, "max": 2}}
    before, after = {**scaled, "models": {"m": m, "old": ONE}}, {**scaled, "models": {"m": m, "n": n}}
    one = changes(after, before)["n"]
    assert (one.waits, one.waits_why) == ("may", "5 nvidia-l4 of 4 are needed until old is deleted")


def test_what_cannot_be_done_in_place_is_said_to_fail():
    one = changes({"models.m.cache.storageClass": "fast"})["m"]
    assert one.fails.startswith("a claim cannot go while replicas mount it")
    sized_anew = {"mode": "perReplica", "sizeGiB": 20}
    own = {"models.m.cache": {**sized_anew, "sizeGiB": 10}}
    replaced = changes({"models.m.cache": sized_anew}, own, facts=sized(16))["m"]
    assert (replaced.kind, replaced.order, replaced.fails) == ("replaced", "delete first", None)
    start = stack({"models.m.cache": sized_anew}, facts=sized(16)).starts["m"]
    assert replaced.offline.worst == 15 + 60 + start.without("image").replica.worst


def test_what_is_protected_is_neither_deleted_nor_replaced():
    guarded = {"deletion": {"protect": True}, "models.m.lifecycle": {"allowOutage": True}}
    gone = {**guarded, "models": {"n": {**ONE, "lifecycle": {"allowOutage": True}}}}
    own = {**guarded, "models.m.cache": {"mode": "none", "sizeGiB": 10}}
    gone.pop("models.m.lifecycle")
    assert changes(gone, guarded)["m"].fails.startswith("deletion.protect guards it")
    assert changes(gone, own)["m"].fails is None
    assert changes({**guarded, "cluster.namespace.name": "other"}, guarded)["m"].fails is not None
    assert changes({**guarded, "models.m.owner": "b"}, guarded)["m"].fails is None
    endpoint = {"deletion": {"protect": True}, "models": {"e": ENDPOINT}}
    assert changes({**endpoint, "models.e.instance.region": "eu-west-1"}, endpoint)["e"].fails is not None
    assert changes({**endpoint, "models": {}}, endpoint)["e"].fails is not None
    assert changes({**endpoint, "models.e.revision": "v2"}, endpoint)["e"].fails is None


def test_a_model_that_comes_or_goes_or_is_renamed():
    found = changes({"models": {"n": ONE}})
    assert (found["n"].kind, found["m"].kind) == ("new", "deleted")
    renamed = changes({"models": {"n": {**ONE, "formerly": ["m"]}}})
    assert {name: (one.kind, one.why[0]) for name, one in renamed.items()} == {"n": ("restarts", "the model's name")}


def test_another_cluster_has_gpus_of_its_own_and_everything_is_made_there():
    old, new = resolve(PROD), resolve(edited(PROD, {"cluster.id": "prod-us", "cluster.context": "us"}))
    for one in interruptions(old, new, replacing=replacing):
        assert (one.kind, one.order, one.why, one.waits) == ("replaced", "create first", ["cluster.id"], "no")
        assert one.notes == ("its address changes; what is stored stays behind",)


ENDPOINTS = {"models": {"e": ENDPOINT}}


@pytest.mark.parametrize(
    ("edit", "kind", "order"),
    [
        ({}, "nothing", None),
        ({"models.e.scaling": {"min": 0, "max": 3}}, "changes", None),
        ({"models.e.tags": ["x"]}, "changes", None),
        ({"models.e.owner": "team-chat"}, "changes", None),
        ({"models.e.engine.maxNumSeqs": 64}, "restarts", None),
        ({"models.e.environment": {"A": "b"}}, "restarts", None),
        ({"models.e.revision": "v2"}, "restarts", None),
        ({"models.e.instance.type": "nvidia-a10g"}, "restarts", None),
        ({"models.e.instance.region": "eu-west-1"}, "replaced", "delete first"),
        ({"models.e.endpointName": "other"}, "replaced", "create first"),
        ({"models.e.engine": {"name": "huggingface"}}, "replaced", "delete first"),
        ({"models.e.state": "paused"}, "changes", None),
    ],
    ids=lambda value: next(iter(value), "none") if isinstance(value, dict) else "",
)
def test_each_change_of_an_endpoint_is_called_what_it_is(edit, kind, order):
    one = changes({**ENDPOINTS, **edit}, ENDPOINTS, facts=sized(16))["e"]
    assert (one.kind, one.order) == (kind, order)
    if kind == "restarts":
        assert one.offline is None
        assert one.notes == ("whether the old replicas answer meanwhile is not documented",)
    if order:
        assert (one.offline.worst > 0) == (order == "delete first")


def test_an_endpoint_that_is_woken_is_off_line_until_it_has_started():
    paused = edited(ENDPOINTS, {"models.e.state": "paused"})
    assert changes(ENDPOINTS, paused, facts=sized(16))["e"].offline.worst > 0
    assert changes(paused, ENDPOINTS)["e"].offline is None
    assert changes(paused)["e"].lasts.worst == 0


def test_all_of_it_is_plain_data():
    data = changes({"models.m.owner": "b"}, facts=sized(16))["m"].data()
    assert {key: data[key] for key in ("model", "kind", "why", "order", "waitsForGpu")} == {
        "model": "m",
        "kind": "restarts",
        "why": ["owner"],
        "order": "create first",
        "waitsForGpu": "no",
    }
    assert set(data["offlineSeconds"]) == {"best", "likely", "worst"}
    assert changes({"models": {}})["m"].data()["offlineSeconds"] is None
