"""The life of an endpoint: every transition, with its moments, as a client sees it."""

import pytest

from tests.lab.hub.support import sleepy


def test_a_new_endpoint_waits_starts_loads_and_answers(hub, manager, invoker):
    created = manager.create()
    assert created.status_code == 200
    status = created.json()["status"]
    assert (status["state"], status["readyReplica"], status["targetReplica"]) == ("pending", 0, 1)
    assert status["message"] == "Endpoint waiting to be scheduled"
    assert "url" not in status

    hub.advance(10)
    assert manager.state() == "initializing"
    url = manager.status()["url"]

    hub.advance(30)
    running = manager.status()
    assert (running["state"], running["readyReplica"], running["url"]) == ("running", 1, url)
    health = invoker.http.get(f"{url}/health")
    assert (health.status_code, health.json()) == (503, {"error": "Loading model"})

    hub.advance(15)
    assert invoker.http.get(f"{url}/health").status_code == 200


def test_moments_are_written_with_different_precision_and_always_end_in_z(hub, manager):
    status = manager.create().json()["status"]
    assert status["createdAt"] == "2026-05-28T20:26:40.000000000Z"
    assert status["updatedAt"] == "2026-05-28T20:26:40.000Z"


def test_a_change_passes_through_updating_while_the_old_configuration_serves(hub, manager, invoker):
    hub.add_endpoint("one")
    url = manager.status()["url"]
    assert manager.put(model__args=["--max-model-len", "4096"]).json()["status"]["state"] == "updating"
    assert invoker.http.get(f"{url}/health").status_code == 200

    hub.advance(45)
    status = manager.status()
    assert (status["state"], status["url"]) == ("running", url)
    assert invoker.http.get(f"{url}/health").status_code == 200


def test_a_change_of_nothing_changes_nothing(hub, manager):
    hub.add_endpoint("one")
    before = manager.get().json()
    assert manager.put().json() == before
    assert manager.put(compute__scaling__maxReplica=1).json() == before


def test_a_failed_change_keeps_the_old_configuration_serving(hub, manager, invoker):
    hub.add_endpoint("one")
    url = manager.status()["url"]
    hub.fault(operation="rollout", kind="failed", message="CUDA out of memory")
    manager.put(model__image={"tgi": {"url": "ghcr.io/huggingface/text-generation-inference:3"}})
    hub.advance(45)

    view = manager.get().json()
    assert view["status"]["state"] == "updateFailed"
    assert view["status"]["errorMessage"] == "CUDA out of memory"
    assert list(view["model"]["image"]) == ["tgi"]
    generate = invoker.http.post(f"{url}/generate", json={"inputs": "hi"})
    assert generate.status_code == 404, "the old engine, which has no such route, serves"

    manager.put(model__image={"vLLM": {"url": "vllm/vllm-openai:v0.23.0"}})
    hub.advance(45)
    assert manager.state() == "running"


def test_a_start_can_fail(hub, manager):
    hub.fault(operation="start", kind="failed", message="Endpoint failed to start")
    manager.create()
    hub.advance(109)
    assert manager.state() == "initializing"
    hub.advance(1)
    status = manager.status()
    assert (status["state"], status["message"], status["readyReplica"]) == ("failed", "Endpoint failed to start", 0)

    assert manager.put(model__env={"A": "1"}).json()["status"]["state"] == "pending"
    hub.advance(40)
    assert manager.state() == "running"


def test_capacity_may_never_come(hub, manager):
    hub.fault(operation="start", kind="capacity")
    manager.create()
    hub.advance(86_400)
    assert manager.state() == "pending"
    assert manager.act("pause").json()["status"]["state"] == "paused"
    manager.act("resume")
    hub.advance(40)
    assert manager.state() == "running"


def test_pause_stops_at_once_drains_later_and_resume_brings_the_same_address_back(hub, manager):
    hub.add_endpoint("one")
    url = manager.status()["url"]
    paused = manager.act("pause").json()["status"]
    assert (paused["state"], paused["readyReplica"], paused["targetReplica"]) == ("paused", 1, 1)
    assert "url" not in paused
    hub.advance(5)
    drained = manager.status()
    assert (drained["readyReplica"], drained["targetReplica"]) == (0, 1), "targetReplica may stay while paused"

    assert manager.act("resume").json()["status"]["state"] == "pending"
    hub.advance(10)
    assert manager.state() == "initializing"
    hub.advance(30)
    assert (manager.state(), manager.status()["url"]) == ("running", url)


def test_pause_of_a_paused_and_resume_of_a_running_endpoint_are_refused(hub, manager):
    hub.add_endpoint("one")
    resumed = manager.act("resume")
    assert resumed.status_code == 400
    assert "already running" in resumed.text
    manager.act("pause")
    assert manager.act("pause").status_code == 400


def test_an_idle_endpoint_falls_asleep_and_keeps_its_address(hub, manager):
    hub.add_endpoint("one", compute=sleepy_compute(15))
    url = manager.status()["url"]
    hub.advance(15 * 60 - 1)
    assert manager.state() == "running"
    hub.advance(1)
    status = manager.status()
    assert (status["state"], status["url"], status["targetReplica"]) == ("scaledToZero", url, 0)
    hub.advance(5)
    assert manager.status()["readyReplica"] == 0


def test_requests_keep_an_endpoint_awake(hub, manager, invoker):
    hub.add_endpoint("one", compute=sleepy_compute(15))
    url = manager.status()["url"]
    hub.advance(14 * 60)
    invoker.http.get(f"{url}/health")
    hub.advance(14 * 60)
    assert manager.state() == "running"


def test_a_request_wakes_a_sleeping_endpoint(hub, manager, invoker):
    hub.add_endpoint("one", compute=sleepy_compute(15))
    url = manager.status()["url"]
    assert manager.act("scale-to-zero").json()["status"]["state"] == "scaledToZero"
    manager.get()
    hub.advance(60)
    assert manager.state() == "scaledToZero", "to look at it wakes nothing"

    assert invoker.http.get(f"{url}/health").status_code == 503
    assert manager.state() == "initializing"
    hub.advance(30)
    assert manager.state() == "running"


def test_an_endpoint_that_may_sleep_starts_awake(hub, manager):
    assert manager.create(**sleepy()).json()["status"]["targetReplica"] == 0
    hub.advance(40)
    status = manager.status()
    assert (status["state"], status["readyReplica"], status["targetReplica"]) == ("running", 1, 1)


def test_scale_to_zero_of_what_does_not_run_is_refused_and_of_what_sleeps_is_not(hub, manager):
    hub.add_endpoint("one")
    assert manager.act("scale-to-zero").status_code == 200
    assert manager.act("scale-to-zero").status_code == 200
    manager.act("pause")
    assert manager.act("scale-to-zero").status_code == 400


def test_a_change_of_a_sleeping_endpoint_waits_for_its_next_start(hub, manager):
    hub.add_endpoint("one", compute=sleepy_compute(15))
    manager.act("scale-to-zero")
    assert manager.put(model__env={"A": "1"}).json()["status"]["state"] == "scaledToZero"
    assert manager.put(compute__scaling={"minReplica": 1}).json()["status"]["state"] == "initializing"


def test_more_replicas_are_ready_once_the_change_is_rolled_out(hub, manager):
    hub.add_endpoint("one")
    manager.put(compute__scaling={"minReplica": 2, "maxReplica": 3})
    assert manager.status()["readyReplica"] == 1
    hub.advance(45)
    status = manager.status()
    assert (status["readyReplica"], status["targetReplica"]) == (2, 2)
    replicas = manager.http.get("/v2/endpoint/lab-org/one/replica").json()["items"]
    assert [item["status"] for item in replicas] == [{"stage": "running", "live": True}] * 2


@pytest.mark.parametrize(
    "state", ["pending", "initializing", "running", "updating", "paused", "failed", "scaledToZero"]
)
def test_everything_can_be_deleted_and_is_seen_for_a_moment_longer(hub, manager, state):
    reach(hub, manager, state)
    assert manager.delete().json() == {}
    assert manager.get().status_code == 200
    assert manager.delete().status_code == 404
    assert manager.put(tags=["x"]).status_code == 404
    assert manager.create().status_code == 409, "the name is taken until the deletion has come to its end"
    assert len(manager.list().json()["items"]) == 1

    hub.advance(2)
    gone = manager.get()
    assert (gone.status_code, gone.json()) == (404, {"error": "Endpoint not found"})
    assert manager.list().json()["items"] == []
    assert manager.create().status_code == 200


def test_the_address_of_a_deleted_endpoint_is_gone_at_once(hub, manager, invoker):
    hub.add_endpoint("one")
    url = manager.status()["url"]
    manager.delete()
    assert invoker.http.get(f"{url}/health").status_code == 404


def test_logs_tell_what_happened_also_of_what_sleeps(hub, manager):
    hub.fault(operation="start", kind="failed", message="OSError: model.safetensors not found")
    manager.create()
    hub.advance(110)
    text = manager.http.get("/v2/endpoint/lab-org/one/logs", params={"tail": 1}).text
    assert text.endswith("ERROR OSError: model.safetensors not found\n")
    (line,) = manager.http.get("/v3/endpoint/lab-org/one/logs", params={"level": "error"}).json()["items"]
    assert line["line"] == "OSError: model.safetensors not found"
    assert {"timestamp", "stream", "replica_id", "level"} <= line.keys()
    assert manager.http.get("/v3/endpoint/lab-org/one/logs/sse").status_code == 501


def sleepy_compute(minutes):
    return {
        "accelerator": "cpu",
        "instanceType": "intel-spr",
        "instanceSize": "x1",
        "scaling": {"minReplica": 0, "maxReplica": 1, "scaleToZeroTimeout": minutes},
    }


def reach(hub, manager, state):
    """An endpoint in that state."""
    if state == "failed":
        hub.fault(operation="start", kind="failed")
    manager.create()
    hub.advance({"pending": 0, "initializing": 10, "failed": 110}.get(state, 55))
    if state == "updating":
        manager.put(model__env={"A": "1"})
    if state in ("paused", "scaledToZero"):
        manager.act({"paused": "pause", "scaledToZero": "scale-to-zero"}[state])
    assert manager.state() == state
