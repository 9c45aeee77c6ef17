"""What of an endpoint costs money, by what the API says of it.

Hugging Face bills by the minute while initializing and running (its repository hf-endpoints-documentation, August
2026).
"""

FREE = ("paused", "scaledToZero")
"""States that cost nothing."""

_RUNS = ("running", "updating", "updateFailed")


def billed_replicas(state: str, *, ready: int, target: int) -> int:
    """Replicas that cost money in this state."""
    if state in FREE:
        return 0
    if state in _RUNS:
        return max(ready, target)
    if state == "initializing":
        return max(1, ready, target)
    return ready
