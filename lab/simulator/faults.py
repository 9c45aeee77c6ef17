"""What goes wrong with a simulated model."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Everything that is wrong from one moment on; nothing is, by itself.

    since: seconds. stalled: engines make no token any more, and answer their health check and Prometheus all the same.
    slower_steps, slower_prompts: times as long. failing: share of the requests that end in an error of the server.
    requests: each comes so many times. kv_tokens: size of the KV cache, from the start. leaked_bytes: GPU memory that
        each request leaves behind.
    crash_seconds: engines end after so long, each time again. deaf: one replica does not answer Prometheus any more.
    gone: pods are replaced, and no node takes the new ones.
    gpus: that each pod holds, whatever its model was given.
    blind: the scaler gets no answer for its queries.
    xid: error of the driver. double_bit, replaced_rows: errors that the card could not correct, by the hour.
    no_rows: the card could not replace a row.
    shut: the door to its public host leads nowhere. unasked: nobody asks there. certificate_days: that its certificate
        has left at first.
    """

    since: float = 0
    stalled: bool = False
    slower_steps: float = 1
    slower_prompts: float = 1
    failing: float = 0
    requests: int = 1
    kv_tokens: int | None = None
    leaked_bytes: float = 0
    crash_seconds: float | None = None
    deaf: bool = False
    gone: bool = False
    gpus: int = 1
    blind: bool = False
    xid: int = 0
    double_bit: int = 0
    replaced_rows: int = 0
    no_rows: bool = False
    shut: bool = False
    unasked: bool = False
    certificate_days: float = 60


HEALTHY = Faults()
