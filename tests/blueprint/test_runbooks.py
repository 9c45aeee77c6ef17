"""Each alert has its page, and the documentation's table says of each what the rules say."""

from pathlib import Path

from blueprint.monitoring.rule import RUNBOOKS
from tests.blueprint.test_rules import ENGINES, each, rules, stack

ROOT = Path(__file__).parents[2]
SECTIONS = ("## What users feel", "## Look first", "## Causes", "## What to do")


def alerts():
    """All rules that raise something, of all engines and of the stack."""
    return [rule for name in ENGINES for rule in each(rules(stack(name)), "alert")]


def table() -> str:
    """The table of alerts as docs/monitoring.md has it."""
    rows: dict[str, dict[str, list[str]]] = {}
    for rule in alerts():
        row = rows.setdefault(rule["alert"], {"severity": [], "for": [], "dashboard": []})
        for key, value in (
            ("severity", rule["labels"]["severity"]),
            ("for", rule["for"]),
            ("dashboard", rule["annotations"]["dashboard"]),
        ):
            if value not in row[key]:
                row[key].append(value)
    lines = ["| alert | severity | for | dashboard |", "|---|---|---|---|"]
    for name, row in sorted(rows.items()):
        cells = (", ".join(row[key]) for key in ("severity", "for", "dashboard"))
        lines.append(f"| [{name}](runbooks/{name}.md) | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def test_alerts_and_pages_are_the_same_set():
    pages = {path.stem for path in (ROOT / RUNBOOKS).glob("*.md")}
    assert {rule["alert"] for rule in alerts()} == pages


def test_each_page_says_what_to_do():
    for path in (ROOT / RUNBOOKS).glob("*.md"):
        text = path.read_text()
        assert text.startswith(f"# {path.stem}\n")
        places = [text.index(section) for section in SECTIONS]
        assert places == sorted(places), path


def test_the_table_of_alerts_is_that_of_the_rules():
    assert table() in (ROOT / "docs/monitoring.md").read_text()


def test_each_alert_says_who_is_meant_what_holds_and_where_to_read_on():
    for rule in alerts():
        about = rule["labels"].keys()
        assert {"severity", "namespace"} <= about
        assert rule["labels"].get("model") is None or {"owner", "engine"} <= about
        assert (ROOT / rule["annotations"]["runbook_url"]).is_file()
        assert {"summary", "description", "dashboard"} <= rule["annotations"].keys()
        # A label that changes with the value would be another alert each time.
        assert "$value" not in str(rule["labels"])


def test_pages_are_found_under_the_address_that_the_stack_gives():
    resolved = stack("vllm", {"monitoring.runbooks": "https://example.com/pages"})
    urls = {rule["annotations"]["runbook_url"] for rule in each(rules(resolved), "alert")}
    assert "https://example.com/pages/LLMEngineStalled.md" in urls
    assert all(url.startswith("https://example.com/pages/") for url in urls)
