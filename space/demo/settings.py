"""What the Space is told: variables and secrets of its settings, read once at the start."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

ENDPOINT_HOSTS = ".endpoints.huggingface.cloud"
"""Where Inference Endpoints answer; the only place, but for this machine, that a Hugging Face token is sent to."""
_LANGFUSE = ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY")
_LANGFUSE_HOST = "https://cloud.langfuse.com"  # where its client sends to when nobody says otherwise
_NUMBERS = {
    # Four characters are about one token: half of a small context, with room for the answer.
    "MAX_INPUT_CHARACTERS": (4000, 100_000),
    "MAX_OUTPUT_TOKENS": (512, 100_000),
    # One replica on one GPU serves so many at once without any of them noticing.
    "CONCURRENT_CALLS": (4, 1000),
    # A big model takes minutes from sleep to its first word.
    "WAKE_SECONDS": (600, 3600),
}
"""Variable -> (default, most); the least is 1."""


class SettingsError(Exception):
    """The Space is not told what it needs; the text says what to set, and repeats no value of a secret."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the model is, and what a visitor may ask of it.

    url: of the OpenAI API, ending in /v1. is_endpoint: it may sleep, and a call wakes it. langfuse: the host that
    questions and answers are recorded at; None: they are not recorded. max_input: characters. wake: seconds.
    """

    url: str
    model: str
    token: str | None = field(repr=False)
    is_endpoint: bool
    max_input: int
    max_output: int
    calls: int
    wake: int
    langfuse: str | None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Settings":
        """From the variables of a process. Raises SettingsError, with all that is wrong."""
        given = {name: value.strip() for name, value in environment.items()}
        problems: list[str] = []
        url = given.get("MODEL_URL", "").rstrip("/")
        local, host = _local(url), _host(url)
        if host is None:
            problems.append("MODEL_URL: set it to the model's address, such as https://llm.example.com.")
        elif not local and not url.startswith("https://"):
            problems.append("MODEL_URL: use https, since questions and the token go there; http is for this machine.")
        if not given.get("MODEL_NAME"):
            problems.append("MODEL_NAME: set it to the model's name at its server, as /v1/models lists it.")
        key, hf_token = given.get("MODEL_KEY") or None, given.get("HF_INVOKE_TOKEN") or None
        at_hugging_face = host is not None and host.endswith(ENDPOINT_HOSTS)
        if key and hf_token:
            problems.append("MODEL_KEY and HF_INVOKE_TOKEN are both set: one call has one of them.")
        elif hf_token and host is not None and not (at_hugging_face or local):
            problems.append(
                f"HF_INVOKE_TOKEN goes to hosts under {ENDPOINT_HOSTS} alone. Give MODEL_KEY for another host."
            )
        numbers = {name: _number(name, given.get(name, ""), problems) for name in _NUMBERS}
        recorded = [name for name in _LANGFUSE if given.get(name)]
        if len(recorded) == 1:
            problems.append(f"{' and '.join(_LANGFUSE)} belong together: only {recorded[0]} is set.")
        langfuse = given.get("LANGFUSE_BASE_URL") or given.get("LANGFUSE_HOST") or _LANGFUSE_HOST
        if recorded and (_host(langfuse) is None or not (langfuse.startswith("https://") or _local(langfuse))):
            problems.append("LANGFUSE_BASE_URL: use an https address; http is for this machine.")
        if problems:
            raise SettingsError("\n".join(problems))
        return cls(
            url=url if url.endswith("/v1") else f"{url}/v1",
            model=given["MODEL_NAME"],
            token=key or hf_token,
            is_endpoint=at_hugging_face or hf_token is not None,
            max_input=numbers["MAX_INPUT_CHARACTERS"],
            max_output=numbers["MAX_OUTPUT_TOKENS"],
            calls=numbers["CONCURRENT_CALLS"],
            wake=numbers["WAKE_SECONDS"],
            langfuse=langfuse if recorded else None,
        )

    @property
    def local(self) -> bool:
        """Whether the model answers on this machine."""
        return _local(self.url)


def _number(name: str, text: str, problems: list[str]) -> int:
    default, most = _NUMBERS[name]
    number = int(text) if text.isascii() and text.isdigit() else 0
    if text and not 1 <= number <= most:
        problems.append(f"{name}: set it to a whole number from 1 to {most}, or leave it out for {default}.")
    return number if text else default


def _host(url: str) -> str | None:
    """The host of an address that is nothing but scheme, host, port and path."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    plain = parts.scheme in ("http", "https") and "@" not in parts.netloc and not parts.query and not parts.fragment
    return parts.hostname if plain else None


def _local(url: str) -> bool:
    host = _host(url) or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
