"""Where traces go, and what they may hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, kw_only=True)
class TelemetryOptions:
    """Without an endpoint and without Langfuse's three values no traces are made; metrics always are.

    otlp_endpoint: a collector's address with its scheme; http/protobuf adds /v1/traces to it.
    otlp_headers: name=value,name=value with percent-encoded values, as in OTEL_EXPORTER_OTLP_HEADERS.
    """

    otlp_endpoint: str | None = None
    otlp_protocol: Literal["grpc", "http/protobuf"] = "grpc"
    otlp_headers: str | None = field(default=None, repr=False)
    langfuse_host: str | None = None
    langfuse_public_key: str | None = field(default=None, repr=False)
    langfuse_secret_key: str | None = field(default=None, repr=False)
    capture_prompts: bool = False
    service_name: str = "llm-inference-server"

    def __post_init__(self) -> None:
        for name, address in (("otlp_endpoint", self.otlp_endpoint), ("langfuse_host", self.langfuse_host)):
            if address is not None:
                _check_address(name, address)
        given = (self.langfuse_host, self.langfuse_public_key, self.langfuse_secret_key)
        if any(given) and not all(given):
            raise ValueError(
                "Langfuse needs langfuse_host, langfuse_public_key and langfuse_secret_key, or none of them"
            )
        self.headers()

    def headers(self) -> Mapping[str, str]:
        """The headers for the collector, by lower-case name. gRPC takes no others."""
        headers = {}
        for entry in filter(None, (self.otlp_headers or "").split(",")):
            name, equals, value = entry.partition("=")
            if not equals or not name.strip():
                raise ValueError("otlp_headers: an entry is not name=value")  # which one is a secret
            headers[name.strip().lower()] = unquote(value.strip())
        return headers


def _check_address(name: str, address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{name}: an address with http:// or https:// is needed")
    if parts.username or parts.password:
        raise ValueError(f"{name}: credentials belong into headers or keys, not into the address, which is logged")
