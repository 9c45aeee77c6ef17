"""What the server is told by its environment. A wrong value is refused at start, by its variable's name."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Positive = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]

SECRETS = frozenset(
    {
        "API_KEY",
        "LANGFUSE_PUBLIC_KEY",
        "LANGFUSE_SECRET_KEY",
        "OTEL_EXPORTER_OTLP_HEADERS",
    }
)


class SettingsError(Exception):
    """The environment is not usable; every line names a variable and what would work."""


class Settings(BaseSettings):
    """The server's settings: one field for each variable, of the same name in capitals."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True, protected_namespaces=())

    model_id: str = Field(description="The model: a repository of the Hub, or a directory.")
    model_revision: str | None = Field(None, description="The repository's commit, tag or branch.")
    served_name: str = Field("", description="What clients call the model. Default: MODEL_ID, of a directory its name.")
    host: str = Field("127.0.0.1", description="The address to listen on; 0.0.0.0 for all.")
    port: Port = Field(8080, description="The port of the API.")
    metrics_port: Port = Field(8001, description="The port of /metrics, of its own.")
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = Field(
        "auto", description="The type of the weights; auto is as they are stored."
    )
    quantization: Literal["none", "bitsandbytes-8bit", "bitsandbytes-4bit"] = Field(
        "none", description="What is quantized while loading. none also for weights that are stored quantized."
    )
    device: str = Field("auto", description="auto, cpu, cuda:0, mps: auto takes a GPU where there is one.")
    max_model_len: Positive | None = Field(
        None, description="Most tokens of prompt and answer. Default: what the model reads."
    )
    max_running_requests: Positive = Field(64, description="Most requests that are answered at the same time.")
    max_queued_requests: Positive = Field(256, description="Most requests that wait; beyond it 429.")
    max_queued_tokens: Positive | None = Field(
        None, description="Most tokens of all waiting prompts; beyond it 429. Default: no limit of its own."
    )
    max_body_bytes: Positive = Field(8_388_608, description="Longest body of a request, in bytes; beyond it 413.")
    request_timeout_seconds: Seconds = Field(600, description="Longest time for one answer, waiting included.")
    drain_seconds: Seconds = Field(60, description="After SIGTERM, time for the answers that are under way.")
    api_key: SecretStr | None = Field(None, description="The key that clients have to send. Without any key all may.")
    api_keys_file: Path | None = Field(None, description="A file of keys, one a line, beside API_KEY.")
    kv_cache_tokens: Positive | None = Field(
        None, description="Size of the KV cache in tokens. Default: what the device has."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")
    capture_prompts: bool = Field(
        False, description="Whether traces hold prompts and answers. Logs and metrics never do."
    )
    otel_exporter_otlp_endpoint: str | None = Field(None, description="Where traces go: a collector's address.")
    otel_exporter_otlp_protocol: Literal["grpc", "http/protobuf"] = Field("grpc", description="How traces go there.")
    otel_exporter_otlp_headers: SecretStr | None = Field(None, description="Headers for it: name=value,name=value.")
    otel_service_name: str = Field("llm-inference-server", description="What traces call the server.")
    langfuse_host: str | None = Field(None, description="Langfuse's address, to send traces there.")
    langfuse_public_key: SecretStr | None = Field(None, description="Langfuse's public key.")
    langfuse_secret_key: SecretStr | None = Field(None, description="Langfuse's secret key.")

    @model_validator(mode="before")
    @classmethod
    def _name_what_is_served(cls, values: dict[str, Any]) -> dict[str, Any]:
        if not values.get("served_name") and isinstance(model := values.get("model_id"), str):
            directory = Path(model)
            name = directory.resolve().name if directory.is_dir() else model
            return {**values, "served_name": name}
        return values

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        if self.port == self.metrics_port != 0:
            raise ValueError(f"METRICS_PORT={self.metrics_port}: it is PORT too; give the metrics a port of their own")
        return self

    def keys(self) -> frozenset[str]:
        """The keys of the clients. Raises SettingsError where the file cannot be read or holds none."""
        keys = {self.api_key.get_secret_value()} if self.api_key else set()
        if self.api_keys_file is not None:
            try:
                lines = self.api_keys_file.read_text().splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(
                    f"API_KEYS_FILE={self.api_keys_file}: {type(error).__name__}; name a readable file of keys"
                ) from None
            found = {line.strip() for line in lines} - {""}
            if not found:
                # An empty file is an accident, and would open the server to all.
                raise SettingsError(f"API_KEYS_FILE={self.api_keys_file}: no key in it; write one a line")
            keys |= found
        return frozenset(keys)

    def public(self) -> dict[str, Any]:
        """All settings by their variables' names; of a secret only that it is set."""
        return {
            name.upper(): "set" if name.upper() in SECRETS and value is not None else value
            for name, value in self.model_dump(mode="json").items()
        }


def from_environment() -> Settings:
    """Read the environment. Raises SettingsError with all that is wrong."""
    try:
        settings = Settings()
    except ValidationError as error:
        problems = [_sentence(problem) for problem in error.errors(include_url=False, include_context=False)]
        raise SettingsError("\n".join(problems)) from None
    settings.keys()
    return settings


def _sentence(problem: Any) -> str:
    said = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return str(said)
    name = str(problem["loc"][0])
    field = Settings.model_fields[name.lower()]
    variable = name.upper()
    if problem["type"] == "missing":
        return f"{variable} is not set. {field.description}"
    value = "(not shown)" if variable in SECRETS else problem["input"]
    return f"{variable}={value}: {said[0].lower()}{said[1:]}. {field.description}"
