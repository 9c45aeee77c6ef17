"""Asks the control plane again and again, and remembers for a while what it said."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from blueprint.metrics.endpoints import FAILURES
from endpoints.catalogue import Hardware
from endpoints.client import EndpointsClient
from endpoints.errors import AmbiguousError, EndpointsError
from endpoints.exporter.observation import Observation, Stack, observed

_PRICES_SECONDS = 3600.0
_PRICES_KEPT_SECONDS = 24 * 3600.0
"""The list changes a few times a year."""

_IDENTITY_SECONDS = 600.0
"""The Hub allows few questions about who one is."""

_log = logging.getLogger("endpoints.exporter")


class ManagingTokenError(Exception):
    """The token may change and delete endpoints, which is more than this program needs."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """What is known now.

    success: of the last poll. polled, succeeded: Unix times of the last one, and of the last good one.
    since: by endpoint, when it was first seen in its state. kept: whether endpoints are those of an earlier poll.
    """

    endpoints: Sequence[Observation]
    since: Mapping[str, float]
    success: bool
    kept: bool
    polled: float | None
    succeeded: float | None
    failures: Mapping[str, int]


@dataclass(kw_only=True)
class Poller:
    """What one namespace's endpoints are, as last seen. keep_seconds: how long that counts when polls fail."""

    client: EndpointsClient
    stack: Stack
    keep_seconds: float
    clock: Callable[[], float] = time.time

    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _seen: Sequence[Observation] = field(default=(), init=False)
    _since: Mapping[str, tuple[str, float]] = field(default_factory=dict, init=False)
    _success: bool = field(default=False, init=False)
    _polled: float | None = field(default=None, init=False)
    _succeeded: float | None = field(default=None, init=False)
    _failures: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FAILURES, 0), init=False)
    _prices: Sequence[Hardware] = field(default=(), init=False)
    _priced: float | None = field(default=None, init=False)
    _identified: bool = field(default=False, init=False)
    _asked_identity: float | None = field(default=None, init=False)

    def poll(self) -> float:
        """Look once. Gives the seconds that the API asks to wait before the next time, 0 where it does not.

        Raises ManagingTokenError as soon as the Hub says so of the token.
        """
        self._identify()
        try:
            raws = list(self.client.all_endpoints())
            self._ask_prices()
            seen = [observed(raw, self.stack, self._prices) for raw in raws]
        except EndpointsError as error:
            return self._failed(error)
        except (KeyError, TypeError):
            return self._failed(AmbiguousError("The API's list has endpoints without name or state."))
        self._took(seen)
        return 0.0

    def status(self) -> Status:
        """What is known now; of endpoints nothing, once the last good poll is too long ago."""
        with self._lock:
            fresh = self._succeeded is not None and self.clock() - self._succeeded <= self.keep_seconds
            seen = self._seen if fresh else ()
            return Status(
                endpoints=seen,
                since={one.name: self._since[one.name][1] for one in seen},
                # A poll that hangs is no success either.
                success=self._success and fresh,
                kept=fresh and not self._success,
                polled=self._polled,
                succeeded=self._succeeded,
                failures=dict(self._failures),
            )

    def _took(self, seen: Sequence[Observation]) -> None:
        now = self.clock()
        if not self._success:
            _log.info("sees %s endpoints of %s", len(seen), self.client.namespace)
        with self._lock:
            before = self._since
            self._since = {
                one.name: before[one.name] if before.get(one.name, ("",))[0] == one.state else (one.state, now)
                for one in seen
            }
            self._seen, self._success, self._polled, self._succeeded = seen, True, now, now

    def _failed(self, error: EndpointsError) -> float:
        reason = _reason(error)
        # The first of a row: the metric tells of the others.
        if self._success or self._polled is None:
            _log.warning("sees nothing of %s (%s): %s", self.client.namespace, reason, error)
        with self._lock:
            self._success, self._polled = False, self.clock()
            self._failures[reason] += 1
        return error.retry_after or 0.0

    def _identify(self) -> None:
        """Refuse a token that may do harm, as soon as the Hub says what it may."""
        if self._identified or not _due(self._asked_identity, _IDENTITY_SECONDS, self.clock()):
            return
        self._asked_identity = self.clock()
        try:
            manages = self.client.may_manage()
        except EndpointsError as error:
            _log.warning("what the token may do is not known yet: %s", error)
            return
        if manages:
            raise ManagingTokenError(
                f"The token ({self.client.access.token_variable}) may change and delete endpoints. Give one that "
                "only sees them: docs/endpoints.md, Metrics."
            )
        self._identified = True

    def _ask_prices(self) -> None:
        now = self.clock()
        if _due(self._priced, _PRICES_KEPT_SECONDS, now):
            self._prices = ()
        if not _due(self._priced, _PRICES_SECONDS, now):
            return
        try:
            self._prices, self._priced = self.client.hardware(), now
        except EndpointsError as error:
            _log.warning("prices are not known, or those of before: %s", error)


def _due(last: float | None, seconds: float, now: float) -> bool:
    return last is None or now - last >= seconds


def _reason(error: EndpointsError) -> str:
    if isinstance(error, AmbiguousError):
        return "unreadable"
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limited"
    return "denied" if error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) else "unavailable"
