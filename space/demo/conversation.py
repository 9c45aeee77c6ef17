"""What of a conversation the model is sent."""

from collections.abc import Sequence
from typing import Any

from demo.asking import Message

OURS = "notice"
"""The metadata id of messages that the page says, and not the model."""


def conversation(question: str, history: Sequence[dict[str, Any]], most: int) -> list[Message]:
    """What the model is sent: as many of the last whole turns as fit into `most` characters, and the question."""
    turns: list[list[Message]] = []
    for entry in history:
        message = {"role": entry["role"], "content": _text(entry["content"])}
        if message["role"] == "user":
            turns.append([message])
        elif turns and (entry.get("metadata") or {}).get("id") != OURS:
            turns[-1].append(message)
    kept: list[Message] = []
    for turn in reversed([turn for turn in turns if len(turn) > 1]):  # a question without an answer is none
        if sum(len(message["content"]) for message in [*turn, *kept]) + len(question) > most:
            break
        kept = [*turn, *kept]
    return [*kept, {"role": "user", "content": question}]


def _text(content: Any) -> str:
    """The text of a message, which Gradio hands on in parts."""
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
