"""Rules about containers that serve a model: start, life and end."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from policy.pods import Pod, called
from policy.reading import UNKNOWN, each, get, number
from policy.rule import Found, Rule, of_pods

LEAST_START_SECONDS = 300
"""16 GB of weights at 100 MB/s are 160 s, and compilation and graphs take another minute or two."""

LEAST_LIFE_SECONDS = 30
"""A step with a long prompt may keep an engine from answering for seconds."""

LEAST_GRACE_SECONDS = 60
"""Kubernetes gives 30 by default; an answer of 1000 tokens takes longer than half of that."""


_COMMIT = re.compile(r"[0-9a-f]{40}")
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_MODEL_FLAGS = ("--model", "--model-path", "--model-id")
_VARIABLE = re.compile(r"\$")
"""Of what the kubelet or a shell fills in, nobody sees from here what it is."""


def _start(pod: Pod) -> Found:
    for container in pod.engines:
        probe = get(container, "startupProbe")
        if probe is None:
            yield f"{called(container)} has no startupProbe"
        elif (seconds := _budget(probe)) is not None and seconds < LEAST_START_SECONDS:
            yield f"{called(container)} has {seconds} s to start"


def _life(pod: Pod) -> Found:
    for container in pod.engines:
        probe = get(container, "livenessProbe")
        if probe is None:
            yield f"{called(container)} has no livenessProbe"
        elif (seconds := _budget(probe)) is not None and seconds < LEAST_LIFE_SECONDS:
            yield f"{called(container)} is restarted after {seconds} s without an answer"


def _readiness(pod: Pod) -> Found:
    for container in pod.engines:
        if get(container, "readinessProbe") is None:
            yield f"{called(container)} has no readinessProbe"


def _end(pod: Pod) -> Found:
    if not list(pod.engines):
        return
    given = get(pod.spec, "terminationGracePeriodSeconds")
    # 30: the default of the API server.
    grace = 30 if given is None else number(given)
    if grace is not None and grace < LEAST_GRACE_SECONDS:
        yield f"the pod has {grace} s to end"
    for container in pod.engines:
        hook = get(container, "lifecycle", "preStop")
        if hook is None:
            yield f"{called(container)} has no preStop"
        seconds = number(get(hook, "sleep", "seconds"))
        if seconds is not None and grace is not None and seconds >= grace:
            yield f"{called(container)} sleeps {seconds} s before it is told to end, and is killed after {grace} s"


def _remote_code(pod: Pod) -> Found:
    for container in pod.containers:
        words = [str(one) for key in ("command", "args") for one in each(container, key)]
        # vLLM and SGLang by flag, TGI by variable, too.
        if any(word.replace("_", "-").partition("=")[0] == "--trust-remote-code" for word in words):
            yield f"{called(container)} is started with --trust-remote-code"
        for variable in each(container, "env"):
            value = get(variable, "value")
            switched = value is not UNKNOWN and str(value).lower() in ("1", "true", "yes")
            if str(get(variable, "name")).endswith("TRUST_REMOTE_CODE") and switched:
                yield f"{called(container)} has {get(variable, 'name')} switched on"


def _moving(pod: Pod) -> Found:
    for container in pod.engines:
        command, args = ([str(one) for one in each(container, key)] for key in ("command", "args"))
        model, revision = named([*(command or ["serve"]), *args])
        if revision is not None and not _COMMIT.fullmatch(revision) and not _VARIABLE.match(revision):
            yield f"{called(container)} serves revision {revision}, which is no commit"
        elif revision is None and model is not None and REPOSITORY.fullmatch(model):
            yield f"{called(container)} serves {model} at no revision"


def named(words: Sequence[str]) -> tuple[str | None, str | None]:
    """The model and the revision that a command line names, as far as it does: by flags, or `serve MODEL`."""
    served = [after for word, after in pairwise([*words, ""]) if word == "serve" and not after.startswith("-")]
    return value_of(words, *_MODEL_FLAGS) or (served[-1] if served else None), value_of(words, "--revision")


def value_of(words: Sequence[str], *flags: str) -> str | None:
    """The value that a command line gives to one of some flags, the last where there are several."""
    found = None
    for word, following in pairwise([*words, ""]):
        flag, equals, value = word.partition("=")
        if flag in flags:
            found = value if equals else following
    return found


def _budget(probe: object) -> int | None:
    """Seconds until a probe that never answers counts as failed; None where nobody can tell yet."""
    if not isinstance(probe, Mapping):
        return None
    # The API server's defaults: 0, 10 and 3.
    delay, period, failures = (
        default if (value := get(probe, key)) is None else number(value)
        for key, default in (("initialDelaySeconds", 0), ("periodSeconds", 10), ("failureThreshold", 3))
    )
    if delay is None or period is None or failures is None:
        return None
    return delay + period * failures


RULES = (
    Rule(
        name="start-has-time",
        description=f"Engines have a startupProbe of at least {LEAST_START_SECONDS} s.",
        why="An engine loads for minutes; killed before it is done, it starts anew for ever.",
        remedy="Give startupProbe a failureThreshold that covers download, load and compilation.",
        mandatory=True,
        of=of_pods(_start),
    ),
    Rule(
        name="hanging-engine-restarts",
        description=f"Engines have a livenessProbe, which fails after {LEAST_LIFE_SECONDS} s at the earliest.",
        why="An engine whose GPU fell off the bus keeps its port open; one that is busy may be slow to answer.",
        remedy="Probe /health, with a period and a failureThreshold that a long prompt does not exceed.",
        mandatory=True,
        of=of_pods(_life),
    ),
    Rule(
        name="ready-before-traffic",
        description="Engines have a readinessProbe.",
        why="Without it requests come while the weights are loading, and fail.",
        remedy="Probe the path that answers once the model does.",
        mandatory=True,
        of=of_pods(_readiness),
    ),
    Rule(
        name="answers-end",
        description=f"Engines have a preStop, and at least {LEAST_GRACE_SECONDS} s to end.",
        why="A replica that goes still gets requests for seconds, and its answers take longer than Kubernetes waits.",
        remedy="Sleep in preStop, and set terminationGracePeriodSeconds to sleep and drain together.",
        mandatory=True,
        of=of_pods(_end),
    ),
    Rule(
        name="weights-pinned",
        description="Engines load a commit of their model, or a directory.",
        why="A branch moves, and a replica that starts tomorrow would serve other weights than its neighbours.",
        remedy="Give --revision a commit; `llm lock` finds it.",
        # The lab runs unresolved locks, and the program itself refuses them elsewhere.
        mandatory=False,
        of=of_pods(_moving),
    ),
    Rule(
        name="no-remote-code",
        description="No engine runs code from a model's repository.",
        why="Whoever can write to that repository runs what they want beside your keys and prompts.",
        remedy="Remove trust-remote-code, and use an engine that knows the architecture.",
        # Who says trustRemoteCode in a stack file says it on purpose.
        mandatory=False,
        of=of_pods(_remote_code),
    ),
)
