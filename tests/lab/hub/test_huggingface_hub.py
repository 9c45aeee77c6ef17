"""Every call that huggingface_hub has for Inference Endpoints, unmodified, against the stand-in."""

import threading

import pytest
from huggingface_hub import InferenceEndpointError, InferenceEndpointTimeoutError
from huggingface_hub.errors import BadRequestError, HfHubHTTPError

HARDWARE = {
    "accelerator": "gpu",
    "instance_size": "x1",
    "instance_type": "nvidia-l4",
    "region": "us-east-1",
    "vendor": "aws",
}
VLLM = {"vLLM": {"url": "vllm/vllm-openai:v0.23.0", "port": 8000}}


@pytest.fixture
def endpoint(api):
    return api.create_inference_endpoint(
        "one",
        repository="Qwen/Qwen2.5-1.5B-Instruct",
        framework="pytorch",
        task="text-generation",
        custom_image=VLLM,
        namespace="lab-org",
        token="lab-write",
        type="private",
        **HARDWARE,
    )


def test_create_with_everything_that_it_can_say(api):
    made = api.create_inference_endpoint(
        "full",
        repository="gpt2",
        framework="custom",
        revision="main",
        task="text-generation",
        min_replica=0,
        max_replica=2,
        scale_to_zero_timeout=15,
        scaling_metric="pendingRequests",
        scaling_threshold=1.5,
        custom_image={"url": "registry/x:1", "port": 80, "healthRoute": "/h"},
        container_registry_username="robot",
        container_registry_password="word",
        container_command=["serve"],
        container_args=["--x"],
        env={"A": "1"},
        secrets={"S": "2"},
        type="public",
        domain="d.example.com",
        path="/p",
        cache_http_responses=True,
        tags=["t"],
        private_link_account_id="123456789012",
        private_link_region="us-east-1",
        namespace="lab-org",
        token="lab-write",
        **HARDWARE,
    )
    assert (made.status, made.type, made.health_route, made.url) == ("pending", "public", "/h", None)
    assert made.raw["compute"]["scaling"]["measure"] == {"pendingRequests": 1.5}
    assert made.raw["model"]["secrets"] == {"S": None}
    assert made.raw["route"] == {"domain": "d.example.com", "path": "/p"}


def test_get_list_update_delete(api, hub, endpoint):
    assert api.get_inference_endpoint("one", namespace="lab-org").name == "one"
    assert [one.name for one in api.list_inference_endpoints("lab-org")] == ["one"]
    updated = api.update_inference_endpoint("one", namespace="lab-org", max_replica=2, env={"A": "1"}, tags=["x"])
    assert updated.raw["compute"]["scaling"]["maxReplica"] == 2
    assert updated.raw["tags"] == ["x"]
    assert api.delete_inference_endpoint("one", namespace="lab-org") is None
    hub.advance(2)
    with pytest.raises(HfHubHTTPError) as missing:
        api.get_inference_endpoint("one", namespace="lab-org")
    assert missing.value.response.status_code == 404


def test_parallel_sizes_are_written_into_the_present_image(api, endpoint):
    updated = api.update_inference_endpoint("one", namespace="lab-org", tensor_parallel_size=1)
    assert updated.raw["model"]["image"]["vLLM"]["tensorParallelSize"] == 1


def test_pause_resume_and_scale_to_zero(api, hub, endpoint):
    hub.advance(60)
    assert endpoint.fetch().status == "running"
    assert endpoint.resume().status == "running", "already running is no error unless asked for"
    with pytest.raises(BadRequestError, match="already running"):
        endpoint.resume(running_ok=False)
    assert endpoint.scale_to_zero().status == "scaledToZero"
    assert endpoint.url is not None
    assert endpoint.pause().status == "paused"
    assert endpoint.url is None
    assert endpoint.resume().status == "pending"
    endpoint.delete()


def test_the_server_explains_a_refusal(api):
    with pytest.raises(BadRequestError) as refused:
        api.create_inference_endpoint(
            "one", repository="gpt2", framework="pytorch", namespace="lab-org", **{**HARDWARE, "instance_size": "x3"}
        )
    assert "VALIDATION_FAILED: compute: no gpu nvidia-l4 x3 in aws us-east-1" in str(refused.value)


def test_wait_returns_when_the_engine_has_loaded(start, api, endpoint, hub):
    ticking = threading.Event()

    def tick():
        while not ticking.wait(0.02):
            hub.advance(10)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        assert endpoint.wait(timeout=20, refresh_every=0.05).status == "running"
    finally:
        ticking.set()
        thread.join()
    assert endpoint.client.chat_completion([{"role": "user", "content": "hi"}]).choices
    assert [one.status for one in hub.requests if one.operation == "health"][-1] == 200


def test_wait_tells_a_failure_and_a_timeout(api, hub, endpoint):
    with pytest.raises(InferenceEndpointTimeoutError):
        endpoint.wait(timeout=0, refresh_every=0.01)
    hub.fault(operation="rollout", kind="failed")
    hub.advance(60)
    api.update_inference_endpoint("one", namespace="lab-org", env={"A": "1"})
    hub.advance(60)
    with pytest.raises(InferenceEndpointError, match="failed to update"):
        endpoint.wait(timeout=5, refresh_every=0.01)


def test_hardware(api, hub, endpoint):
    rows = {row.id: row for row in api.list_inference_endpoints_hardware(namespace="lab-org")}
    l4 = rows["aws-us-east-1-nvidia-l4-x1"]
    assert (l4.price_per_hour, l4.gpu_memory_gb, l4.memory_gb, l4.num_cpus) == (0.8, 24, 30, 7)
    assert (l4.max_accelerators, l4.used_accelerators, l4.status) == (16, 1, "available")
    cpu = rows["aws-us-east-1-intel-spr-x1"]
    assert (cpu.num_cpus, cpu.gpu_memory_gb) == (None, None)
    statuses = {row.status for row in rows.values()}
    assert statuses == {"available", "low_availability", "not_available", "reserved", "deprecated"}

    hub.world.catalogue.change("aws-us-east-1-nvidia-l4-x1", price=0.9)
    rows = {row.id: row for row in api.list_inference_endpoints_hardware(namespace="lab-org")}
    assert rows["aws-us-east-1-nvidia-l4-x1"].price_per_hour == 0.9


@pytest.mark.filterwarnings("ignore:.*experimental.*:UserWarning")
def test_the_catalogue_of_tested_models(api, hub):
    items = api.list_inference_catalog(task="text-generation", engine="vllm", limit=5)
    assert [item.repo_id for item in items] == ["Qwen/Qwen2.5-1.5B-Instruct"]
    recipe = items[0].recipes[0]
    made = api.create_inference_endpoint_from_catalog(recipe_id=recipe.id, name="tested", namespace="lab-org")
    assert (made.name, made.raw["model"]["fromCatalog"]) == ("tested", True)
    other = api.create_inference_endpoint_from_catalog(
        "Qwen/Qwen2.5-1.5B-Instruct", accelerator="cpu", namespace="lab-org"
    )
    assert "llamacpp" in other.raw["model"]["image"]
    with pytest.raises(HfHubHTTPError):
        api.create_inference_endpoint_from_catalog("nobody/nothing", namespace="lab-org")


def test_the_namespace_comes_from_whoami_when_none_is_given(api, hub):
    assert api.list_inference_endpoints() == []
    assert [one.operation for one in hub.requests] == ["whoami", "list"]
    with pytest.raises(ValueError, match="Cannot determine default namespace"):
        api.list_inference_endpoints(token="lab-org-token")


def test_whoami_can_be_refused_for_its_rate(api, hub):
    hub.fault(operation="whoami", kind=429, retry_after=55)
    with pytest.raises(HfHubHTTPError, match="rate limit"):
        api.list_inference_endpoints()
