"""The mistakes that people make about llm-d, and what each is answered with."""

from typing import Any

from tests.blueprint.mistakes import Mistake, wrong
from tests.blueprint.stack_files import PROD, edited

LLM_D = edited(PROD, {"models.m.llmD": {}})
"""Valid: llm-d delivers a model."""


def misdelivered(llm_d: Any, key: str, problem: str, remedy: str) -> Mistake:
    """A mistake inside a model's llmD."""
    return wrong("models.m.llmD", llm_d, problem, remedy, at=f"models.m.llmD{key}", base=LLM_D)


LLM_D_MISTAKES = {
    "llm-d as a switch": misdelivered(True, "", "True is not a mapping", "Give a mapping"),
    "unknown key of llm-d": misdelivered({"charts": {}}, ".charts", "unknown key", "Did you mean chart?"),
    "unknown key of its chart": misdelivered(
        {"chart": {"repo": "https://charts.example.com"}}, ".chart.repo", "unknown key", "repository"
    ),
    "chart version whose keys nobody read": misdelivered(
        {"chart": {"version": "v0.3.0"}}, ".chart.version", "the keys of v0.3.0 have not been read", "Use v0.4.12."
    ),
    "chart version without its v": misdelivered(
        {"chart": {"version": "0.4.12"}}, ".chart.version", "the keys of 0.4.12 have not been read", "Use v0.4.12."
    ),
    "chart by path and by repository": misdelivered(
        {"chart": {"path": "charts/modelservice", "repository": "https://charts.example.com"}},
        ".chart.repository",
        "path says that it is here",
        "Remove repository, or remove path",
    ),
    "chart by path with a version": misdelivered(
        {"chart": {"path": "charts/modelservice", "version": "v0.4.12"}},
        ".chart.version",
        "path says that it is here",
        "Remove version",
    ),
    "chart at a path of one machine": misdelivered(
        {"chart": {"path": "/home/me/modelservice"}}, ".chart.path", "does not have the allowed form", "Not absolute"
    ),
    "chart outside the project": misdelivered(
        {"chart": {"path": "../modelservice"}}, ".chart.path", "does not have the allowed form", "below the project"
    ),
    "chart repository in clear text": misdelivered(
        {"chart": {"repository": "http://charts.example.com"}},
        ".chart.repository",
        "does not have the allowed form",
        "https://",
    ),
}
