"""The page: a chat with the model, and sentences for what else can happen."""

import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import gradio as gr

from demo import words
from demo.asking import Model, Piece
from demo.conversation import OURS, conversation
from demo.recording import Recorder
from demo.settings import Settings, SettingsError

_WAITING_PER_CALL = 5
"""So many visitors may wait for each call that the model takes at once; the next is told that the queue is full."""


def launch() -> None:
    """Serve the page. Ends the process with what has to be set when the Space is not told what it needs."""
    try:
        settings = Settings.of(os.environ)
    except SettingsError as error:
        raise SystemExit(f"This demo cannot start:\n{error}") from None
    waiting = settings.calls * _WAITING_PER_CALL
    # Server-side rendering would need Node, and renders what only the browser knows.
    chat(settings).queue(max_size=waiting).launch(ssr_mode=False, footer_links=["gradio"])


def chat(settings: Settings) -> gr.ChatInterface:
    """The page's parts."""
    model, recorder = Model(settings), Recorder(settings.langfuse)

    async def reply(question: str, history: list[dict[str, Any]]) -> AsyncIterator[list[gr.ChatMessage]]:
        if len(question) > settings.max_input:
            yield [_notice(words.too_long(len(question), settings.max_input))]
            return
        messages = conversation(question, history, settings.max_input)
        recording = recorder.begin(settings.model, messages)
        answer = ""
        notice: str | None = None
        outcome: str | None = "The visitor went away."
        try:
            async with aclosing(model.ask(messages)) as steps:
                async for step in steps:
                    if isinstance(step, Piece):
                        recording.took(step)
                        answer, notice = answer + step.text, None
                    else:
                        notice = step.text
                    yield _shown(answer, notice)
            outcome = notice
        finally:
            recording.ended(outcome)

    return gr.ChatInterface(
        reply,
        title=f"Chat with {settings.model}",
        description=about(settings),
        textbox=gr.Textbox(placeholder="Ask something", max_length=settings.max_input, container=False, scale=7),
        concurrency_limit=settings.calls,
        flagging_mode="never",
        analytics_enabled=False,
    )


def about(settings: Settings) -> str:
    """What a visitor has to know before the first question."""
    sentences = [
        f"A question has at most {settings.max_input} characters, an answer {settings.max_output} tokens.",
        "The model sleeps while nobody asks, and takes minutes to wake up." if settings.is_endpoint else "",
        f"**Questions and answers are recorded** at {settings.langfuse} (Langfuse)."
        if settings.langfuse
        else "This page keeps no questions.",
    ]
    return " ".join(filter(None, sentences))


def _shown(answer: str, notice: str | None) -> list[gr.ChatMessage]:
    said = [gr.ChatMessage(content=answer)] if answer else []
    return said + ([_notice(notice)] if notice else [])


def _notice(text: str) -> gr.ChatMessage:
    return gr.ChatMessage(content=f"*{text}*", metadata={"id": OURS})
