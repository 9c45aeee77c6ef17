"""What visitors are told while there is no answer: why, for how long, and what they can do."""

from http import HTTPStatus

UNREACHABLE = "The model cannot be reached: no server answers at its address. Ask again in some minutes."
UNREADABLE = "What came back is no answer of a chat model. Its owner has to look at MODEL_URL."
BROKEN_OFF = "The answer broke off here: the connection to the model ended. Ask again for a whole one."


def waiting(seconds: float) -> str:
    """No answer yet, and no refusal."""
    return f"The model has taken the question. No word yet after {seconds:.0f} s."


def not_ready(seconds: float, most: float, *, endpoint: bool) -> str:
    """A model that answers 503: asked again until it does not."""
    if endpoint:
        return (
            f"The model is asleep or still starting. Your question wakes it, which can take minutes: {seconds:.0f} s "
            f"so far, at most {most:.0f} s."
        )
    return f"No replica of the model is ready. Asking again: {seconds:.0f} s so far, at most {most:.0f} s."


def still_not_ready(seconds: float, *, endpoint: bool) -> str:
    """It answered 503 until the deadline."""
    what = "did not wake up" if endpoint else "had no replica ready"
    return f"The model {what} within {seconds:.0f} s. It may still come: ask again in some minutes."


def silent(seconds: float) -> str:
    """It took the question, and sent nothing."""
    return f"The model gave no answer within {seconds:.0f} s. It may have too much to do: ask again later."


def refused(status: int, *, paused: bool, after: str | None) -> str:
    """An answer that is none. after: the header Retry-After."""
    match status:
        case _ if paused:
            text = "The model is paused: its owner has stopped it, and has to resume it before it answers."
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            text = (
                f"The model does not take this page's token (HTTP {status}). The owner of the Space has to set "
                "HF_INVOKE_TOKEN or MODEL_KEY to one that may call it."
            )
        case HTTPStatus.NOT_FOUND:
            text = (
                "There is no such model at this address (HTTP 404). The owner has to look at MODEL_URL and MODEL_NAME."
            )
        case HTTPStatus.TOO_MANY_REQUESTS:
            when = f"in {int(after)} s" if after and after.isascii() and after.isdigit() else "in a minute"
            text = f"Too many questions at once: the model is overloaded. Ask again {when}."
        case HTTPStatus.BAD_REQUEST | HTTPStatus.REQUEST_ENTITY_TOO_LARGE | HTTPStatus.UNPROCESSABLE_ENTITY:
            text = (
                f"The model refuses this question (HTTP {status}). The conversation may be too long for it: begin a "
                "new one."
            )
        case _:
            text = f"The model failed (HTTP {status}). Ask again later."
    return text


def too_long(length: int, most: int) -> str:
    """A question that is not sent."""
    return f"Your question has {length} characters, and at most {most} are taken. It was not sent: shorten it."


def cut_off(tokens: int) -> str:
    """The answer ended at our limit."""
    return f"Cut off here: answers have at most {tokens} tokens. Ask it to go on."
