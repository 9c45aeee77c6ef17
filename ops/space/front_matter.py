"""The block at the head of the Space's README.md, which tells the Hub what to run.

Fields and colours as the Hub's reference has them: huggingface.co/docs/hub/spaces-config-reference.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from blueprint.text import TextError, load

WHERE = "space/README.md"
_BLOCK = re.compile(r"\A---\n(.*?)^---$", re.DOTALL | re.MULTILINE)
_COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")


def front_matter_problems(readme: str | None, names: Collection[str], gradio: str | None) -> list[str]:
    """What the Hub would refuse or run otherwise. names: the files of the Space. gradio: the version that is pinned."""
    match = _BLOCK.match(readme or "")
    if match is None:
        return [f"{WHERE}: its first line must be ---, and fields follow until the next ---."]
    try:
        fields = load(match[1])
    except TextError as error:
        return [f"{WHERE}: {error}"]
    if not isinstance(fields, Mapping):
        return [f"{WHERE}: between the two --- stand no fields."]
    return [f"{WHERE}: {problem}" for problem in _problems(fields, names, gradio)]


def _problems(fields: Mapping[str, Any], names: Collection[str], gradio: str | None) -> list[str]:
    problems = []
    if not isinstance(fields.get("title"), str):
        problems.append("title: set it to the name that visitors see.")
    if fields.get("sdk") != "gradio":
        problems.append(f"sdk: {fields.get('sdk')}, and the demo is written for gradio.")
    if fields.get("sdk_version") != gradio:
        problems.append(
            f"sdk_version: {fields.get('sdk_version')}, and requirements.txt pins gradio {gradio}. Write the same."
        )
    python = fields.get("python_version")
    if not (isinstance(python, str) and re.fullmatch(r"3\.\d+(\.\d+)?", python)):
        problems.append(f'python_version: {python} is no text of the form "3.11". Quote it: YAML reads 3.10 as 3.1.')
    if fields.get("app_file") not in names:
        problems.append(f"app_file: {fields.get('app_file')} is none of the files that are pushed.")
    problems += [
        f"{name}: {fields[name]} is none of {', '.join(_COLOURS)}."
        for name in ("colorFrom", "colorTo")
        if name in fields and fields[name] not in _COLOURS
    ]
    return problems
