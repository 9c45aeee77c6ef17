"""Charts of the tests."""

from pathlib import Path

MODELSERVICE = Path(__file__).parents[1] / "charts" / "modelservice"
"""Has the keys of llm-d-modelservice that this project sets, and no other."""
