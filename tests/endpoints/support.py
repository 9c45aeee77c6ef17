"""What the tests of the client are made of: settings of endpoints, and a stack's hands in a stand-in's time."""

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from endpoints.access import Access, access
from endpoints.asked import Asked
from endpoints.client import EndpointsClient
from endpoints.lifecycle import Lifecycle
from endpoints.waiting import Waiter, Waiting
from lab.hub.machine import Machine
from lab.hub.server import HubServer
from lab.hub.switches import Switches
from lab.hub.world import Endpoint

ORG = "lab-org"
OWNER = "pulumi:llm-inference/dev/0123abcd"
OTHER_OWNER = "pulumi:llm-inference/dev/9876fedc"
SECRET = 'hf_shh-"quoted"-\\-é-not-for-your-eyes'
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER_COMMIT = "fedcba9876543210fedcba9876543210fedcba98"


def body(name: str = "one", /, **changes: Any) -> dict[str, Any]:
    """A whole body, as the blueprint resolves one. `changes`: replacements by dotted path, with __ for the dot."""
    whole: dict[str, Any] = {
        "name": name,
        "type": "private",
        "provider": {"vendor": "aws", "region": "us-east-1"},
        "compute": {
            "accelerator": "gpu",
            "instanceType": "nvidia-l4",
            "instanceSize": "x1",
            "scaling": {"minReplica": 1, "maxReplica": 1, "scaleToZeroTimeout": None, "measure": None},
        },
        "model": {
            "repository": "org/answers",
            "revision": COMMIT,
            "framework": "pytorch",
            "task": "text-generation",
            "image": {
                "vLLM": {
                    "url": "docker.io/vllm/vllm-openai:v0.31.0",
                    "port": 8000,
                    "healthRoute": "/health",
                    "tensorParallelSize": 1,
                }
            },
            "command": None,
            "args": ["--max-model-len=8192"],
            "env": {},
        },
        "tags": ["owner:team-search"],
        "route": None,
        "cacheHttpResponses": False,
        "privateService": None,
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        target = whole
        for parent in parents:
            target = target[parent]
        target[last] = copy.deepcopy(value)
    return whole


def asked(name: str = "one", /, *, body_: Mapping[str, Any] | None = None, **settings: Any) -> Asked:
    """What a stack asks for. `settings`: of Asked, and of the body by dotted path."""
    own = {key: settings.pop(key) for key in ("owner", "state", "adopt", "secrets", "registry_password")
           if key in settings}  # fmt: skip
    return Asked(**{"body": body_ or body(name, **settings), "owner": OWNER, **own})


SLEEPY = {"minReplica": 0, "maxReplica": 1, "scaleToZeroTimeout": 15, "measure": None}
CUSTOM = {
    "custom": {
        "url": "registry.example.com/team/server:1",
        "port": 80,
        "healthRoute": "/ready",
        "credentials": {"username": "robot"},
    }
}


class KilledError(BaseException):
    """The process ends here: nothing that comes after it happens."""


def mortal(client: EndpointsClient, desk: "Desk") -> EndpointsClient:
    """The client, which may be killed before each request, and after it."""
    once = client._once  # noqa: SLF001

    def dying(call: Any) -> Any:
        desk.age()
        result = once(call)
        desk.age()
        return result

    client._once = dying  # type: ignore[method-assign]  # noqa: SLF001
    return client


@dataclass
class Desk:
    """Somebody's hands: a client, and what is done with it, in the time of a stand-in. `said`: what a person reads."""

    hub: HubServer
    token: str | None = None
    invoke_token: str | None = None
    patience: float = 60.0
    said: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    life: int | None = None  # requests and pauses until somebody pulls the plug, if somebody does

    @property
    def access(self) -> Access:
        environment = dict(self.hub.environment)
        if self.token:
            environment["LLM_LAB_HUB_TOKEN"] = self.token
        if self.invoke_token:
            environment["LLM_LAB_HUB_INVOKE_TOKEN"] = self.invoke_token
        return access("lab", environment)

    def sleep(self, seconds: float) -> None:
        self.age()
        self.slept.append(seconds)
        self.hub.advance(seconds)

    def age(self) -> None:
        """Come a step nearer to the end of this process."""
        if self.life is not None:
            self.life -= 1
            if self.life < 0:
                raise KilledError

    def now(self) -> float:
        return self.hub.world.clock.now()

    def client(self, namespace: str = ORG, secrets: tuple[str, ...] = ()) -> EndpointsClient:
        settings = {"patience": self.patience, "sleep": self.sleep, "clock": self.now, "secrets": secrets}
        client = EndpointsClient(self.access, namespace, **settings)
        return client if self.life is None else mortal(client, self)

    def lifecycle(self, secrets: tuple[str, ...] = ()) -> Lifecycle:
        return Lifecycle(self.client(secrets=secrets), say=self.said.append)

    def waiter(self, secrets: tuple[str, ...] = ()) -> Waiter:
        return Waiter(self.client(secrets=secrets), say=self.said.append)

    def ready(self, wanted: Asked, *, minutes: float = 30, route: str | None = None) -> dict[str, Any]:
        image = next(iter(wanted.body["model"]["image"].values()))
        waiting = Waiting(seconds=60 * minutes, health_route=image.get("healthRoute") or "/health", route=route)
        return self.waiter(wanted.hidden).ready(wanted, waiting)

    @property
    def text(self) -> str:
        return "\n".join(self.said)


def emptied(hub: HubServer, **switches: Any) -> HubServer:
    """The stand-in as it was at its start: no endpoints, no faults, no requests, and these switches."""
    with hub.lock:
        hub.world.endpoints.clear()
        hub.world.faults.clear()
        hub.world.log.clear()
        hub.world.catalogue.quotas.clear()
        hub.world.switches = Switches.of(switches)
    return hub


def finished(hub: HubServer, name: str = "one") -> Endpoint:
    """The endpoint of that name, whose start is over."""
    endpoint = hub.endpoint(name)
    assert endpoint is not None
    with hub.lock:
        Machine(hub.world).finish(endpoint)
    return endpoint


def ours(hub: HubServer, owner: str = OWNER) -> list[Endpoint]:
    """The endpoints that carry a stack's tag and have not been deleted."""
    with hub.lock:
        return [one for one in hub.world.endpoints if owner in one.config["tags"] and one.deleted_at is None]


def foreign(hub: HubServer, owner: str = OWNER) -> list[dict[str, Any]]:
    """All that the stand-in knows of the endpoints that do not."""
    with hub.lock:
        return [asdict(one) for one in hub.world.endpoints if owner not in one.config["tags"]]


def count(hub: HubServer, operation: str, name: str | None = None) -> int:
    """How often an operation was asked for."""
    return sum(one.operation == operation and name in (None, one.endpoint) for one in hub.requests)
