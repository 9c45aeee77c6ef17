"""The options of text-generation-launcher, as clap makes them of the structure Args in launcher/src/main.rs."""

import re
from collections.abc import Iterator

from tests.engines.options import Option

_FIELD = re.compile(r"#\[clap\((?P<clap>[^\]]*)\)\]\s*(?P<name>\w+): (?P<type>[^\n]+),(?:\n|$)")


def options(source: str) -> Iterator[Option]:
    body = source[source.index("struct Args {") :]
    body = body[: body.index("\n}\n")]
    for field in _FIELD.finditer(body):
        clap = [word.strip() for word in field["clap"].split(",")]
        names = ["--" + field["name"].replace("_", "-")]
        if "short" in clap:
            names.append(f"-{field['name'][0]}")
        kind = re.sub(r"^(Option|Vec)<(.*)>$", r"\2", field["type"])
        if kind == "bool" and not field["type"].startswith("Option"):
            yield Option(names, "0")
        else:
            yield Option(names, "1", tuple(_words(source, kind)) if "value_enum" in clap or kind[0].isupper() else ())


def _words(source: str, kind: str) -> Iterator[str]:
    """The variants of an enumeration, in clap's spelling."""
    found = re.search(rf"enum {kind} \{{\n(.*?)\n\}}\n", source, re.DOTALL)
    if found is None:
        return
    name = None
    for line in found[1].splitlines():
        text = line.strip()
        if given := re.match(r'#\[clap\(name = "([^"]+)"\)\]', text):
            name = given[1]
        elif variant := re.match(r"(\w+),$", text):
            yield name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", variant[1]).lower()
            name = None
