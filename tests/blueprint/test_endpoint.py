"""What a model on Inference Endpoints resolves to: the body that the API is sent, and what stands beside it."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from blueprint.endpoint import Endpoint
from blueprint.endpoint_container import ENDPOINT_ENGINES
from tests.blueprint.stack_files import (
    DIGEST,
    ENDPOINTS,
    ENGINES,
    LAB_ENDPOINTS,
    MODELS_LOCK,
    PROD,
    REPOSITORY,
    edited,
    resolve,
)

SHA = MODELS_LOCK.pin(REPOSITORY, "main").sha


def endpoint(edit: Mapping[str, Any] | None = None, name: str = "e") -> Endpoint:
    """One of the models, with an edit of its keys."""
    config = edited(ENDPOINTS, {f"models.{name}.{key}": value for key, value in (edit or {}).items()})
    return next(one for one in resolve(config).endpoints if one.name == name)


def body_of(engine: str) -> Mapping[str, Any]:
    return endpoint(name=f"e-{engine}").body


IMAGES = {
    "vllm": {
        "vLLM": {
            "url": "docker.io/vllm/vllm-openai:v0.31.0@sha256:" + "ab" * 32,
            "port": 8000,
            "healthRoute": "/health",
            "tensorParallelSize": 1,
            "maxNumSeqs": 256,
        }
    },
    "sglang": {
        "sGLang": {
            "url": f"docker.io/lmsysorg/sglang:v1@{DIGEST}",
            "port": 30000,
            "healthRoute": "/health",
            "tensorParallelSize": 1,
        }
    },
    "tgi": {
        "tgi": {
            "url": f"ghcr.io/huggingface/text-generation-inference:3.3.5@{DIGEST}",
            "port": 80,
            "healthRoute": "/health",
            "disableCustomKernels": False,
        }
    },
    "tei": {
        "tei": {
            "url": f"ghcr.io/huggingface/text-embeddings-inference:1.8@{DIGEST}",
            "port": 80,
            "healthRoute": "/health",
        }
    },
    "llamacpp": {
        "llamacpp": {"url": f"ghcr.io/ggml-org/llama.cpp:server@{DIGEST}", "port": 80, "healthRoute": "/health"}
    },
    "huggingface": {"huggingface": {}},
    "custom": {
        "custom": {
            "url": f"registry.example.com:5000/team/server:1@{DIGEST}",
            "port": 80,
            "healthRoute": "/ready",
            "credentials": {"username": "robot"},
        }
    },
}
ARGS = {
    "vllm": [
        "--served-model-name",
        "e-vllm",
        REPOSITORY,
        "--max-model-len=8192",
        "--gpu-memory-utilization=0.9",
    ],
    "sglang": ["--served-model-name=e-sglang"],
}
FRAMEWORKS = {"llamacpp": "llamacpp", "custom": "custom"}
TASKS = dict.fromkeys(("vllm", "sglang", "tgi", "llamacpp"), "text-generation")


@pytest.mark.parametrize("engine", ENGINES)
def test_the_body_of_each_engine(engine):
    """Whole, as the API is sent it."""
    assert body_of(engine) == {
        "name": f"e-{engine}",
        "type": "private",
        "provider": {"vendor": "aws", "region": "us-east-1"},
        "compute": {
            "accelerator": "gpu",
            "instanceType": "nvidia-l4",
            "instanceSize": "x1",
            "scaling": {"minReplica": 0, "maxReplica": 1, "scaleToZeroTimeout": 15, "measure": None},
        },
        "model": {
            "repository": REPOSITORY,
            "revision": SHA,
            "framework": FRAMEWORKS.get(engine, "pytorch"),
            "task": TASKS.get(engine),
            "image": IMAGES[engine],
            "command": None,
            "args": ARGS.get(engine),
            "env": {},
        },
        "tags": ["owner:team-search"],
        "route": None,
        "cacheHttpResponses": False,
        "privateService": None,
    }


def test_every_engine_of_the_settings_is_one_that_the_api_knows():
    assert set(ENGINES) == set(ENDPOINT_ENGINES)


def test_everything_that_is_said_arrives():
    said = endpoint(
        {
            "endpointName": "live",
            "formerly": ["old"],
            "task": "conversational",
            "framework": "custom",
            "access": "public",
            "allowPublic": True,
            "instance": {"vendor": "gcp", "region": "us-east4", "type": "nvidia-a100", "size": "x8"},
            "engine": {
                "name": "vllm",
                "maxModelLen": 4096,
                "gpuMemoryUtilization": 0.5,
                "maxNumSeqs": 8,
                "dataParallelSize": 2,
                "maxNumBatchedTokens": 2048,
                "kvCacheDtype": "fp8",
            },
            "scaling": {"min": 0, "max": 3, "scaleToZeroMinutes": 60, "pendingRequests": 1.5},
            "state": "paused",
            "environment": {"LOG_LEVEL": "debug"},
            "secrets": {"HF_TOKEN": "hub-read"},
            "tags": ["search"],
            "route": {"domain": "llm.example.com", "path": "/v1"},
            "cacheHttpResponses": True,
            "adopt": True,
            "readyMinutes": 45,
        }
    )
    body = said.body
    assert (said.endpoint_name, body["name"], said.formerly) == ("live", "live", ["old"])
    assert (said.state, said.adopt, said.ready_minutes, said.owner) == ("paused", True, 45, "team-search")
    assert (said.namespace, said.api, said.secrets) == ("my-org", "huggingface", {"HF_TOKEN": "hub-read"})
    assert body["type"] == "public"
    assert body["provider"] == {"vendor": "gcp", "region": "us-east4"}
    assert body["compute"]["scaling"] == {
        "minReplica": 0,
        "maxReplica": 3,
        "scaleToZeroTimeout": 60,
        "measure": {"pendingRequests": 1.5},
    }
    model = body["model"]
    assert (model["task"], model["framework"]) == ("conversational", "custom")
    assert model["env"] == {"LOG_LEVEL": "debug"}
    image = model["image"]["vLLM"]
    assert (image["tensorParallelSize"], image["dataParallelSize"]) == (4, 2)
    assert (image["maxNumSeqs"], image["maxNumBatchedTokens"], image["kvCacheDtype"]) == (8, 2048, "fp8")
    assert model["args"][-2:] == ["--max-model-len=4096", "--gpu-memory-utilization=0.5"]
    assert body["tags"] == ["owner:team-search", "search"]
    assert body["route"] == {"domain": "llm.example.com", "path": "/v1"}
    assert body["cacheHttpResponses"] is True


def test_a_private_service_is_in_the_body():
    service = {"accountId": "012345678901", "region": "eu-west-1"}
    assert endpoint({"privateService": service}).body["privateService"] == service


def test_the_options_of_sglang_are_its_own_flags():
    """The API drops without a word what it does not know as a field."""
    options = {"maxModelLen": 4096, "memFractionStatic": 0.8, "maxRunningRequests": 16}
    said = endpoint({f"engine.{key}": value for key, value in options.items()}, "e-sglang")
    assert said.body["model"]["args"] == [
        "--served-model-name=e-sglang",
        "--context-length=4096",
        "--mem-fraction-static=0.8",
        "--max-running-requests=16",
    ]


@pytest.mark.parametrize(
    ("engine", "options"),
    [
        ("tgi", {"maxInputLength": 1024, "maxTotalTokens": 2048, "maxBatchPrefillTokens": 4096, "quantize": "awq"}),
        ("tei", {"maxBatchTokens": 16384, "maxConcurrentRequests": 128, "pooling": "cls"}),
        (
            "llamacpp",
            {"modelPath": "a.gguf", "variant": "*Q4*", "ctxSize": 8192, "nParallel": 2, "nGpuLayers": 99}
            | {"mode": "embeddings", "threadsHttp": 4, "mmprojModelPath": "b.gguf", "specModelPath": "c.gguf"},
        ),
    ],
)
def test_the_options_of_other_engines_have_the_apis_names(engine, options):
    body = endpoint({f"engine.{key}": value for key, value in options.items()}, f"e-{engine}").body
    image = body["model"]["image"][engine]
    assert {key: image[key] for key in options} == options
    assert body["model"]["args"] is None


def test_a_custom_server_has_its_own_command_and_its_registrys_password_by_name():
    said = endpoint({"engine.command": ["python"], "engine.args": ["-m", "serve"]}, "e-custom")
    assert (said.body["model"]["command"], said.body["model"]["args"]) == (["python"], ["-m", "serve"])
    assert said.registry_password == "registry-robot"
    assert "registry-robot" not in json.dumps(said.body)
    assert said.health_route == "/ready"


def test_llamacpp_that_does_not_generate_text_leaves_the_task_to_the_server():
    assert endpoint({"engine.mode": "reranking"}, "e-llamacpp").body["model"]["task"] is None


@pytest.mark.parametrize(
    ("type_", "accelerator"),
    [("intel-spr", "cpu"), ("nvidia-l4", "gpu"), ("rtx-pro-6000", "gpu"), ("inf2", "neuron"), ("trn1", "neuron")],
)
def test_the_accelerator_follows_from_the_instance(type_, accelerator):
    assert endpoint({"instance.type": type_}, "e-custom").body["compute"]["accelerator"] == accelerator


@pytest.mark.parametrize(
    ("engine", "path", "served"),
    [
        ("vllm", "/v1", "e-vllm"),
        ("sglang", "/v1", "e-sglang"),
        ("tgi", "/v1", None),
        ("llamacpp", "/v1", None),
        ("tei", None, None),
        ("huggingface", None, None),
        ("custom", None, None),
    ],
)
def test_how_callers_speak_to_it(engine, path, served):
    said = endpoint(name=f"e-{engine}")
    assert (said.openai_path, said.served_model) == (path, served)


def test_an_endpoint_that_never_sleeps_has_no_time_to_sleep():
    scaling = endpoint({"scaling": {"min": 1, "hardwareUsagePercent": 80}}).body["compute"]["scaling"]
    assert (scaling["scaleToZeroTimeout"], scaling["measure"]) == (None, {"hardwareUsage": 80})


def test_a_renamed_model_keeps_its_endpoint():
    assert endpoint({"formerly": ["first", "second"]}).endpoint_name == "first"
    assert endpoint({"formerly": ["first"], "endpointName": "mine"}).endpoint_name == "mine"


def test_only_the_lab_takes_a_tag_a_branch_and_no_owner():
    one, tagged = resolve(LAB_ENDPOINTS).endpoints
    assert one.body["model"]["image"]["vLLM"]["url"] == "docker.io/vllm/vllm-openai:v0.33.0"
    assert one.body["model"]["revision"] == "main"
    assert tagged.body["model"]["image"]["sGLang"]["url"] == "docker.io/lmsysorg/sglang:v1"
    assert (one.api, one.owner, one.body["tags"]) == ("lab", None, [])


def test_endpoints_and_replicas_stand_side_by_side():
    stack = resolve(edited(PROD, {"models.e": ENDPOINTS["models"]["e"]}))
    assert [one.name for one in stack.workloads] == ["m", "other"]
    assert [one.name for one in stack.endpoints] == ["e"]


def test_an_engine_that_only_gets_bug_fixes_still_runs_and_is_warned_of():
    (warning,) = resolve(ENDPOINTS).warnings
    assert warning.startswith("Pulumi.prod.yaml: models.e-tgi.engine.name: tgi only gets bug fixes")
    assert "Add a second model" in warning
