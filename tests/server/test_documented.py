"""docs/server.md says what the server takes."""

from tests.server.own_python import ROOT, needs_server, run


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


@needs_server
def test_every_setting_is_documented_with_its_default():
    listed, _ = run("settings_table.py")
    lines = (ROOT / "docs/server.md").read_text().splitlines()
    start = lines.index("| variable | default | |") + 2
    table = [_cells(line) for line in lines[start : start + len(listed)]]
    assert table == listed
