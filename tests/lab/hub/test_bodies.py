"""Bodies: where the service is strict, where it coerces, and what it drops without a word."""

import pytest

from tests.lab.hub.support import body, sleepy

ECHO_OF_CREATE = {
    "name": "one",
    "type": "private",
    "healthRoute": "/health",
    "tags": [],
    "notifications": {},
    "experimentalFeatures": {"cacheHttpResponses": False},
    "provider": {"vendor": "aws", "region": "us-east-1"},
    "compute": {
        "id": "aws-us-east-1-nvidia-l4-x1",
        "accelerator": "gpu",
        "instanceType": "nvidia-l4",
        "instanceSize": "x1",
        "scaling": {
            "minReplica": 1,
            "maxReplica": 1,
            "scaleToZeroTimeout": None,
            "metric": "hardwareUsage",
            "measure": {"hardwareUsage": None},
        },
    },
    "model": {
        "repository": "Qwen/Qwen2.5-1.5B-Instruct",
        "revision": "989aa7980e4cf806f80c7fef2b1adb7bc71aa306",
        "framework": "pytorch",
        "task": "text-generation",
        "image": {"vLLM": {"url": "vllm/vllm-openai:v0.23.0", "port": 8000, "healthRoute": "/health"}},
        "env": {},
        "secrets": {},
    },
}


def test_the_answer_is_the_body_with_what_the_service_adds(manager):
    created = manager.create().json()
    del created["status"]
    assert created == ECHO_OF_CREATE


REFUSED = {
    "no name": ({"name": ...}, "body: missing field `name`"),
    "name in capitals": ({"name": "One"}, "name: Must only contains lowercase alphanumeric characters or '-'"),
    "name too long": ({"name": "n" * 33}, "name: Must only contains"),
    "no type": ({"type": ...}, "body: missing field `type`"),
    "no compute": ({"compute": ...}, "body: missing field `compute`"),
    "no provider": ({"provider": ...}, "body: missing field `provider`"),
    "no model": ({"model": ...}, "body: missing field `model`"),
    "no image": ({"model__image": ...}, "model: missing field `image`"),
    "no repository": ({"model__repository": ...}, "model: missing field `repository`"),
    "no framework": ({"model__framework": ...}, "model: missing field `framework`"),
    "unknown framework": ({"model__framework": "jax"}, "model.framework: unknown variant `jax`"),
    "image without url": ({"model__image": {"vLLM": {"port": 8000}}}, "model.image.vLLM: missing field `url`"),
    "image of no engine": ({"model__image": {"vllm": {"url": "x"}}}, "model.image: unknown variant `vllm`"),
    "two images": ({"model__image": {"tgi": {"url": "x"}, "tei": {"url": "x"}}}, "model.image: expected exactly one"),
    "empty image": ({"model__image": {}}, "model.image: expected a variant"),
    "port as text": ({"model__image": {"vLLM": {"url": "x", "port": "80"}}}, "model.image.vLLM.port: invalid type"),
    "env that is no text": ({"model__env": {"A": 1}}, "model.env.A: invalid type: expected a string"),
    "args as text": ({"model__args": "--x"}, "model.args: invalid type: expected a sequence"),
    "no replicas at most": ({"compute__scaling": {"minReplica": 0, "maxReplica": 0}}, "maxReplica: must be at least 1"),
    "least above most": ({"compute__scaling": {"minReplica": 2, "maxReplica": 1}}, "must not be greater than"),
    "negative least": ({"compute__scaling": {"minReplica": -1, "maxReplica": 1}}, "minReplica: must be at least 0"),
    "replicas as boolean": ({"compute__scaling__maxReplica": True}, "maxReplica: invalid type: expected an integer"),
    "time-out of what never sleeps": ({"compute__scaling__scaleToZeroTimeout": 15}, "requires minReplica to be 0"),
    "two measures": (
        {"compute__scaling__measure": {"hardwareUsage": 80, "pendingRequests": 1}},
        "compute.scaling.measure: expected one of",
    ),
    "measure of nothing": ({"compute__scaling__measure": {"pendingRequests": 0}}, "must be a positive number"),
    "hardware that is not there": (
        {"compute__instanceType": "nvidia-l5"},
        "compute: no gpu nvidia-l5 x1 in aws us-east-1",
    ),
    "hardware of another region": ({"provider__region": "eu-west-2"}, "compute: no gpu nvidia-l4 x1 in aws eu-west-2"),
    "hardware of another kind": ({"compute__accelerator": "cpu"}, "compute: no cpu nvidia-l4 x1"),
    "deprecated hardware": ({"compute__instanceType": "nvidia-h100"}, "nvidia-h100-x1 is deprecated"),
    "several GPUs without a size": ({"compute__instanceSize": "x4"}, "`tensorParallelSize` is required on 4 GPUs"),
    "sizes that do not fit": (
        {"compute__instanceSize": "x4", "model__image": {"vLLM": {"url": "x", "tensorParallelSize": 2}}},
        "is 2, the instance has 4 GPUs",
    ),
    "reserved variable": (
        {"model__image": {"llamacpp": {"url": "x"}}, "model__env": {"LLAMA_ARG_PORT": "1"}},
        "model.env: `LLAMA_ARG_PORT` is reserved",
    ),
    "registry without a user": (
        {"model__image": {"custom": {"url": "x", "credentials": {"password": "p"}}}},
        "model.image.custom.credentials: missing field `username`",
    ),
    "revision that is not there": ({"model__revision": "dev"}, "model.revision: revision `dev` not found"),
    "tags as text": ({"tags": "a"}, "tags: invalid type: expected a sequence"),
    "route without a domain": ({"route": {"path": "/v1"}}, "route: missing field `domain`"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(manager, case):
    changes, complaint = REFUSED[case]
    answer = manager.http.post("/v2/endpoint/lab-org", json=body(**changes))
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"].startswith("VALIDATION_FAILED: ")
    assert complaint in answer.json()["error"]
    assert manager.list().json()["items"] == []


@pytest.mark.parametrize("field", ["task", "secrets"])
def test_some_nulls_are_refused_with_422(hub, manager, field):
    assert manager.create(**{f"model__{field}": None}).status_code == 422
    hub.add_endpoint("one")
    assert manager.put(**{f"model__{field}": None}).status_code == 422


def test_a_body_that_is_no_json_is_refused(manager):
    assert manager.http.post("/v2/endpoint/lab-org", content=b"{").status_code == 400
    assert manager.http.post("/v2/endpoint/lab-org", content=b"").status_code == 400


DROPPED = {
    "of the top": {"healthRoute": "/dropped", "dropped": 1},
    "health_route of an image": {"model__image": {"vLLM": {"url": "x", "health_route": "/dropped"}}},
    "environment in an image": {"model__image": {"vLLM": {"url": "x", "env": {"A": "dropped"}}}},
    "another engine's setting": {"model__image": {"tgi": {"url": "x", "kvCacheDtype": "dropped"}}},
    "of compute": {"compute__dropped": True},
    "of scaling": {"compute__scaling__dropped": "x"},
}


@pytest.mark.parametrize("case", DROPPED)
def test_unknown_keys_are_dropped_without_a_word(hub, manager, case):
    answer = manager.create(**DROPPED[case])
    assert answer.status_code == 200
    assert "dropped" not in answer.text
    hub.add_endpoint("two")
    changed = manager.put("two", **DROPPED[case])
    assert changed.status_code == 200
    assert "dropped" not in changed.text


def test_an_unknown_type_becomes_private(manager):
    assert manager.create(type="protected").json()["type"] == "private"


def test_a_revision_is_kept_as_the_commit_that_it_means_now(hub, manager):
    repository = hub.world.repositories.get("lab-org/tiny")
    main, previous = repository.branches["main"], repository.branches["previous"]
    created = manager.create(model__repository="lab-org/tiny", model__revision="previous").json()
    assert created["model"]["revision"] == previous
    assert manager.put(model__revision="main").json()["model"]["revision"] == main
    assert manager.put(model__revision=previous).json()["model"]["revision"] == previous
    assert manager.put(model__task="text-generation").json()["model"]["revision"] == previous
    assert manager.put(model__revision=None).json()["model"]["revision"] == main


def test_secrets_and_registry_passwords_never_come_back(hub, manager):
    image = {"custom": {"url": "x", "credentials": {"username": "robot", "password": "opensesame"}}}
    view = manager.create(model__secrets={"HF_TOKEN": "opensesame"}, model__image=image)
    assert view.json()["model"]["secrets"] == {"HF_TOKEN": None}
    custom = view.json()["model"]["image"]["custom"]
    assert custom["credentials"] == {"username": "", "password": None}
    assert custom["port"] == 80
    assert "opensesame" not in view.text + manager.get().text + str(hub.world.endpoints) + str(hub.requests)


def test_a_secret_with_another_value_is_a_change_and_one_with_the_same_is_not(hub, manager):
    hub.add_endpoint("one")
    manager.put(model__secrets={"A": "1"})
    hub.advance(45)
    assert manager.put(model__secrets={"A": "1"}).json()["status"]["state"] == "running"
    assert manager.put(model__secrets={"A": "2"}).json()["status"]["state"] == "updating"


def test_a_change_merges_scalars_and_replaces_the_rest_whole(manager):
    manager.create(
        model__env={"A": "1"},
        model__args=["--a"],
        model__image={"vLLM": {"url": "x", "port": 8000, "maxNumSeqs": 8}},
        tags=["a"],
        **sleepy(30),
    )
    view = manager.put(
        compute__scaling={"maxReplica": 3},
        model__env={"B": "2"},
        model__image={"vLLM": {"url": "y"}},
        tags=["b", "c"],
    ).json()
    scaling = view["compute"]["scaling"]
    assert (scaling["minReplica"], scaling["maxReplica"], scaling["scaleToZeroTimeout"]) == (0, 3, 30)
    assert view["compute"]["instanceType"] == "nvidia-l4"
    assert view["model"]["env"] == {"B": "2"}
    assert view["model"]["args"] == ["--a"]
    assert view["model"]["image"] == {"vLLM": {"url": "y", "port": 80, "healthRoute": "/health"}}
    assert view["tags"] == ["b", "c"]


def test_empty_values_and_nulls_clear(manager):
    manager.create(
        model__env={"A": "1"},
        model__args=["--a"],
        model__command=["serve"],
        model__secrets={"S": "1"},
        tags=["a"],
        route={"domain": "llm.example.com", "path": "/v1"},
        compute__scaling__measure={"pendingRequests": 1.5},
    )
    view = manager.put(
        model__env={},
        model__args=[],
        model__command=None,
        model__secrets={},
        tags=[],
        route=None,
        compute__scaling__measure=None,
    ).json()
    assert view["model"]["env"] == view["model"]["secrets"] == {}
    assert "args" not in view["model"]
    assert "command" not in view["model"]
    assert view["tags"] == []
    assert "route" not in view
    assert view["compute"]["scaling"]["measure"] == {"hardwareUsage": None}


def test_what_cannot_be_changed_is_dropped_without_a_word(manager):
    manager.create()
    changes = {"name": "two", "provider": {"vendor": "gcp", "region": "us-east4"}, "privateService": {"accountId": "1"}}
    view = manager.put(**changes).json()
    assert (view["name"], view["provider"]) == ("one", {"vendor": "aws", "region": "us-east-1"})
    assert "privateService" not in view


def test_the_type_can_be_changed(manager):
    manager.create()
    assert manager.put(type="public").json()["type"] == "public"


def test_a_partial_image_is_refused_in_a_change_too(manager):
    manager.create()
    answer = manager.put(model__image={"vLLM": {"tensorParallelSize": 1}})
    assert (answer.status_code, answer.json()["error"]) == (
        400,
        "VALIDATION_FAILED: model.image.vLLM: missing field `url`",
    )


def test_a_refused_change_changes_nothing(hub, manager):
    hub.add_endpoint("one")
    before = manager.get().json()
    assert manager.put(tags=["new"], compute__scaling={"minReplica": 9}).status_code == 400
    assert manager.get().json() == before


def test_a_private_service_and_cached_answers_are_kept(manager):
    service = {"accountId": "123456789012", "region": "us-east-1"}
    view = manager.create(privateService=service, cacheHttpResponses=True).json()
    assert view["privateService"] == service
    assert view["experimentalFeatures"]["cacheHttpResponses"] is True
    assert "cacheHttpResponses" not in view


def test_an_endpoint_that_may_sleep_gets_fifteen_minutes(manager):
    view = manager.create(**sleepy(None)).json()
    assert view["compute"]["scaling"]["scaleToZeroTimeout"] == 15
    view = manager.put(compute__scaling={"minReplica": 1}).json()
    assert view["compute"]["scaling"]["scaleToZeroTimeout"] is None


@pytest.mark.parametrize("engine", ["huggingface", "tgi", "tei", "llamacpp", "sGLang", "hfServe", "vLLMOmni", "custom"])
def test_every_engine_can_be_created(manager, engine):
    container = {} if engine == "huggingface" else {"url": "registry/image:1"}
    view = manager.create(model__image={engine: container}).json()
    assert list(view["model"]["image"]) == [engine]


def test_several_gpus_with_fitting_sizes(manager):
    image = {"vLLM": {"url": "x", "tensorParallelSize": 2, "dataParallelSize": 2}}
    assert manager.create(compute__instanceSize="x4", model__image=image).status_code == 200
