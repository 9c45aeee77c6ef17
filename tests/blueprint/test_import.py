"""What importing the blueprint brings along: every command, preview and test pays for it. bench/imports.py times it."""

import subprocess
import sys

HEAVY = {"pulumi", "pulumi_kubernetes", "click", "huggingface_hub", "lightkube", "httpx", "httpx2", "requests", "grpc"}


def test_the_blueprint_imports_nothing_heavy():
    code = "import sys, blueprint.stack; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert HEAVY & set(loaded.split()) == set()
