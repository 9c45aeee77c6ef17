"""The options of `vllm serve`, as its parser is made in vllm/engine/arg_utils.py and in the front end's cli_args.py."""

import ast
import re
from collections.abc import Iterator

from tests.engines.options import Option, negated
from tests.engines.sources import Sources
from tests.engines.syntax import Hints, Place, Tree, calls, function, keyword

ENGINE = "vllm/engine/arg_utils.py"
_PARSERS = {
    "--tool-call-parser": ("vllm/tool_parsers/__init__.py", "_TOOL_PARSERS_TO_REGISTER"),
    "--reasoning-parser": ("vllm/reasoning/__init__.py", "_REASONING_PARSERS_TO_REGISTER"),
}
"""Options whose words are those of the modules that may be loaded, and checked once all are known."""


def options(sources: Sources) -> Iterator[Option]:
    tree = Tree(sources)
    inverses = "class EnableDisableAction" in sources.text("vllm/utils/argparse_utils.py")
    engine = tree.module(ENGINE)
    for owner in ("EngineArgs", "AsyncEngineArgs"):
        yield from _added(tree, ENGINE, function(engine, "add_cli_args", owner), inverses=inverses)
    front_end = _front_end(sources)
    yield from _added(tree, front_end, function(tree.module(front_end), "make_arg_parser"), inverses=inverses)
    single = set(re.findall(r'del frontend_kwargs\["(\w+)"\]\["nargs"\]', sources.text(front_end)))
    for name, annotation in tree.fields(tree.class_of(front_end, "FrontendArgs")).items():
        option = _option(tree, [f"--{name.replace('_', '-')}"], annotation, inverses=inverses)
        yield Option(option.names, "1", option.values) if name in single | {"middleware"} else option


def _front_end(sources: Sources) -> str:
    """Where the server's own options are; the file moves between versions."""
    found = [path for path in sources.names() if path.endswith("/cli_args.py") and path.startswith("vllm/entrypoints/")]
    return next(path for path in found if "class FrontendArgs" in sources.text(path))


def _added(tree: Tree, module: str, made_in: ast.FunctionDef, *, inverses: bool) -> Iterator[Option]:
    """What add_argument is told, where the rest is in a field of a configuration class."""
    classes = {
        target.id: node.value.args[0].id
        for node in ast.walk(made_in)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if isinstance(node.value.func, ast.Name) and node.value.func.id == "get_kwargs"
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    renamed = {
        node.targets[0].id: node.value
        for node in ast.walk(made_in)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Subscript)
        and isinstance(node.targets[0], ast.Name)
    }
    for call in calls(made_in, "add_argument"):
        names = [one.value for one in call.args if isinstance(one, ast.Constant) and str(one.value).startswith("-")]
        if not names:
            continue
        spread = next((one.value for one in call.keywords if one.arg is None), None)
        if isinstance(spread, ast.Dict):
            spread = next(value for key, value in zip(spread.keys, spread.values, strict=True) if key is None)
        if isinstance(spread, ast.Name):
            spread = renamed.get(spread.id)
        if isinstance(spread, ast.Subscript) and isinstance(spread.value, ast.Subscript):
            # get_kwargs(Class)["field"] without a name in between.
            spread = None
        if isinstance(spread, ast.Subscript) and isinstance(spread.slice, ast.Constant):
            place = _field(tree, module, spread, classes)
            yield _option(tree, names, place, inverses=inverses)
            if tree.hints(place).types & {"dataclass"}:
                yield from _keys(tree, names, place)
        else:
            yield _plain(tree, module, names, call, inverses=inverses)


def _field(tree: Tree, module: str, spread: ast.Subscript, classes: dict[str, str]) -> Place:
    field = str(spread.slice.value)  # type: ignore[attr-defined]
    holder = spread.value
    name = classes[holder.id] if isinstance(holder, ast.Name) else holder.args[0].id  # type: ignore[attr-defined]
    return tree.fields(tree.class_of(module, name))[field]


def _plain(tree: Tree, module: str, names: list[str], call: ast.Call, *, inverses: bool) -> Option:
    """An option that is told everything in place."""
    action = keyword(call, "action")
    if isinstance(action, ast.Constant) and action.value == "store_true":
        return Option(names, "0")
    if isinstance(action, ast.Attribute) and action.attr == "BooleanOptionalAction":
        return Option(negated(names, inverses=inverses), "0")
    nargs = keyword(call, "nargs")
    takes = str(nargs.value) if isinstance(nargs, ast.Constant) else "1"
    choices = keyword(call, "choices")
    return Option(names, takes, tuple(tree.words(module, choices) or ()) if choices else ())


def _option(tree: Tree, names: list[str], annotation: Place, *, inverses: bool) -> Option:
    """An option whose kind follows from an annotation, by the rules of _compute_kwargs in arg_utils.py."""
    hints = tree.hints(annotation)
    for name, (path, registered) in _PARSERS.items():
        if name in names:
            found = tree.resolve(path, registered)
            words = tree.words(path, found.node) if found else None
            return Option(names, "1", tuple(sorted(words or ())))
    takes = _takes(hints)
    if takes == "0":
        return Option(negated(names, inverses=inverses), "0")
    return Option(names, takes, tuple(sorted(hints.values)) if hints.types & {"Literal"} else ())


def _takes(hints: Hints) -> str:
    types = hints.types
    if "dataclass" in types:
        return "1"
    if types == {"bool", "str", "None"}:
        return "?"
    if "bool" in types:
        return "0"
    if "Literal" in types:
        return "1"
    return "+" if types & {"list", "set", "tuple"} else "1"


def _keys(tree: Tree, names: list[str], annotation: Place) -> Iterator[Option]:
    """The keys of a JSON value whose words are spelt out: --structured-outputs-config.backend."""
    for node in ast.walk(annotation.node):
        found = tree.resolve(annotation.module, node.id) if isinstance(node, ast.Name) else None
        if found and isinstance(found.node, ast.ClassDef):
            for field, place in tree.fields(found).items():
                hints = tree.hints(place)
                if hints.values and "bool" not in hints.types:
                    long = next(name for name in names if name.startswith("--"))
                    yield Option([f"{long}.{field}"], "1", tuple(sorted(hints.values)))
