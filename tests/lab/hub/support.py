"""What the tests of the stand-in are made of: bodies, and a caller with a token."""

import copy
from collections.abc import Mapping
from typing import Any

import httpx2

from lab.hub.server import HubServer

ORG = "lab-org"


def body(name: str = "one", /, **changes: Any) -> dict[str, Any]:
    """A create body as huggingface_hub sends it. `changes`: replacements by dotted path, with __ for the dot."""
    whole: dict[str, Any] = {
        "name": name,
        "type": "private",
        "provider": {"vendor": "aws", "region": "us-east-1"},
        "compute": {
            "accelerator": "gpu",
            "instanceType": "nvidia-l4",
            "instanceSize": "x1",
            "scaling": {"minReplica": 1, "maxReplica": 1, "scaleToZeroTimeout": None},
        },
        "model": {
            "repository": "Qwen/Qwen2.5-1.5B-Instruct",
            "revision": None,
            "framework": "pytorch",
            "task": "text-generation",
            "image": {"vLLM": {"url": "vllm/vllm-openai:v0.23.0", "port": 8000}},
        },
    }
    return changed(whole, changes)


def changed(whole: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with values replaced; `...` removes a key."""
    result = copy.deepcopy(dict(whole))
    for path, value in changes.items():
        *parents, last = path.split("__")
        target = result
        for parent in parents:
            target = target.setdefault(parent, {})
        if value is ...:
            target.pop(last, None)
        else:
            target[last] = value
    return result


def sleepy(minutes: int = 15) -> dict[str, Any]:
    """Changes of an endpoint that falls asleep."""
    return {"compute__scaling": {"minReplica": 0, "maxReplica": 1, "scaleToZeroTimeout": minutes}}


class Caller:
    """Somebody with a token who calls the stand-in over HTTP."""

    def __init__(self, hub: HubServer, token: str | None):
        self.hub = hub
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self.http = httpx2.Client(base_url=hub.url, headers=headers, timeout=10, trust_env=False, verify=False)

    def create(self, name: str = "one", /, namespace: str = ORG, **changes: Any) -> httpx2.Response:
        return self.http.post(f"/v2/endpoint/{namespace}", json=body(name, **changes))

    def get(self, name: str = "one", namespace: str = ORG) -> httpx2.Response:
        return self.http.get(f"/v2/endpoint/{namespace}/{name}")

    def put(self, name: str = "one", /, namespace: str = ORG, **changes: Any) -> httpx2.Response:
        return self.http.put(f"/v2/endpoint/{namespace}/{name}", json=changed({}, changes))

    def act(self, action: str, name: str = "one", namespace: str = ORG) -> httpx2.Response:
        return self.http.post(f"/v2/endpoint/{namespace}/{name}/{action}")

    def delete(self, name: str = "one", namespace: str = ORG) -> httpx2.Response:
        return self.http.delete(f"/v2/endpoint/{namespace}/{name}")

    def list(self, namespace: str = ORG, **query: Any) -> httpx2.Response:
        return self.http.get(f"/v2/endpoint/{namespace}", params=query)

    def status(self, name: str = "one") -> dict[str, Any]:
        answer = self.get(name)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["status"])

    def state(self, name: str = "one") -> str:
        return str(self.status(name)["state"])
