"""Revisions that are well by their health and their metrics, and answer badly: what only a question can find."""

from dataclasses import replace

from lab.hub import simulation

PREFIX = "lab-"
"""Begins the revisions that the lab knows to be bad."""
FAULTS = ("silent", "unstructured")
"""silent: answers are 200 and empty. unstructured: they do not keep to the schema of response_format."""


def of(revision: str) -> str | None:
    """What is wrong with a revision; None where nothing is."""
    named = revision.removeprefix(PREFIX) if revision.startswith(PREFIX) else ""
    return named if named in FAULTS else None


def answer(question: simulation.Question, fault: str | None) -> simulation.Generated:
    """What a revision with that fault answers."""
    if fault == "unstructured":
        question = replace(question, structure=None)
    given = question.answer()
    return replace(given, words=[]) if fault == "silent" else given
