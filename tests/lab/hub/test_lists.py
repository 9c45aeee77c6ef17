"""Lists over pages: sixty endpoints, some of them somebody else's."""

import pytest


@pytest.fixture
def sixty(hub):
    """lab-org with sixty endpoints of two owners, and two of another organisation."""
    for number in range(60):
        ours = number % 3 == 0
        tags = ["team:search", "ours"] if ours else ["team:ads"]
        hub.world.catalogue.quotas["lab-org", "aws", "intel-spr"] = 100
        hub.add_endpoint(f"e-{number:02}", tags=tags, by="lab-user" if ours else "lab-colleague")
    hub.add_endpoint("foreign", namespace="other-org", by="other-user")
    return hub


def test_a_page_has_twenty_and_leads_to_the_next(sixty, manager):
    seen, cursor, pages = [], None, 0
    while True:
        answer = manager.list(**({"cursor": cursor} if cursor else {})).json()
        seen += [item["name"] for item in answer["items"]]
        pages += 1
        cursor = answer.get("nextCursor")
        if cursor is None:
            break
    assert pages == 3
    assert seen == [f"e-{number:02}" for number in range(60)]


def test_pages_lead_back(sixty, manager):
    first = manager.list().json()
    assert "prevCursor" not in first
    second = manager.list(cursor=first["nextCursor"]).json()
    assert manager.list(cursor=second["prevCursor"]).json() == first


def test_what_is_deleted_between_two_pages_moves_nothing(sixty, manager):
    first = manager.list().json()
    manager.delete("e-03")
    sixty.advance(10)
    second = manager.list(cursor=first["nextCursor"]).json()
    assert second["items"][0]["name"] == "e-20"


def test_a_page_can_be_larger_and_not_any_size(sixty, manager):
    assert len(manager.list(limit=50).json()["items"]) == 50
    assert "nextCursor" not in manager.list(limit=100).json()
    for limit in ("0", "101", "x"):
        assert manager.list(limit=limit).status_code == 400
    assert manager.list(cursor="nonsense").status_code == 400


def test_lists_filter_by_tags_and_text(sixty, manager):
    ours = manager.list(tags="ours", limit=100).json()["items"]
    assert len(ours) == 20
    assert {item["status"]["createdBy"]["name"] for item in ours} == {"lab-user"}
    assert manager.list(tags=["ours", "team:ads"]).json()["items"] == []
    assert len(manager.list(tags="team:search,ours", limit=100).json()["items"]) == 20
    assert [item["name"] for item in manager.list(search="E-07").json()["items"]] == ["e-07"]


def test_huggingface_hub_sees_the_first_page_alone(sixty, api):
    """Why this project does not use its list function."""
    assert len(api.list_inference_endpoints("lab-org")) == 20


def test_another_namespace_is_not_in_the_list(sixty, manager):
    names = [item["name"] for item in manager.list(limit=100).json()["items"]]
    assert "foreign" not in names
    assert manager.get("foreign").status_code == 404
    assert manager.list(namespace="other-org").status_code == 403
