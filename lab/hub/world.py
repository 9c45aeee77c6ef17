"""What the stand-in knows: accounts, tokens, endpoints. Plain data; the rules are in the other modules."""

import hashlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from lab.hub.catalogue import Catalogue
from lab.hub.clock import Clock, Latency
from lab.hub.faults import Faults
from lab.hub.log import RequestLog
from lab.hub.models import Repositories
from lab.hub.switches import Switches

MANAGE = "inference.endpoints.write"
SEE = "inference.endpoints.read"
INFER = "inference.endpoints.infer.write"
READ = "repo.content.read"
"""Permissions of fine-grained tokens, as they are called on the wire.

SEE is what a 403 of the list names [L]. Tokens with MANAGE alone list, too [L]: it has SEE in it.
"""


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user or an organisation; each is a namespace. `orgs`: those that a user is a member of."""

    name: str
    kind: Literal["user", "org"] = "user"
    orgs: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The account's identifier, 24 hexadecimal digits."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:24]


@dataclass(frozen=True, kw_only=True)
class Token:
    """An access token. `id` is what logs show. `scopes`: namespace -> permissions, of a fine-grained one."""

    id: str
    value: str = field(repr=False)
    account: str
    role: Literal["fineGrained", "write", "read"] = "fineGrained"
    scopes: dict[str, frozenset[str]] = field(default_factory=dict)

    def may(self, permission: str, namespace: str) -> bool:
        """Whether the scopes of this fine-grained token hold the permission."""
        held = self.scopes.get(namespace, frozenset())
        return permission in held or (permission == SEE and MANAGE in held)


@dataclass(kw_only=True)
class Step:
    """A change of state that is bound to happen at a moment. Without `state`, its replicas are gone then."""

    at: float
    state: str | None
    message: str | None = None


@dataclass(kw_only=True)
class LogLine:
    """One line that an endpoint's container, or the platform around it, has written."""

    at: float
    line: str
    level: str = "INFO"


@dataclass(kw_only=True)
class Endpoint:
    """One inference endpoint: what was asked for, what serves, and what is bound to happen to it."""

    id: str
    namespace: str
    name: str
    number: int  # in the order of creation, for lists
    config: dict[str, Any]  # as asked for last, with the service's defaults
    created_at: float
    created_by: str
    updated_at: float
    updated_by: str
    serving: dict[str, Any] | None = None  # the configuration that answers requests
    state: str = "pending"
    message: str = ""
    ready: int = 0
    target: int = 0
    url_shown: bool = False
    planned: list[Step] = field(default_factory=list)
    loaded_at: float | None = None  # when the engine has the model
    used_at: float | None = None  # last request
    idle_since: float = 0.0
    deleted_at: float | None = None  # DELETE was accepted
    gone_at: float | None = None  # nobody sees it any more
    requests: int = 0
    secret_digests: dict[str, str] = field(default_factory=dict)  # never the values
    lines: list[LogLine] = field(default_factory=list)

    def digest(self, value: str) -> str:
        """What is kept of a secret's value, to tell whether it changed."""
        return hashlib.sha256(f"{self.id}:{value}".encode()).hexdigest()


class Behind(Protocol):
    """Real processes behind endpoints; lab.hub.containers has them."""

    def state(
        self, endpoint: Endpoint, config: Mapping[str, Any] | None
    ) -> Literal["starting", "ready", "ended"] | None:
        """How far the process behind a configuration is; None for one that has none."""

    def port(self, endpoint: Endpoint) -> int | None:
        """Where the process that serves an endpoint answers; None where none does."""


class World:
    """Everything. Whoever reads or writes it holds `lock`; requests are answered under it, one at a time."""

    def __init__(self, *, clock: Clock, latency: Latency, switches: Switches):
        self.lock = threading.RLock()
        self.clock = clock
        self.latency = latency
        self.switches = switches
        self.base = ""  # this server's address
        self.accounts: dict[str, Account] = {}
        self.tokens: dict[str, Token] = {}
        self.endpoints: list[Endpoint] = []
        self.created = 0  # endpoints ever created
        self.catalogue = Catalogue()
        self.faults = Faults()
        self.log = RequestLog()
        self.repositories = Repositories()
        self.behind: Behind | None = None  # without them every answer is simulated
        _populate(self)

    def add_account(self, account: Account) -> None:
        """Make a namespace."""
        self.accounts[account.name] = account

    def add_token(self, token: Token) -> None:
        """Let a token in."""
        self.tokens[token.value] = token

    def is_member(self, token: Token, namespace: str) -> bool:
        """Whether the token's account owns the namespace or is in it."""
        account = self.accounts[token.account]
        return namespace == account.name or namespace in account.orgs

    def allows(self, token: Token, permission: str, namespace: str) -> bool:
        """Whether the token may do this in the namespace."""
        if token.role == "fineGrained":
            return token.may(permission, namespace)
        if not self.is_member(token, namespace):
            return False
        return token.role == "write" or permission != MANAGE

    def of(self, namespace: str) -> Iterator[Endpoint]:
        """The endpoints of a namespace that are still seen, oldest first."""
        now = self.clock.now()
        return (
            endpoint
            for endpoint in self.endpoints
            if endpoint.namespace == namespace and (endpoint.gone_at is None or endpoint.gone_at > now)
        )

    def find(self, namespace: str, name: str) -> Endpoint | None:
        """The endpoint of that name that is still seen."""
        return next((endpoint for endpoint in self.of(namespace) if endpoint.name == name), None)

    def by_id(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint whose address this is; none once it is deleted."""
        return next((one for one in self.endpoints if one.id == endpoint_id and one.deleted_at is None), None)


def _populate(world: World) -> None:
    """The lab's accounts and tokens. Tokens are words, because nothing here is secret."""
    for account in (
        Account(name="lab-org", kind="org"),
        Account(name="lab-user", orgs=("lab-org",)),
        Account(name="lab-colleague", orgs=("lab-org",)),
        Account(name="other-org", kind="org"),
        Account(name="other-user", orgs=("other-org",)),
    ):
        world.add_account(account)
    both = ("lab-org", "lab-user")
    for token in (
        Token(id="manage", value="lab-manage", account="lab-user", scopes=_scopes(both, MANAGE)),
        Token(id="invoke", value="lab-invoke", account="lab-user", scopes=_scopes(both, INFER)),
        Token(id="see", value="lab-see", account="lab-user", scopes=_scopes(both, SEE)),
        Token(id="read", value="lab-read", account="lab-user", scopes=_scopes(both, READ)),
        Token(id="write", value="lab-write", account="lab-user", role="write"),
        Token(id="colleague", value="colleague-write", account="lab-colleague", role="write"),
        Token(id="org", value="lab-org-token", account="lab-org", scopes=_scopes(("lab-org",), MANAGE, INFER)),
        Token(id="other", value="other-write", account="other-user", role="write"),
    ):
        world.add_token(token)
    world.repositories.accept_terms("lab-user")


def _scopes(namespaces: tuple[str, ...], *permissions: str) -> dict[str, frozenset[str]]:
    return {namespace: frozenset(permissions) for namespace in namespaces}
