"""What the interfaces take in their requests."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator


def _encodable(text: str) -> str:
    # JSON can say half of a surrogate pair, which is no text: no tokenizer takes it.
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("this is no Unicode text") from None
    return text


Text = Annotated[str, AfterValidator(_encodable)]
Zero = Annotated[float, Field(ge=0, le=0)]
One = Annotated[float, Field(ge=1, le=1)]
Seed = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Temperature = Annotated[float, Field(ge=0, le=2)]
TopP = Annotated[float, Field(gt=0, le=1)]
TopK = Annotated[int, Field(ge=0, le=2**31 - 1)]
Tokens = Annotated[int, Field(ge=1, le=2**31 - 1)]
Stop = Annotated[Text, Field(min_length=1, max_length=1_000)]
Stops = Annotated[list[Stop], Field(max_length=16)]


class Fields(BaseModel):
    """A request. What is not known is refused by its name; null counts as left out."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _leave_out_nulls(cls, values: Any) -> Any:
        if isinstance(values, dict):
            return {name: value for name, value in values.items() if value is not None}
        return values


class StreamOptions(Fields):
    """What a stream tells beside the text."""

    include_usage: bool = False


class OpenAIFields(Fields):
    """What chat and completions share. Fields of one possible value are there because clients send them."""

    model: str | None = None
    temperature: Temperature = 1
    top_p: TopP = 1
    top_k: TopK = 0
    seed: Seed | None = None
    stop: Stop | Stops = []
    stream: bool = False
    stream_options: StreamOptions | None = None
    ignore_eos: bool = False
    n: Annotated[int, Field(ge=1, le=1)] = 1
    frequency_penalty: Zero = 0
    presence_penalty: Zero = 0
    user: str | None = Field(None, description="Taken, and used for nothing.")

    @property
    def stops(self) -> list[str]:
        """The stop strings."""
        return [self.stop] if isinstance(self.stop, str) else self.stop


class TextPart(Fields):
    """A part of a message."""

    type: Literal["text"]
    text: Text


class Message(Fields):
    """A message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: Text | list[TextPart]

    def plain(self) -> dict[str, str]:
        """The message as chat templates read it."""
        content = self.content
        return {
            "role": self.role,
            "content": content if isinstance(content, str) else "".join(part.text for part in content),
        }


class ChatFields(OpenAIFields):
    """POST /v1/chat/completions."""

    messages: Annotated[list[Message], Field(min_length=1)]
    max_tokens: Tokens | None = Field(None, description="Default: what the prompt leaves.")
    max_completion_tokens: Tokens | None = None
    logprobs: bool = False
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None

    @model_validator(mode="after")
    def _logprobs_are_asked_for(self) -> "ChatFields":
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs: true")
        return self


class CompletionFields(OpenAIFields):
    """POST /v1/completions."""

    prompt: Text | list[Annotated[int, Field(ge=0)]] | Annotated[list[Text], Field(min_length=1, max_length=1)]
    max_tokens: Tokens = 16
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    echo: Literal[False] = False
    best_of: Annotated[int, Field(ge=1, le=1)] = 1


class TGIParameters(Fields):
    """TGI's parameters. Tokens are drawn where do_sample says so, or temperature, top_k or top_p do."""

    max_new_tokens: Tokens = 100
    do_sample: bool = False
    temperature: Annotated[float, Field(gt=0, le=100)] | None = None
    top_p: TopP | None = None
    top_k: TopK | None = None
    seed: Seed | None = None
    stop: Stops = []
    return_full_text: bool = False
    truncate: Tokens | None = None
    details: bool = False
    top_n_tokens: Annotated[int, Field(ge=0, le=5)] = 0
    best_of: Annotated[int, Field(ge=1, le=1)] = 1
    decoder_input_details: Literal[False] = False
    repetition_penalty: One = 1
    frequency_penalty: Zero = 0
    watermark: Literal[False] = False


class TGIFields(Fields):
    """TGI's form of a request. stream is for POST / alone."""

    inputs: Text
    parameters: TGIParameters = TGIParameters()
    stream: bool = False


class PromptFields(Fields):
    """The plain form of POST /generate."""

    prompt: Text
    max_new_tokens: Tokens = 100
    temperature: Temperature = 0.7
    top_p: TopP = 1
    top_k: TopK = 0
    seed: Seed | None = None
    stop: Stops = []


def _form(values: Any) -> str:
    return "PromptFields" if isinstance(values, dict) and "prompt" in values else "TGIFields"


GenerateFields = Annotated[
    Annotated[TGIFields, Tag("TGIFields")] | Annotated[PromptFields, Tag("PromptFields")], Discriminator(_form)
]
"""POST /generate takes both forms."""
