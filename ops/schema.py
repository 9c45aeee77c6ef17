"""`llm schema`: the files that follow from the code - the editor's schema, docs/settings.md, dashboards' pictures."""

import copy
import json
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import click
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from blueprint.issues import DescriptionError
from blueprint.schema import defaults, models_in, nested_models, stack_schema
from blueprint.settings import Settings
from blueprint.settings.base import tag_of
from blueprint.stack import resolve_stack
from ops.dashboards import pictures
from ops.policy_guide import policy_guide
from ops.project import PROJECT_NAME, Project

SCHEMA = Path("schema/stack.schema.json")
SETTINGS_GUIDE = Path("docs/settings.md")
POLICIES = Path("docs/policies.md")
EXAMPLE_STACK = "dev"


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when a file is not what would be written.")
def command(check: bool) -> None:
    """Write what follows from the code: the settings' schema and page, the policies' page, the dashboards' pictures."""
    project = Project.find()
    wanted = generated(project)
    stale = [
        path
        for path, text in wanted.items()
        if not (project.root / path).is_file() or (project.root / path).read_text() != text
    ]
    if check:
        for path in stale:
            click.echo(f"{path} is not what the code says. Run `llm schema` and commit it.", err=True)
        sys.exit(1 if stale else 0)
    for path in stale:
        target = project.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(wanted[path])
        click.echo(f"wrote {path}")


def generated(project: Project) -> Mapping[Path, str]:
    """The generated files of a project, by path below its root."""
    schema = json.dumps(stack_schema(PROJECT_NAME), indent=2, ensure_ascii=False) + "\n"
    return {SCHEMA: schema, SETTINGS_GUIDE: settings_guide(project), POLICIES: policy_guide(), **pictures()}


def settings_guide(project: Project) -> str:
    """docs/settings.md: how a stack file reads, how its mistakes read, and every key."""
    example = (project.root / f"Pulumi.{EXAMPLE_STACK}.yaml").read_text().rstrip()
    return f"""<!-- Written by `llm schema` from blueprint/settings. Change the models there, not this file. -->

# Settings of a stack

A stack is described by one file, `Pulumi.<stack>.yaml`. Everything below stands under `config`, each top-level key with
the project's name before it. This is the file of the stack `{EXAMPLE_STACK}`, whole:

```yaml
{example}
```

* Unknown keys are errors: nothing that is written is ignored.
* Units are in the names: `sizeGiB: 60`, `drainSeconds: 60`. Numbers are numbers; `"60"` and `60Gi` are refused.
* The first line lets an editor complete and check the file as it is written
  (VS Code: the extension YAML by Red Hat).
* `pulumi preview` and `llm explain --stack <stack>` check the whole, before anything is touched.

## How mistakes read

All mistakes of a file are said at once: where, what was given, what would work. The file above with two of them:

```text
{_example_refusal(project)}
```

## Secrets

Secrets are no settings. A read token for the Hub comes from an existing Secret (`huggingface.hubReadSecret`), or else
from the secret configuration value `hubReadToken` (`pulumi config set --secret hubReadToken`); in clear text that value
is refused. What looks like a token is masked in every message.

What an endpoint keeps secret, the keys of callers and the passwords of registries stand under `llm-inference-secrets`:
`pulumi config set --secret llm-inference-secrets:hub-read` stores a value, and `secrets: {{HF_TOKEN: hub-read}}` of a
model names it.

{_sections()}"""


def _example_refusal(project: Project) -> str:
    values = copy.deepcopy(project.values(EXAMPLE_STACK))
    model = next(iter(values["models"].values()))
    model["engine"]["maxModelLen"] = "8k"
    model["accelerator"]["count"] = 3
    try:
        resolve_stack(EXAMPLE_STACK, values, project.models_lock(), project.images_lock())
    except DescriptionError as error:
        return str(error)
    raise AssertionError("a stack file with mistakes was accepted")


def _sections() -> str:
    places = _places(Settings)
    parts = []
    for model in nested_models(Settings):
        title = "Top level" if model is Settings else f"`{places[model]}`"
        tag, _ = tag_of(model) or ("", "")
        # What tells which mapping it is comes first, also before the keys that several share.
        keys = sorted(
            ((info.alias or name, info) for name, info in model.model_fields.items()), key=lambda item: item[0] != tag
        )
        rows = [_row(key, info, defaults(model).get(key)) for key, info in keys]
        head = f"## {title}\n\n{_first_line(model)}\n\n| key | value | default | meaning |\n|---|---|---|---|\n"
        parts.append(head + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _places(model: type[BaseModel], at: str = "", target: str = "") -> dict[type[BaseModel], str]:
    """Where each model stands in a stack file; the first place of those that stand in several."""
    places: dict[type[BaseModel], str] = {}
    for name, info in model.model_fields.items():
        path = f"{at}.{info.alias or name}".lstrip(".")
        inner = models_in(info.annotation)
        below = f"{path}.<name>" if get_origin(info.annotation) is dict else path
        for found in inner:
            which = _tag(found) if len(inner) > 1 else target
            for nested, where in {found: below, **_places(found, below, which)}.items():
                # Two models may have a key of the same name that means different things.
                taken = where in places.values() or (len(inner) > 1 and nested is found)
                places.setdefault(nested, f"{where} ({which})" if taken else where)
    return places


def _tag(model: type[BaseModel]) -> str:
    key, value = tag_of(model) or ("", "")
    return f"{key}: {value}"


def _row(key: str, info: FieldInfo, default: Any) -> str:
    if info.is_required():
        absent = "**required**"
    elif default == {} and models_in(info.annotation):
        absent = "that of its keys"
    else:
        absent = "none" if default is None else _code(default)
    about = info.description or _described(info) or _nested_about(info)
    cells = (f"`{key}`", _kind(info.annotation, info), absent, about)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _code(value: Any) -> str:
    written = yaml.safe_dump(value, default_flow_style=True, width=1000)
    return f"`{written.removesuffix('...' + chr(10)).strip()}`"


_PLAIN: Mapping[Any, str] = {
    int: "whole number",
    float: "number",
    bool: "`true`, `false`",
    str: "text",
    Any: "any value",
}


def _kind(annotation: Any, info: FieldInfo | None = None) -> str:
    """What may stand there, in a few words."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        words = _kind(arguments[0])
    elif origin in (Union, types.UnionType):
        kinds = [_kind(argument, info) for argument in arguments if argument is not type(None)]
        words = " or ".join(dict.fromkeys(kinds))
    elif origin is Literal:
        words = ", ".join(_code(value) for value in arguments)
    elif origin is dict:
        words = f"by name: {_kind(arguments[1])}"
    elif origin is list:
        words = f"list of {_kind(arguments[0])}"
    elif models_in(annotation):
        words = "mapping, see below"
    else:
        plain = _PLAIN[annotation]
        words = f"{plain} {_range(info)}".strip()
    return words


def _range(info: FieldInfo | None) -> str:
    words = {"ge": "from {}", "gt": "above {}", "le": "to {}", "lt": "below {}"}
    return " ".join(
        text.format(f"{getattr(constraint, name):,}")
        for constraint in (info.metadata if info else ())
        for name, text in words.items()
        if isinstance(getattr(constraint, name, None), int | float)
    )


def _described(info: FieldInfo) -> str:
    """The description that an annotated type brings along."""
    options = (info.annotation, *get_args(info.annotation))
    extras = [extra for option in options for extra in getattr(option, "__metadata__", ())]
    return next((e.description for e in extras if isinstance(e, FieldInfo) and e.description), "")


def _nested_about(info: FieldInfo) -> str:
    inner = models_in(info.annotation)
    return _first_line(inner[0]) if inner else ""


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").splitlines()[0]
