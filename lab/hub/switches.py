"""What nobody outside Hugging Face knows for sure about the service, each a switch with the likeliest answer first.

Evidence, as in the research notes: [S] read in huggingface_hub 2.4.0, [O] the service's OpenAPI document (2026),
[O22] the one of 2022, [D] its documentation, [D-old] pages since removed, [G] huggingface_hub's repository,
[H] harbor-hf, [L] seen live by users, [?] not established: the default is a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self, get_args, get_type_hints

from lab.errors import LabError


@dataclass(frozen=True, kw_only=True)
class Switches:
    """How the stand-in behaves where the real service's behaviour is not established."""

    # -- create and update
    create_status: Literal[200, 202] = 200
    """200 [O]; 202 [O22]."""
    unknown_type: Literal["private", "400"] = "private"
    """An unknown access type is coerced to private with 200 [L, July 2026]."""
    nulls: Literal["422", "accept"] = "422"
    """task: null and secrets: null are refused with 422 [S for task; G for secrets, 2024]."""
    null_in_put: Literal["clear", "ignore"] = "clear"
    """What null does in a change, where it is not refused: takes the value away, or nothing, as if it were absent [?].
    huggingface_hub never sends it."""
    validation_body: Literal["error", "errors", "message"] = "error"
    """Layout of a validation error. Known only as its text [G]; error is what other answers have [O22]. Of
    message, huggingface_hub shows nothing."""
    name_length: Literal[32, 63] = 32
    """32 characters at most [O, O22]; harbor-hf uses 50 and allows 63 [H]."""
    unknown_repository: Literal["accept", "400"] = "accept"
    """A model that the Hub does not have [?]. Accepted with a commit computed from the name."""
    timeout_needs_min_zero: bool = True
    """scaleToZeroTimeout requires minReplica 0 [O]."""
    timeout_minutes: Literal["any", "listed"] = "any"
    """Which scaleToZeroTimeout is allowed: any number [?] (15, 43 and 0 are seen in clients), or listed ones: 15, 30,
    45, 60, 120, 180, 360, 720, 1440. With 0 an endpoint never sleeps [?]."""
    multi_gpu_needs_parallelism: bool = True
    """vLLM and SGLang on several GPUs without a parallel size are refused [G]; [D] says the size has a default."""
    put_on_paused: Literal["keep", "restart", "400", "409"] = "keep"
    """A change of a paused endpoint: kept for its next start [?]; refused [D-old]."""
    put_on_failed: Literal["restart", "keep", "400", "409"] = "restart"
    """A change of a failed endpoint: starts it again [?]; refused [D-old]."""
    put_on_updating: Literal["restart", "400", "409"] = "restart"
    """A change of an endpoint that is starting or being changed: supersedes [?]."""
    put_shows_running: bool = False
    """The answer to a change, and a read right after it, still say running: wait() returns early [G #2767]."""
    engine_change: Literal["allow", "400"] = "allow"
    """Another engine by PUT: huggingface_hub's guide does it [G]; the engine's page says it cannot be [D]."""
    accelerator_change: Literal["allow", "400"] = "allow"
    """From CPU to GPU or back by PUT: huggingface_hub can send it [S]; refused [D-old]."""
    scaling_change_restarts: bool = True
    """Whether a change of scaling, tags or type passes through updating [?]."""
    old_serves_while_updating: bool = True
    """The former configuration serves during updating and after updateFailed [?; "rolling update" in D]."""
    cache_echoed_at_top: bool = False
    """cacheHttpResponses in answers: in experimentalFeatures alone [O], or at the top too."""
    secrets_shown: Literal["null", "empty", "absent"] = "null"
    """What a read gives for model.secrets: names with null [Go client's type; H reads names], {}, or nothing [?]."""
    private_service: Literal["both", "region", "shared"] = "both"
    """Which field of privateService is known beside accountId: region [S], or shared [Go client, 2025]."""
    network_and_notifications: Literal["drop", "keep"] = "drop"
    """What becomes of network and notifications, whose layout nobody has written down [?]."""

    # -- pause, resume, scale to zero
    pause_on_paused: Literal["400", "200"] = "400"
    """harbor-hf treats 400 with state paused as success [H]."""
    pause_on_failed: Literal["allow", "400"] = "allow"
    """[?]"""
    pause_shows_pausing: bool = False
    """A state "pausing" until replicas are gone: no enumeration has it, harbor-hf tolerates it [H]."""
    pause_rewrites_replicas: bool = False
    """Pause sets minReplica and maxReplica to 0 and resume to 1 [D-old]; harbor's evidence contradicts it [H]."""
    target_while_paused: Literal["kept", "zero"] = "kept"
    """targetReplica may stay above zero while paused [H]."""
    url_while_paused: Literal["hidden", "kept"] = "hidden"
    """url is None while paused [G guide]; the address itself stays the same [D-old]."""
    resume_on_scaled_to_zero: Literal["wake", "400"] = "wake"
    """[?]"""
    resume_on_failed: Literal["restart", "400"] = "restart"
    """[?]; a failed endpoint must be made anew [D-old]."""
    scale_to_zero_on_stopped: Literal["400", "200"] = "400"
    """scale-to-zero of an endpoint that does not run [?]."""
    url_appears: Literal["initializing", "running"] = "initializing"
    """url may exist before running [G, #2229]."""
    url_leads: Literal["there", "nowhere"] = "there"
    """Whether url leads to the endpoint as soon as it is shown, or to a port at which nobody listens until the engine
    has loaded (in life: a host that DNS does not know yet; wait() ends with ConnectError [S])."""

    # -- quota, lists, logs
    quota_status: Literal[400, 402, 403, 422, 429] = 403
    """Status of a refusal for lack of quota [?]; community adapters test 402 and 429 or the text [L]."""
    quota_text: str = "Quota exceeded: {needed} accelerators of {type} needed, {left} of {most} left in {namespace}"
    """Text of that refusal [?]."""
    quota_counts: Literal["max", "current"] = "max"
    """What an endpoint uses of its quota: accelerators times maxReplica [H], or times the replicas it has [?]."""
    total_items: bool = False
    """totalItems in lists: one client types it [L], the schema does not have it [O]."""
    log_stream: Literal["501", "stream"] = "501"
    """/v3/.../logs/sse: 501 is possible [O]."""

    rate_limit: int = 0
    """Requests to the Endpoints API in a minute and by token, above which there is 429; 0 is no limit. Numbers [?]."""

    # -- calling endpoints
    sleeping_status: Literal[503, 502] = 503
    """What a sleeping endpoint answers while it wakes: 503 [D], 502 until July 2025 [D]."""
    authenticated_needs_infer: bool = False
    """Whether `authenticated` asks for the permission to infer, or for any Hugging Face account [D]."""
    model_name: Literal["any", "served"] = "any"
    """Whether vLLM refuses other model names than /repository and --served-model-name [L]. InferenceClient sends
    "dummy" [S], which only `any` answers."""

    @classmethod
    def of(cls, given: "Mapping[str, Any] | Switches | None") -> Self:
        """The switches with these changes. Raises LabError for one that does not exist, or a value it cannot have."""
        if isinstance(given, cls):
            return given
        return cls().changed(given if isinstance(given, Mapping) else {})

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """A copy with these changes; numbers and booleans may come as text."""
        hints = get_type_hints(type(self))
        unknown = sorted(set(changes) - {field.name for field in fields(self)})
        if unknown:
            raise LabError(f"There is no switch {unknown[0]}. There are: {', '.join(sorted(hints))}.")
        return replace(self, **{name: _read(name, hints[name], value) for name, value in changes.items()})


def _read(name: str, hint: Any, value: Any) -> Any:
    if hint is str:
        return str(value)
    if hint is int and str(value).isdigit():
        return int(value)
    allowed = (True, False) if hint is bool else get_args(hint)
    for choice in allowed:
        if str(value).lower() == str(choice).lower():
            return choice
    raise LabError(f"{name} cannot be {value!r}; it is one of {', '.join(map(str, allowed)) or 'the whole numbers'}.")
