"""The state machine of endpoints. Nothing runs in the background: whoever looks at an endpoint settles it first.

    pending -> initializing -> running -> (idle) scaledToZero -> (a request) initializing -> running
    pending -> failed;  running -> updating -> running | updateFailed;  any -> paused -> pending

What is bound to happen is planned as steps with moments; `settle` takes those whose moment has come.
"""

from collections.abc import Mapping
from typing import Any

from lab.hub.refusal import Refusal
from lab.hub.world import Endpoint, LogLine, Step, World

RUNS = ("running", "updating", "updateFailed")
"""States in which a configuration may serve."""
STARTS = ("pending", "initializing")
MESSAGES = {
    "pending": "Endpoint waiting to be scheduled",
    "initializing": "Endpoint is initializing",
    "running": "Endpoint is ready",
    "updating": "Endpoint is updating",
    "updateFailed": "Endpoint failed to update",
    "failed": "Endpoint failed to start",
    "paused": "Endpoint is paused",
    "pausing": "Endpoint is pausing",
    "scaledToZero": "Endpoint is scaled to zero",
}
_MOST_LINES = 1000
ALREADY_RUNNING = "Bad Request: Endpoint is already running"
INVALID_STATE = "Bad Request: Invalid state"


class Machine:
    """Moves the endpoints of one world through their states. Used under its lock."""

    def __init__(self, world: World):
        self._world = world

    # -- time

    def settle_all(self) -> None:
        """Settle every endpoint, and forget those that nobody sees any more."""
        now = self._world.clock.now()
        self._world.endpoints[:] = [one for one in self._world.endpoints if one.gone_at is None or one.gone_at > now]
        for endpoint in self._world.endpoints:
            self.settle(endpoint)

    def settle(self, endpoint: Endpoint) -> None:
        """Let everything happen to the endpoint that was bound to happen by now."""
        now = self._world.clock.now()
        while True:
            step = endpoint.planned[0] if endpoint.planned else None
            asleep = self._falls_asleep(endpoint)
            if asleep is not None and asleep <= now and (step is None or asleep < step.at):
                self._sleep(endpoint, asleep)
            elif step is not None and step.at <= now and (taken := self._possible(endpoint, step)) is not None:
                endpoint.planned.pop(0)
                self._take(endpoint, taken)
            else:
                return

    def _possible(self, endpoint: Endpoint, step: Step) -> Step | None:
        """What a step whose moment has come leads to; None while a process has to get ready for it."""
        seen = self._world.behind.state(endpoint, endpoint.config) if self._world.behind else None
        if step.state != "running" or seen is None:
            return step
        if seen == "starting":
            return None
        now = self._world.clock.now()
        if seen == "ended":
            failed = "updateFailed" if endpoint.state == "updating" else "failed"
            return Step(at=now, state=failed, message=f"{MESSAGES[failed]}: its container has ended")
        return Step(at=now, state="running")

    def _falls_asleep(self, endpoint: Endpoint) -> float | None:
        scaling = endpoint.config["compute"]["scaling"]
        if endpoint.state != "running" or scaling["minReplica"] > 0 or not scaling["scaleToZeroTimeout"]:
            return None
        return max(endpoint.idle_since, endpoint.used_at or 0.0) + 60.0 * float(scaling["scaleToZeroTimeout"])

    def _take(self, endpoint: Endpoint, step: Step) -> None:
        if step.state is None:
            endpoint.ready = 0
            return
        was = endpoint.state
        self._enter(endpoint, step.state, step.at, step.message)
        match step.state:
            case "initializing":
                endpoint.target = _replicas(endpoint.config)
                endpoint.url_shown = endpoint.url_shown or self._world.switches.url_appears == "initializing"
            case "running":
                endpoint.serving = endpoint.config
                endpoint.ready = endpoint.target = _replicas(endpoint.config)
                endpoint.url_shown = True
                endpoint.idle_since = step.at
                if was != "updating":  # a change is rolled out once its engine has loaded
                    endpoint.loaded_at = step.at + self._world.latency.loading
            case "failed":
                endpoint.ready = 0
                endpoint.serving = None
            case "paused":
                endpoint.ready = 0

    def _enter(self, endpoint: Endpoint, state: str, at: float, message: str | None = None) -> None:
        endpoint.state = state
        endpoint.message = message or MESSAGES[state]
        level = "ERROR" if state in ("failed", "updateFailed") else "INFO"
        endpoint.lines.append(LogLine(at=at, line=endpoint.message, level=level))
        del endpoint.lines[:-_MOST_LINES]

    def finish(self, endpoint: Endpoint) -> None:
        """Let a start be over at once: the endpoint runs and its engine has loaded."""
        for step in endpoint.planned:
            self._take(endpoint, step)
        endpoint.planned, endpoint.loaded_at = [], self._world.clock.now()
        endpoint.idle_since = endpoint.loaded_at

    # -- events

    def start(self, endpoint: Endpoint, *, fresh: bool = True) -> None:
        """Plan a start: of a new or resumed endpoint from pending, of a sleeping one from initializing."""
        now, latency = self._world.clock.now(), self._world.latency
        outcome = self._world.faults.take("start", "before", endpoint.name)
        endpoint.serving, endpoint.loaded_at, endpoint.ready = None, None, 0
        scheduled = now
        if fresh:
            endpoint.target = int(endpoint.config["compute"]["scaling"]["minReplica"])
            scheduled = now + latency.pending
            self._enter(endpoint, "pending", now)
        if outcome and outcome.kind == "capacity":
            if not fresh:
                self._enter(endpoint, "pending", now)
            endpoint.planned = []
            return
        running = Step(at=scheduled + latency.initializing, state="running")
        if outcome:
            running = Step(at=now + latency.failing, state="failed", message=outcome.message)
            running.at = max(running.at, scheduled)
        endpoint.planned = [Step(at=scheduled, state="initializing"), running]
        self.settle(endpoint)

    def change(self, endpoint: Endpoint, config: Mapping[str, Any], *, restarts: bool) -> None:
        """Bring another configuration about. Raises Refusal where the state forbids it."""
        switches, now = self._world.switches, self._world.clock.now()
        _refuse(endpoint, switches.put_on_paused, ("paused", "pausing"))
        _refuse(endpoint, switches.put_on_failed, ("failed",))
        _refuse(endpoint, switches.put_on_updating, ("updating", *STARTS))
        state = endpoint.state
        endpoint.config = dict(config)
        stays = {"paused": switches.put_on_paused, "pausing": "keep", "failed": switches.put_on_failed}
        if state == "scaledToZero" and config["compute"]["scaling"]["minReplica"]:
            self.start(endpoint, fresh=False)
        if stays.get(state) == "keep" or state == "scaledToZero":
            return
        if state in ("paused", "failed", *STARTS):
            self.start(endpoint)
            return
        if not restarts:
            endpoint.serving = endpoint.config
            endpoint.ready = endpoint.target = _replicas(endpoint.config)
            return
        outcome = self._world.faults.take("rollout", "before", endpoint.name)
        shown = now + (self._world.latency.echo if switches.put_shows_running else 0.0)
        done = max(shown, now + self._world.latency.updating)
        end = (
            Step(at=done, state="updateFailed", message=outcome.message) if outcome else Step(at=done, state="running")
        )
        endpoint.planned = [Step(at=shown, state="updating"), end]
        self.settle(endpoint)

    def pause(self, endpoint: Endpoint) -> None:
        """Stop it. Raises Refusal where the state forbids it."""
        switches, now = self._world.switches, self._world.clock.now()
        if endpoint.state in ("paused", "pausing"):
            if switches.pause_on_paused == "400":
                raise Refusal(400, "Bad Request: Endpoint is already paused")
            return
        if endpoint.state == "failed" and switches.pause_on_failed == "400":
            raise Refusal(400, INVALID_STATE)
        gone = now + self._world.latency.draining
        self._enter(endpoint, "pausing" if switches.pause_shows_pausing else "paused", now)
        endpoint.planned = [Step(at=gone, state="paused" if switches.pause_shows_pausing else None)]
        endpoint.serving, endpoint.loaded_at = None, None
        if switches.target_while_paused == "zero":
            endpoint.target = 0
        if switches.pause_rewrites_replicas:
            endpoint.config = _with_replicas(endpoint.config, 0)
        self.settle(endpoint)

    def resume(self, endpoint: Endpoint) -> None:
        """Start it again. Raises Refusal where the state forbids it."""
        switches = self._world.switches
        if endpoint.state == "scaledToZero" and switches.resume_on_scaled_to_zero == "wake":
            self.start(endpoint, fresh=False)
            return
        if endpoint.state == "scaledToZero" or (endpoint.state == "failed" and switches.resume_on_failed == "400"):
            raise Refusal(400, INVALID_STATE)
        if endpoint.state not in ("paused", "pausing", "failed"):
            raise Refusal(400, ALREADY_RUNNING)
        if switches.pause_rewrites_replicas:
            endpoint.config = _with_replicas(endpoint.config, 1)
        self.start(endpoint)

    def scale_to_zero(self, endpoint: Endpoint) -> None:
        """Put it to sleep, keeping its address. Raises Refusal where the state forbids it."""
        if endpoint.state == "scaledToZero":
            return
        if endpoint.state not in RUNS:
            if self._world.switches.scale_to_zero_on_stopped == "400":
                raise Refusal(400, INVALID_STATE)
            return
        self._sleep(endpoint, self._world.clock.now())

    def _sleep(self, endpoint: Endpoint, at: float) -> None:
        self._enter(endpoint, "scaledToZero", at)
        endpoint.target = 0
        endpoint.serving, endpoint.loaded_at = None, None
        endpoint.planned = [Step(at=at + self._world.latency.draining, state=None)]

    def delete(self, endpoint: Endpoint) -> None:
        """Delete it: its address is gone at once, while reads and lists still show it for a moment."""
        endpoint.deleted_at = self._world.clock.now()
        endpoint.gone_at = endpoint.deleted_at + self._world.latency.deletion
        endpoint.planned = []
        endpoint.serving = None


def _replicas(config: Mapping[str, Any]) -> int:
    """How many replicas run when the endpoint is awake and has little to do."""
    return max(1, int(config["compute"]["scaling"]["minReplica"]))


def _with_replicas(config: Mapping[str, Any], count: int) -> dict[str, Any]:
    compute = config["compute"]
    scaling = {**compute["scaling"], "minReplica": count, "maxReplica": count}
    return {**config, "compute": {**compute, "scaling": scaling}}


def _refuse(endpoint: Endpoint, rule: str, states: tuple[str, ...]) -> None:
    if endpoint.state in states and rule.isdigit():
        raise Refusal(int(rule), f"{INVALID_STATE}: endpoint is {endpoint.state}")
