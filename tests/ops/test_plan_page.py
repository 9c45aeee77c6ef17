"""`llm plan --html`: one page in which no text can be anything else, with the numbers that --json has."""

import json
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint.timing.start import duration
from ops.cli import main
from ops.plan.page.document import page
from ops.plan.page.fits import gib, parts_of
from ops.plan.section import Section
from ops.table import printable
from tests.ops.ten_models import MODELS, ten_models
from tests.support import PROJECT

EMPTY = {"meta", "link", "rect"}


class Reader(HTMLParser):
    """Reads a page, and fails where an element is not closed or an attribute is there twice."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.shapes, self.texts, self.ids, self.named = [], [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.shapes.append((tag, [name for name, _ in attrs]))
        given = dict(attrs)
        assert len(given) == len(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.named += [given["aria-label"]] if "aria-label" in given else []
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def read(text):
    assert text.startswith("<!DOCTYPE html>\n")
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def sections_with(text):
    """A section of each kind in which a text stands wherever a stack file could bring one."""
    band = {"low": 1.0, "likely": 2.0, "high": 3.0}
    memory = {"gpus": 1, "gpuGiB": 22.0, "engineGiB": band, "termsGiB": {"weights": band}, "kvCacheGiB": band}
    fit = [{"model": text, "accelerator": text, "verdict": "fits", "why": text, "memory": memory}]
    month = {"monthMin": 1.0, "monthMax": 2.0}
    whole = dict.fromkeys(month, True)
    model = {"model": text, "target": "endpoint", "hardware": text, "min": 1, "max": 2}
    pool = {"accelerators": [text], "models": [text], "usedMin": 1, "usedMax": 2, "available": 3}
    pairs = {key: [amount, amount] for key, amount in month.items()}
    start = {"model": text, "seconds": {"best": 1, "likely": 2, "worst": 3}, "atLeast": True, "measured": False}
    start |= {
        "dominant": text,
        "stages": [{"name": text, "phase": "pod", "seconds": None}],
        "givenUp": {"minutes": 30, "why": text},
    }
    change = {"commit": text, "failure": None, "total": pairs, "complete": {key: [True, False] for key in month}}
    data = {
        "topology": {"cluster": {"id": text, "namespace": text}, "pools": [pool], "models": [model]},
        "fit": fit,
        "cost": {"models": [{**model, **month}], "total": month, "complete": whole, "budgetMonthlyUsd": 3.0}
        | {"idleGpus": {**month, "complete": whole}},
        "change": change,
        "interruption": [{"model": text, "kind": "new", "waitsForGpu": "yes", "fails": text}],
        "starts": [start],
        "rules": {"broken": [{"level": "refused"}]},
    }
    parts = {"head": ("model", "what"), "rows": [(text, text)], "remarks": [text]}
    return [Section(key=key, title=f"About {text}", data=one, **parts) for key, one in data.items()]


def shape(text):
    return read(page(text, sections_with(text))).shapes


@settings(max_examples=60, deadline=None)
@given(st.text() | st.text(alphabet="<>&\"'/=! -x;#\n") | st.sampled_from(["</style><script>alert(1)</script>", "-->"]))
def test_no_text_can_open_or_close_an_element_or_add_an_attribute(text):
    assert [tag for tag, _ in shape(text)] == [tag for tag, _ in shape("x")]
    # A cell without text says so by a class of its own, and by nothing else.
    assert [names for _, names in shape(f"y{text}")] == [names for _, names in shape("x")]
    assert printable(text) in "".join(read(page("s", sections_with(text))).texts)


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """The page of ten models after three changes, and the same as JSON."""
    root = tmp_path_factory.mktemp("ten")
    before = ten_models(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        words = ["plan", "--stack=dev", f"--against={before}"]
        html, data = (CliRunner().invoke(main, [*words, form]) for form in ("--html", "--json"))
    assert html.exit_code == data.exit_code == 1, html.output[-2000:]  # a budget is broken
    return read(html.stdout), json.loads(data.stdout)["sections"]


def test_each_section_is_there_with_headings_and_captions(planned):
    html, sections = planned
    assert {*sections} <= {*html.ids}
    assert sections.keys() == {"topology", "fit", "cost", "starts", "change", "interruption", "rules"}
    assert html.tags.count("h1") == 1
    assert html.tags.count("h2") == len(sections)
    assert html.tags.count("caption") == html.tags.count("table") == 4  # figures say all of the others
    assert html.tags.count("svg") == len(html.named) > 2 * len(MODELS)
    assert not {"script", "img", "iframe", "link", "object", "base"} & {*html.tags}
    levels = [int(tag[1]) for tag in html.tags if re.fullmatch("h[1-6]", tag)]
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_the_numbers_are_those_of_json(planned):
    html, sections = planned
    texts = "\n".join(html.texts)
    known = [one for one in sections["fit"] if one["memory"]]
    assert len(known) == len(MODELS) - 1  # sizing does not know TGI
    for one in known:
        for kind, band in parts_of(one["memory"]).items():
            none = kind == "cache" and band["likely"] < 0
            said = "none, 4.6 (3.2 to 6.3) more" if none else gib(band)
            assert f"{'KV cache' if kind == 'cache' else kind} {said}" in texts
    assert {one["verdict"] for one in sections["fit"]} == {"fits", "tight", "does not fit", "unknown"}
    cost = sections["cost"]["total"]
    assert f"${cost['monthMin']:,.2f} to ${cost['monthMax']:,.2f} a month, of a budget of $20,000.00" in texts
    assert len(sections["topology"]["pools"]) == 2
    for pool in sections["topology"]["pools"]:
        assert f"{pool['usedMin']} to {pool['usedMax']} of {pool['available']} GPUs used" in texts
    for one in sections["starts"]:
        assert f"{duration(one['seconds']['likely'])} ({duration(one['seconds']['best'])} to " in texts
        assert f", longest: {one['dominant']}" in texts
        assert f"; given up after {one['givenUp']['minutes']} min" in texts
    assert texts.count("and engine, of which nobody knows the time") == 1
    then, now = sections["change"]["total"]["monthMax"]
    assert now - then == pytest.approx(584)  # two replicas more, one model less
    assert "+$584.00 a month at the most replicas" in texts
    kinds = {one["model"]: one["kind"] for one in sections["interruption"] if one["kind"] != "nothing"}
    assert kinds == {"search-answers": "restarts", "search-rewrites": "scales", "old-answers": "deleted"}
    # Every bar is told in words to those who do not see it.
    assert all(any(letter.isdigit() for letter in label) for label in html.named)


def test_what_is_not_known_is_said_and_not_drawn(monkeypatch):
    """The stack dev as it is: no facts in the lock, and no prices."""
    monkeypatch.chdir(PROJECT.root)
    html = read(CliRunner().invoke(main, ["plan", "--stack=dev", "--html"]).stdout)
    assert {"$0.00 to unknown a month", "2 unknown, of 2 models"} <= {*html.texts}
    assert [label.partition(":")[0] for label in html.named] == ["nvidia-l4", "qwen-1-5b", "qwen-1-5b-endpoint"]
    notes = [text for text in html.texts if text.startswith(("Full colour", "Bar: "))]
    assert notes == [
        "Full colour: at the fewest replicas; pale: up to the most. Upright: what is available.",
        "Bar: what is likely; line: from the best to the worst.",
    ]


def test_one_form_at_a_time():
    assert CliRunner().invoke(main, ["plan", "--stack=dev", "--html", "--json"]).exit_code == 2


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_colours_can_be_told_apart_light_and_dark():
    """WCAG 2.2, 1.4.3 and 1.4.11: 4.5 for text, 3 for what a bar shows against its track."""
    style = page("s", [])
    schemes = [
        dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", block)) for block in re.findall(r":root \{([^}]+)\}", style)
    ]
    assert len(schemes) == 2
    for colours in schemes:
        for text in ("ink", "quiet", "link", "good", "warn", "bad"):
            assert min(contrast(colours[text], colours[ground]) for ground in ("paper", "card")) >= 4.5, text
        for fill in ("weights", "activation", "reserve", "cache", "least"):
            assert contrast(colours[fill], colours["track"]) >= 3, fill
            assert contrast(colours[fill], colours["card"]) >= 3, fill
