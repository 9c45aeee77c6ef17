"""Who may do what: tokens, permissions, namespaces."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lab.hub.support import Caller, body

CALLS = [
    ("GET", "/v2/endpoint/lab-org"),
    ("POST", "/v2/endpoint/lab-org"),
    ("GET", "/v2/endpoint/lab-org/one"),
    ("PUT", "/v2/endpoint/lab-org/one"),
    ("DELETE", "/v2/endpoint/lab-org/one"),
    ("POST", "/v2/endpoint/lab-org/one/pause"),
    ("POST", "/v2/endpoint/lab-org/one/resume"),
    ("POST", "/v2/endpoint/lab-org/one/scale-to-zero"),
    ("GET", "/v2/endpoint/lab-org/one/replica"),
    ("GET", "/v2/endpoint/lab-org/one/logs"),
    ("GET", "/v3/endpoint/lab-org/one/logs"),
    ("GET", "/v2/endpoint/lab-org/one/open-metrics"),
    ("GET", "/v2/provider/lab-org"),
    ("GET", "/v2/provider/quotas/lab-org"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(
    ("token", "status"),
    [(None, 401), ("nobodys", 401), ("lab-invoke", 403), ("lab-read", 403), ("other-write", 403)],
)
def test_every_call_wants_a_token_that_may_manage(hub, method, path, token, status):
    hub.add_endpoint("one")
    with Caller(hub, token).http as http:
        answer = http.request(method, path, json=body())
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert answer.headers["x-request-id"]
    assert hub.endpoint("one").state == "running"


@pytest.mark.parametrize("token", ["lab-manage", "lab-write", "colleague-write", "lab-org-token"])
def test_members_of_the_organisation_may_manage(hub, token):
    with Caller(hub, token).http as http:
        assert http.post("/v2/endpoint/lab-org", json=body()).status_code == 200
        assert http.get("/v2/endpoint/lab-org/one").status_code == 200


def test_of_many_who_create_the_same_name_one_succeeds(hub):
    def create(_):
        with Caller(hub, "lab-manage").http as http:
            return http.post("/v2/endpoint/lab-org", json=body()).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(create, range(16))) == [200] + [409] * 15


def test_a_namespace_that_does_not_exist_is_refused_like_a_foreign_one(manager):
    assert manager.list(namespace="nobody").status_code == 403


def test_the_price_list_is_public_and_its_quotas_are_placeholders(hub):
    with Caller(hub, None).http as http:
        vendors = http.get("/v2/provider").json()["vendors"]
    quotas = [row["quota"] for vendor in vendors for region in vendor["regions"] for row in region["computes"]]
    assert {tuple(quota.values()) for quota in quotas} == {(0, 0)}


@pytest.mark.parametrize(
    ("kind", "token", "status"),
    [
        ("private", None, 401),
        ("private", "nobodys", 401),
        ("private", "lab-manage", 403),
        ("private", "other-write", 403),
        ("private", "lab-invoke", 200),
        ("private", "lab-write", 200),
        ("private", "lab-org-token", 200),
        ("authenticated", None, 401),
        ("authenticated", "nobodys", 401),
        ("authenticated", "other-write", 200),
        ("authenticated", "lab-manage", 200),
        ("public", None, 200),
        ("public", "nobodys", 200),
    ],
)
def test_who_may_call_an_endpoint(hub, kind, token, status):
    hub.add_endpoint("one", type=kind)
    with Caller(hub, token).http as http:
        assert http.get(f"/e/{hub.endpoint('one').id}/health").status_code == status


def test_whoever_may_not_call_wakes_nothing(hub, manager):
    hub.add_endpoint("one")
    manager.act("scale-to-zero")
    with Caller(hub, "other-write").http as http:
        http.get(f"/e/{hub.endpoint('one').id}/health")
    assert manager.state() == "scaledToZero"


def test_whoami_tells_the_account_and_the_permissions(hub):
    with Caller(hub, "lab-manage").http as http:
        me = http.get("/api/whoami-v2").json()
    assert (me["type"], me["name"], [org["name"] for org in me["orgs"]]) == ("user", "lab-user", ["lab-org"])
    access = me["auth"]["accessToken"]
    assert access["role"] == "fineGrained"
    assert access["fineGrained"]["scoped"][0]["permissions"] == ["inference.endpoints.write"]
    with Caller(hub, "lab-org-token").http as http:
        assert http.get("/api/whoami-v2").json()["type"] == "org"
    with Caller(hub, "nobodys").http as http:
        assert http.get("/api/whoami-v2").status_code == 401
