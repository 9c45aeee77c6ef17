"""Prompts and answers in spans and logs: where they stand, and the statements that take them out.

The statements are of the collector's transformation language (OTTL). In its configuration ``$$`` is one ``$``.
"""

from collections.abc import Mapping, Sequence

REDACTED = "[redacted]"

ATTRIBUTES = (
    # https://github.com/open-telemetry/semantic-conventions-genai, and its earlier names
    "gen_ai[.](prompt|completion|input[.]messages|output[.]messages|system_instructions)([.].*)?",
    "gen_ai[.](event[.]content|tool[.]definitions|tool[.]call[.](arguments|result))",
    # of OpenInference
    "(input|output)[.]value",
    "llm[.](input_messages|output_messages|prompts|prompt_template)([.].*)?",
    # OpenLLMetry, and Langfuse's own
    "traceloop[.]entity[.](input|output)",
    "langfuse[.](trace|observation)[.](input|output)",
)
"""Names of attributes that hold what people wrote or were answered, as patterns of the whole name."""

_WORDS = (
    "prompts?|prompt_token_ids|prompt_embeds|input_ids|output_ids|input_embeds|output_token_ids|messages|completion"
    "|generated_text|system_instructions"
)
_WORDS_IN_QUOTES = "content|text|inputs?|outputs?"
_BEFORE_QUOTES = "input|output|text"
IN_A_BODY = (
    rf"""(\b({_WORDS})["'\\]*\s*[:=]|["']({_WORDS_IN_QUOTES})["'\\]+\s*:|\b({_BEFORE_QUOTES})\s*[:=]\s*["'\[])"""
)
"""Where a log line begins to tell a prompt or an answer.

vLLM with --enable-log-requests and --enable-log-outputs (vllm/entrypoints/logger.py): ``prompt: '...'``,
``output: '...'``; SGLang with --log-requests (managers/tokenizer_manager.py): ``text='...'``; JSON of a request.
"""

_TRACE_ID = r"""trace_?id["'\\]*\s*[:=]\s*["'\\]*(?P<id>[0-9a-f]{32})\b"""
_NO_TRACE = "00000000000000000000000000000000"


def trace_statements() -> Sequence[Mapping[str, Sequence[str]]]:
    """No attribute of a span, or of its events, holds content.

    A group each: together they would run once for each event, and never for a span without one.
    """
    return [
        {"statements": [f"delete_matching_keys({where}, {_keys()})"]}
        for where in ("span.attributes", "spanevent.attributes")
    ]


def log_statements() -> Sequence[str]:
    """No attribute and no body of a log record holds content.

    An event of the GenAI conventions is content as a whole, and so is a body with fields of which one is; of a line of
    text the rest goes from where the content begins, as nobody can say where it ends.
    """
    redacted = f'set(log.body, "{REDACTED}")'
    event = "^gen_ai[.]"
    return [
        f"delete_matching_keys(log.attributes, {_keys()})",
        f'{redacted} where IsMatch(log.event_name, "{event}") or IsMatch(log.attributes["event.name"], "{event}")',
        f"{redacted} where not IsString(log.body) and IsMatch(log.body, {_quoted(f'(?i){IN_A_BODY}')})",
        f'replace_pattern(log.body, {_quoted(f"(?is){IN_A_BODY}.*")}, "$$1 {REDACTED}") where IsString(log.body)',
    ]


def link_statements() -> Sequence[str]:
    """A record that names its trace in its text gets it where stores look for it."""
    pattern = _quoted(_TRACE_ID)
    found = f'ExtractPatterns(log.body.string, {pattern})["id"]'
    unlinked = f'log.trace_id.string == "{_NO_TRACE}" and IsString(log.body) and IsMatch(log.body, {pattern})'
    return [f"set(log.trace_id.string, {found}) where {unlinked}"]


def _keys() -> str:
    return _quoted(f"^({'|'.join(ATTRIBUTES)})$")


def _quoted(pattern: str) -> str:
    """A pattern as a string of the language, in a configuration that expands dollar signs."""
    escaped = pattern.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"'
