"""What holds for any valid endpoint: a whole body that the API takes, without secrets."""

import json
import re
from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, given, settings

from blueprint.endpoint_container import ENDPOINT_ENGINES
from tests.blueprint.stack_files import edited, resolve
from tests.endpoint_strategies import SECRET, endpoint_configs

KEYS = {
    "": {"name", "type", "provider", "compute", "model", "tags", "route", "cacheHttpResponses", "privateService"},
    "provider": {"vendor", "region"},
    "compute": {"accelerator", "instanceType", "instanceSize", "scaling"},
    "model": {"repository", "revision", "framework", "task", "image", "command", "args", "env"},
}
"""Every key that is managed: what is not set is None, so that it can be unset."""

EXAMPLES = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@EXAMPLES
@given(config=endpoint_configs())
def test_any_valid_endpoint_has_a_whole_body_that_the_api_takes(config):
    resolved = resolve(config, "any").endpoints
    assert [one.name for one in resolved] == sorted(config["models"])
    assert len({one.endpoint_name for one in resolved}) == len(resolved)
    for one in resolved:
        body, model = one.body, config["models"][one.name]
        for part, keys in KEYS.items():
            assert set(body[part] if part else body) == keys
        # Plain values, and of secrets not even the names.
        assert json.loads(json.dumps(body)) == body
        assert SECRET not in json.dumps(body)
        assert one.secrets == model.get("secrets", {})
        _the_api_takes(body)
        assert all(decision.why for decision in one.decisions().values())
        assert (one.state, one.adopt) == (model.get("state", "running"), model.get("adopt", False))


def _the_api_takes(body: Mapping[str, Any]) -> None:
    """Its rules, as far as they are known."""
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", body["name"])
    assert body["type"] in ("private", "authenticated", "public")
    assert body["privateService"] is None or body["type"] == "private"
    assert body["compute"]["accelerator"] in ("cpu", "gpu", "neuron")
    scaling = body["compute"]["scaling"]
    assert set(scaling) == {"minReplica", "maxReplica", "scaleToZeroTimeout", "measure"}
    assert 0 <= scaling["minReplica"] <= scaling["maxReplica"] >= 1
    assert (scaling["scaleToZeroTimeout"] is not None) == (scaling["minReplica"] == 0)
    assert scaling["measure"] is None or len(scaling["measure"]) == 1
    model = body["model"]
    assert model["framework"] in ("pytorch", "custom", "llamacpp")
    assert model["revision"]
    ((variant, image),) = model["image"].items()
    assert variant in {facts.image_key for facts in ENDPOINT_ENGINES.values()}
    assert variant == "huggingface" or image["url"]
    assert None not in image.values()
    if variant in ("vLLM", "sGLang"):
        shards, copies = image["tensorParallelSize"], image.get("dataParallelSize", 1)
        assert shards * copies == int(body["compute"]["instanceSize"].removeprefix("x"))
    assert all(isinstance(value, str) for value in model["env"].values())
    for words in (model["command"], model["args"]):
        assert words is None or all(isinstance(word, str) for word in words)


@EXAMPLES
@given(config=endpoint_configs())
def test_endpoints_resolve_the_same_twice(config):
    assert resolve(config, "any") == resolve(edited(config), "any")
