"""A visitor in a headless Chromium: browse.py CHROMIUM URL FOLDER QUESTION UNTIL [QUESTION UNTIL]...

Asks each question, and looks until the last message has the text UNTIL. Writes N-growing.png and N.png into FOLDER,
answer N as it looked the third time that it was another, and at its end. Prints as JSON all that answers looked like,
and what the page asked of other hosts.
"""

import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, sync_playwright

SECONDS = 120
_THIRD = 3


def answer(page: Page, question: str, until: str, picture: Path) -> list[str]:
    """Each thing that the last message of the chat was. picture: of the third."""
    before = page.get_by_test_id("bot").count()
    page.get_by_role("textbox").fill(question)
    page.keyboard.press("Enter")
    seen: list[str] = []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        # The page replaces messages while we look: one call of its own, so that none is half there.
        texts = page.eval_on_selector_all("[data-testid=bot]", "all => all.map(each => each.innerText.trim())")
        said = "\n".join(texts[before:])
        if said and [said] != seen[-1:]:
            seen.append(said)
            if len(seen) == _THIRD:
                page.screenshot(path=picture)
        if until in said:
            return seen
        time.sleep(0.02)
    raise SystemExit(f"{until!r} did not come: {seen[-3:]}")


def main(chromium: str, url: str, folder: str, *asked: str) -> None:
    """Look, ask, tell."""
    elsewhere: list[str] = []
    with sync_playwright() as playwright:
        # Chromium has no sandbox for root, as whom CI runs.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 800, "height": 680})
        page.on("request", lambda sent: elsewhere.append(sent.url) if urlsplit(sent.url).hostname != "127.0.0.1" else 0)
        page.goto(url)
        shown = []
        for number, (question, until) in enumerate(zip(asked[::2], asked[1::2], strict=True), 1):
            shown.append(answer(page, question, until, Path(folder, f"{number}-growing.png")))
            page.wait_for_timeout(500)  # the last word is painted, and the field is free again
            page.screenshot(path=Path(folder, f"{number}.png"))
        text = page.inner_text("body")
        browser.close()
    print(json.dumps({"shown": shown, "elsewhere": elsewhere, "text": text}))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
