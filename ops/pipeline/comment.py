"""The one comment of a pull request: a section of each stack between hidden marks, so that each can be renewed."""

import re

MARK = "<!-- llm report -->"
"""How the comment begins."""


def with_section(before: str | None, stack: str, text: str) -> str:
    """The comment with a stack's section renewed; before: as it was, None when there is none yet."""
    begin, end = f"<!-- llm report of {stack} -->", f"<!-- end of {stack} -->"
    # Nothing in a section can look like a mark of another one.
    block = f"{begin}\n{text.replace('<!--', '&lt;!--').rstrip()}\n{end}"
    if before is None:
        return f"{MARK}\n{block}\n"
    found = re.search(f"{re.escape(begin)}.*?{re.escape(end)}", before, re.DOTALL)
    if found is None:
        return f"{before.rstrip()}\n\n{block}\n"
    return before[: found.start()] + block + before[found.end() :]
