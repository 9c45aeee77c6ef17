"""The plan of ten models after three changes as a page, in a real headless Chromium: phone, desktop, paper."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from ops.cli import main
from tests.ops.ten_models import MODELS, ten_models
from tests.space.running import PYTHON, needs_space

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.prove,
    needs_space,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on PATH (Debian: apt-get install chromium)"),
]
SCRIPT = Path(__file__).parent / "scripts/look.py"


def looked_at(page, folder):
    """What was measured at each width. Fails where anything is cut, over something else, or fetched."""
    done = subprocess.run(
        [PYTHON, SCRIPT, CHROMIUM, page, folder], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    looked = json.loads(done.stdout)
    assert set(looked["asked"]) == {page.as_uri()}
    assert looked["told"] == []  # the policy of the page refused nothing of its own
    for seen in looked["seen"].values():
        assert seen["scroll"] <= seen["width"]
        assert (seen["outside"], seen["cut"], seen["over"]) == ([], [], [])
        assert seen["boxes"] > 200
        assert seen["bars"] > 2 * len(MODELS)
    return looked["seen"]


def test_nothing_is_cut_or_lies_over_anything_or_is_fetched(tmp_path, monkeypatch):
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    before = ten_models(checkout)
    monkeypatch.chdir(checkout)
    planned = CliRunner().invoke(main, ["plan", "--stack=dev", f"--against={before}", "--html", "--out=plan.html"])
    assert planned.exit_code == 1, planned.output  # a budget is broken
    page = checkout / "plan.html"
    longest = checkout / "longest.html"
    longest.write_text(page.read_text().replace("search-answers", "a" * 40).replace("mail-labels", "b" * 40))
    looked_at(longest, checkout)
    looked = looked_at(page, tmp_path)
    papers = {name: seen["paper"] for name, seen in looked.items()}
    white, dark = "rgb(255, 255, 255)", "rgb(13, 17, 23)"
    assert papers == {
        "phone": white, "phone-dark": dark, "desktop": white, "desktop-dark": dark, "printed": white
    }  # fmt: skip
