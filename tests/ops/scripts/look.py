"""A reader of a page in a headless Chromium: look.py CHROMIUM FILE FOLDER.

Looks at widths of a phone and of a desktop, light and dark, and as printed. Writes NAME.png of each into FOLDER, and
prints as JSON what the page asked for, how wide it was, and which texts are cut or lie over each other.
"""

import json
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

LOOKS = {
    "phone": (390, 844, "light", "screen"),
    "phone-dark": (390, 844, "dark", "screen"),
    "desktop": (1280, 900, "light", "screen"),
    "desktop-dark": (1280, 900, "dark", "screen"),
    "printed": (690, 900, "dark", "print"),  # A4 within its margins
}
MEASURE = """() => {
  const name = box => box.element.tagName + ' ' + box.element.textContent.trim().slice(0, 60)
  const width = document.documentElement.clientWidth
  const hidden = element => getComputedStyle(element).clipPath !== 'none' || element.closest('thead') &&
    getComputedStyle(element.closest('thead')).clipPath !== 'none'
  const all = [...document.body.querySelectorAll('*')].filter(one => one.getClientRects().length && !hidden(one))
  const outside = [], cut = [], over = [], boxes = []
  for (const element of all) {
    const box = element.getBoundingClientRect()
    if (box.left < -0.5 || box.right > width + 0.5) outside.push(name({element}))
    if (element.clientWidth && element.scrollWidth > element.clientWidth + 1 && element.tagName !== 'svg')
      cut.push(name({element}))
    if (element.tagName === 'svg') boxes.push({element, box})
    for (const node of element.childNodes)
      if (node.nodeType === Node.TEXT_NODE && node.textContent.trim()) {
        const range = document.createRange()
        range.selectNodeContents(node)
        for (const box of range.getClientRects()) boxes.push({element, box})
      }
  }
  // Lines of text are boxes higher than their letters: what touches by less than a third of a line is no overlap.
  for (let i = 0; i < boxes.length; i++)
    for (let j = i + 1; j < boxes.length; j++) {
      const [a, b] = [boxes[i].box, boxes[j].box]
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left)
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
      if (wide > 1 && high > Math.min(a.height, b.height) / 3) over.push([name(boxes[i]), name(boxes[j])])
    }
  return {scroll: document.documentElement.scrollWidth, width, outside, cut, over, boxes: boxes.length,
    bars: document.querySelectorAll('svg[role=img]').length, paper: getComputedStyle(document.body).backgroundColor}
}"""


def main(chromium: str, file: str, folder: str) -> None:
    """Look, tell."""
    asked: list[str] = []
    told: list[str] = []
    seen = {}
    with sync_playwright() as playwright:
        # Chromium has no sandbox for root, as whom CI runs.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, (width, height, scheme, media) in LOOKS.items():
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.on("request", lambda sent: asked.append(sent.url))
            page.on("console", lambda line: told.append(line.text))
            page.emulate_media(media=media, color_scheme=scheme)
            page.goto(Path(file).as_uri())
            seen[name] = page.evaluate(MEASURE)
            page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)
            page.close()
        browser.close()
    print(json.dumps({"asked": asked, "told": told, "seen": seen}))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
