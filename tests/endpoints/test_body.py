"""What is asked beside what is there: equal, to be changed, or another endpoint."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from endpoints.body import change, differences, observed, owner_of, replacing
from endpoints.catalogue import complaint
from endpoints.client import Raw
from endpoints.errors import EndpointsError
from endpoints.waiting import NotReadyError
from tests.blueprint.stack_files import resolve
from tests.endpoint_strategies import endpoint_configs
from tests.endpoints.support import (
    COMMIT,
    CUSTOM,
    ORG,
    OTHER_COMMIT,
    OWNER,
    SLEEPY,
    Desk,
    asked,
    body,
    count,
    emptied,
    finished,
)

EXAMPLES = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
HARDWARE = {
    # What the strategies say, and what the stand-in's catalogue has of that kind, in every size that they say.
    "gpu": {"instanceType": "nvidia-a100", "sizes": ("x1", "x2", "x4", "x8")},
    "cpu": {"instanceType": "intel-spr", "sizes": ("x1", "x2", "x4", "x8")},
    "neuron": {"instanceType": "inf2", "sizes": ("x1",)},
}


def echo(whole: dict[str, Any], **more: Any) -> Raw:
    """What the API answers about an endpoint of this body, with what it adds of its own."""
    raw = copy.deepcopy(whole)
    raw["compute"]["id"] = "aws-us-east-1-nvidia-l4-x1"
    raw["compute"]["scaling"] |= {"metric": "hardwareUsage", "threshold": None}
    raw["tags"] = [*raw["tags"], OWNER]
    return {**raw, "healthRoute": "/health", "notifications": {}, **more}


def on_sale(whole: dict[str, Any]) -> dict[str, Any]:
    """The body, on hardware that the stand-in has."""
    whole = copy.deepcopy(whole)
    kind = HARDWARE[whole["compute"]["accelerator"]]
    size = whole["compute"]["instanceSize"]
    whole["provider"] = {"vendor": "aws", "region": "us-east-1"}
    whole["compute"] |= {
        "instanceType": kind["instanceType"],
        "instanceSize": size if size in kind["sizes"] else kind["sizes"][0],
    }
    return whole


def bodies() -> st.SearchStrategy[dict[str, Any]]:
    """The bodies of valid endpoints, with everything that a stack file can say."""
    resolved = endpoint_configs().map(lambda config: resolve(config, "any").endpoints[0].body)
    return resolved.map(lambda whole: on_sale({**whole, "name": "one"}))


def with_quota(hub: Any) -> None:
    hub.world.catalogue.quotas.update(
        {(ORG, "aws", kind["instanceType"]): 1000 for kind in HARDWARE.values()}  # type: ignore[misc]
    )


# -- pure data


def test_what_the_server_adds_is_no_difference():
    whole = body()
    raw = echo(
        whole,
        experimentalFeatures={"cacheHttpResponses": False},
        type="private",
    )
    raw["compute"]["scaling"]["measure"] = {"hardwareUsage": None}
    raw["model"] |= {"secrets": {"TOKEN": None}, "fromCatalog": False}
    raw["model"]["image"]["vLLM"]["maxNumSeqs"] = 256
    del raw["model"]["command"], raw["route"], raw["privateService"], raw["cacheHttpResponses"]
    assert differences(whole, raw) == []
    assert observed(whole, raw) == whole


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("type", "public"),
        ("provider.region", "eu-west-1"),
        ("compute.instanceType", "nvidia-t4"),
        ("compute.instanceSize", "x4"),
        ("compute.scaling.minReplica", 0),
        ("compute.scaling.maxReplica", 7),
        ("compute.scaling.measure", {"pendingRequests": 2}),
        ("model.repository", "org/other"),
        ("model.revision", OTHER_COMMIT),
        ("model.framework", "custom"),
        ("model.task", "sentence-similarity"),
        ("model.image", {"tgi": {"url": "u"}}),
        ("model.args", []),
        ("model.args", None),
        ("model.command", ["sh"]),
        ("model.env", {"A": "1"}),
        ("tags", []),
        ("tags", ["owner:team-search", "more"]),
        ("route", {"domain": "d.example", "path": "/"}),
        ("cacheHttpResponses", True),
        ("privateService", {"accountId": "1", "region": "us-east-1"}),
    ],
)
def test_whatever_is_other_than_asked_is_a_difference_that_names_its_place(path, found):
    whole, raw = body(), echo(body())
    *parents, last = path.split(".")
    at = raw
    for parent in parents:
        at = at[parent]
    at[last] = found
    (row,) = differences(whole, raw)
    assert ".".join(row.path) == path
    assert str(row).startswith(f"{path}: asked ")


def test_a_branch_is_as_asked_at_whatever_commit_and_a_commit_only_at_itself():
    raw = echo(body(model__revision=COMMIT))
    assert differences(body(model__revision="main"), raw) == []
    assert differences(body(model__revision=OTHER_COMMIT), raw) != []


def test_a_paused_endpoint_may_have_no_replicas_whatever_is_asked():
    raw = echo(body(), status={"state": "paused"})
    raw["compute"]["scaling"] |= {"minReplica": 0, "maxReplica": 0}
    assert differences(body(), raw) == []
    assert len(differences(body(), {**raw, "status": {"state": "running"}})) == 2


def test_an_option_of_the_image_that_was_asked_for_is_compared_and_its_password_is_not():
    whole = body(model__image=CUSTOM)
    raw = echo(whole)
    raw["model"]["image"]["custom"]["credentials"] = {"username": "", "password": None}
    assert differences(whole, raw) == []
    raw["model"]["image"]["custom"]["port"] = 81
    assert [row.path for row in differences(whole, raw)] == [("model", "image")]


def test_the_tag_of_a_stack_says_whose_an_endpoint_is():
    assert owner_of(echo(body())) == OWNER
    assert owner_of(body()) is None
    assert owner_of({"tags": None}) is None


def test_a_change_holds_what_changes_and_nothing_else():
    assert change(body(), body()) == {}
    assert change(body(), body(model__env={"A": "1"})) == {"model": {"env": {"A": "1"}}}
    assert change(body(), body(compute__scaling__maxReplica=2)) == {"compute": {"scaling": {"maxReplica": 2}}}
    assert change(body(model__args=["a"]), body(model__args=None)) == {"model": {"args": []}}
    assert change(body(type="public"), body()) == {"type": "private"}
    assert change(body(tags=["a", "b"]), body(tags=["b", "a"])) == {}


def test_a_task_that_is_not_asked_for_any_more_is_left_to_the_server_which_takes_no_null():
    assert change(body(), body(model__task=None)) == {}


def test_a_route_is_changed_as_a_whole():
    """Whether the API merges routes or replaces them is not known; a whole one is right either way."""
    before, after = {"domain": "a.example", "path": "/v1"}, {"domain": "a.example", "path": "/v2"}
    assert change(body(route=before), body(route=after)) == {"route": after}
    assert change(body(route=before), body()) == {"route": None}


def test_another_model_brings_its_revision_along():
    """A model without one may be read as the latest, although the name of the branch has not changed."""
    before, after = body(model__revision="main"), body(model__revision="main", model__repository="org/other")
    assert change(before, after) == {"model": {"repository": "org/other", "revision": "main"}}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"name": "two"}, ("name",)),
        ({"provider__vendor": "gcp"}, ("provider", "vendor")),
        ({"provider__region": "eu-west-1"}, ("provider", "region")),
        ({"compute__accelerator": "cpu"}, ("compute", "accelerator")),
        ({"privateService": {"accountId": "1", "region": "r"}}, ("privateService",)),
        ({"model__image": CUSTOM}, ("model", "image")),
    ],
)
def test_what_only_another_endpoint_can_have_is_said_with_its_reason(changes, path):
    found = replacing(body(), body(**changes))
    assert list(found) == [path]
    assert len(found[path]) > 10


def test_everything_else_changes_in_place():
    after = body(
        type="public",
        compute__instanceType="nvidia-t4",
        compute__instanceSize="x4",
        compute__scaling=SLEEPY,
        model__repository="org/other",
        model__revision="main",
        model__image={"vLLM": {"url": "u"}},
        model__env={"A": "1"},
        tags=["a"],
        route={"domain": "d", "path": None},
        cacheHttpResponses=True,
    )
    assert replacing(body(), after) == {}


# -- against the stand-in


@EXAMPLES
@given(whole=bodies())
def test_any_valid_endpoint_is_accepted_and_as_asked(hub, whole):
    with_quota(emptied(hub))
    desk, wanted = Desk(hub), asked(body_=whole)
    made = desk.lifecycle().create(wanted)
    assert made is not None
    assert differences(whole, made) == []
    assert observed(whole, made) == whole
    assert owner_of(made) == OWNER
    assert complaint(desk.client().hardware(), whole, held=1000) is None
    # What is as asked is asked no second time.
    desk.lifecycle().update(wanted, wanted)
    assert count(hub, "update") == 0


@EXAMPLES
@given(before=bodies(), after=bodies(), data=st.data())
def test_any_endpoint_becomes_any_other_that_needs_no_replacement_by_one_change(hub, before, after, data):
    # What would replace it stays, and an engine's options stay with the hardware that they are for.
    after = on_sale({**after, "provider": before["provider"], "privateService": before["privateService"]})
    if set(after["model"]["image"]) != set(before["model"]["image"]):
        after["model"] = {**after["model"], "image": before["model"]["image"]}
        after["compute"]["instanceSize"] = before["compute"]["instanceSize"]
    after["compute"] |= {key: before["compute"][key] for key in ("accelerator", "instanceType")}
    if after["compute"]["instanceSize"] not in HARDWARE[after["compute"]["accelerator"]]["sizes"]:
        after["compute"]["instanceSize"] = "x1"
    if before["privateService"] is not None:
        after["type"] = "private"
    assume(not replacing(before, after))
    with_quota(emptied(hub))
    lifecycle = Desk(hub).lifecycle()
    lifecycle.create(asked(body_=before))
    if data.draw(st.booleans()):
        finished(hub)
    live = lifecycle.update(asked(body_=before), asked(body_=after))
    assert live is not None
    assert differences(after, live) == []
    assert count(hub, "update") == (0 if unchanged(before, after) else 1)
    # Nothing of the former settings is left over.
    (there,), (wanted,) = hub.endpoint("one").config["model"]["image"].values(), after["model"]["image"].values()
    assert set(there) - set(wanted) <= {"port", "healthRoute", "disableCustomKernels"}


def unchanged(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether the API is asked for nothing: the same, but for the order of tags and a task that is left to it."""

    def plain(whole: dict[str, Any]) -> dict[str, Any]:
        task = after["model"]["task"] and whole["model"]["task"]
        return {**whole, "tags": sorted(whole["tags"]), "model": {**whole["model"], "task": task}}

    return plain(before) == plain(after)


def test_another_branch_is_asked_for_although_the_api_names_commits_only(desk, hub):
    old, new = asked(model__revision="main"), asked(model__revision="dev")
    made = desk.lifecycle().create(old)
    live = desk.lifecycle().update(old, new)
    assert live["model"]["revision"] != made["model"]["revision"]


def test_an_option_that_is_not_asked_for_any_more_goes(desk, hub):
    image = body()["model"]["image"]["vLLM"]
    old, new = asked(model__image={"vLLM": {**image, "maxNumSeqs": 4}}), asked()
    desk.lifecycle().create(old)
    desk.lifecycle().update(old, new)
    assert "maxNumSeqs" not in hub.endpoint("one").config["model"]["image"]["vLLM"]


CLEARED = {
    "compute__scaling__measure": {"pendingRequests": 2},
    "route": {"domain": "llm.example.com", "path": "/v1"},
}
LISTS = {"model__args": ["a"], "model__command": ["sh"], "model__env": {"A": "1"}, "tags": ["a"]}


@pytest.mark.parametrize("nulls", ["422", "accept"])
@pytest.mark.parametrize("null_in_put", ["clear", "ignore"])
@pytest.mark.parametrize("path", [*CLEARED, *LISTS, "compute__scaling"])
def test_what_cannot_be_cleared_is_told_loudly(desk, hub, path, null_in_put, nulls):
    hub.switch(nulls=nulls, null_in_put=null_in_put)
    empty = {"model__env": {}, "tags": [], "compute__scaling": body()["compute"]["scaling"]}
    old = asked(**{path: {**CLEARED, **LISTS, "compute__scaling": SLEEPY}[path]})
    new = asked(**{path: empty.get(path)})
    desk.lifecycle().create(old)
    finished(hub)
    desk.lifecycle().update(old, new)
    assert count(hub, "update") == 1
    if null_in_put == "ignore" and path in CLEARED:
        with pytest.raises(NotReadyError, match="is not as asked") as told:
            desk.ready(new)
        assert path.replace("__", ".").split(".")[0] in str(told.value)
    else:
        assert differences(new.body, desk.ready(new)) == []


def test_hardware_that_the_catalogue_lacks_is_named_with_what_is_near(desk):
    rows = desk.client().hardware()
    key, said = complaint(rows, body(compute__instanceType="nvidia-l5"))
    assert key == "compute"
    assert "aws us-east-1 nvidia-l5 x1 is not in the catalogue. Nearest: aws us-east-1 nvidia-l4 x1" in said
    key, said = complaint(rows, body(compute__scaling__maxReplica=17))
    assert key == "compute.scaling.maxReplica"
    assert "17 replicas need 17 accelerators; 16 of the quota of 16 are left" in said
    assert complaint(rows, body()) is None


def test_hardware_that_cannot_be_read_is_an_error_of_the_api(desk, hub):
    hub.fault(operation="hardware", kind="invalid")
    with pytest.raises(EndpointsError, match="cannot be read"):
        desk.client().hardware()
