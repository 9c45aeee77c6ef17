"""What every contestant is asked. Read by both environments: the standard library alone."""

ANSWER_TOKENS = 64
"""Of every answer, exactly: the model's end token is never the likeliest."""


def prompt(number: int) -> str:
    """A prompt of its own, from the first token on: nobody can answer it from what was read before."""
    return f"{number} replicas wait for a GPU. Say what the scheduler does with them, in the order in which it does it."
