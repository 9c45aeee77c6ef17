"""The options of `sglang serve`, as its parser is made of srt/arg_groups/fields and srt/server_args.py."""

import ast
from collections.abc import Iterator

from tests.engines.options import Option, negated
from tests.engines.sources import Sources
from tests.engines.syntax import Place, Tree, calls, function, keyword

ARGUMENTS = "sglang/srt/server_args.py"
FIELDS = "sglang/srt/arg_groups/fields/"
_PARSERS = {
    "--tool-call-parser": ("sglang/srt/function_call/parser_names.py", "TOOL_CALL_PARSER_NAMES"),
    "--reasoning-parser": ("sglang/srt/parser/reasoning_parser_names.py", "REASONING_PARSER_NAMES"),
}
"""Options whose words are "auto" and those of a list that the parser asks for."""

BACKEND = Option(["--model-type"], "1", ("auto", "diffusion", "llm"))
"""What sglang/cli/serve.py takes out before the parser sees it."""


def options(sources: Sources) -> Iterator[Option]:
    tree = Tree(sources)
    assert '"--model-type="' in sources.text("sglang/cli/serve.py")
    yield BACKEND
    for path in sorted(path for path in sources.names() if path.startswith(FIELDS) and path.endswith(".py")):
        for node in ast.walk(tree.module(path)):
            if isinstance(node, ast.ClassDef):
                for field in node.body:
                    if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                        yield from _field(tree, path, field.target.id, field.annotation)
    for call in calls(function(tree.module(ARGUMENTS), "add_cli_args"), "add_argument"):
        name = str(call.args[0].value)  # type: ignore[attr-defined]
        yield _added(tree, name, call)


def _field(tree: Tree, path: str, name: str, annotation: ast.expr) -> Iterator[Option]:
    """A field with its metadata, by the rules of add_cli_args_from_dataclass in srt/arg_groups/arg_utils.py."""
    if not (isinstance(annotation, ast.Subscript) and isinstance(annotation.value, ast.Name)):
        return
    if annotation.value.id not in ("A", "Annotated") or not isinstance(annotation.slice, ast.Tuple):
        return
    kind, meta = annotation.slice.elts[:2]
    call = meta if isinstance(meta, ast.Call) else ast.Call(func=ast.Name(id="Arg"), args=[], keywords=[])
    if keyword(call, "no_cli") is not None:
        return
    given = keyword(call, "cli_name")
    names = [given.value if isinstance(given, ast.Constant) else "--" + name.replace("_", "-")]
    aliases = keyword(call, "aliases")
    names += tree.words(path, aliases) or [] if aliases else []
    choices = keyword(call, "choices")
    values = tuple(tree.words(path, choices) or ()) if choices else ()
    action = keyword(call, "action")
    if isinstance(action, ast.Attribute) and action.attr == "BooleanOptionalAction":
        yield Option(negated(names), "0")
        return
    nargs = keyword(call, "nargs")
    if action is not None:
        more = keyword(call, "action_kwargs")
        pairs = zip(more.keys, more.values, strict=True) if isinstance(more, ast.Dict) else ()
        nargs = next((value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "nargs"), nargs)
        takes = str(nargs.value) if isinstance(nargs, ast.Constant) else "0" if "True" in ast.dump(action) else "1"
        yield Option(names, takes, values)
        return
    hints = tree.hints(Place(path, kind))
    if hints.values:
        yield Option(names, "1", values or hints.values)
    elif hints.types <= {"bool", "None"} and hints.types:
        yield Option(names, "0")
    elif hints.types - {"None"} == {"list"} and keyword(call, "type_parser") is None:
        yield Option(names, str(nargs.value) if isinstance(nargs, ast.Constant) else "+", values)
    else:
        yield Option(names, str(nargs.value) if isinstance(nargs, ast.Constant) else "1", values)


def _added(tree: Tree, name: str, call: ast.Call) -> Option:
    if name in _PARSERS:
        path, listed = _PARSERS[name]
        found = tree.resolve(path, listed)
        return Option([name], "1", ("auto", *sorted(tree.words(path, found.node) or ()))) if found else Option([name])
    action = keyword(call, "action")
    valued = keyword(call, "choices") is not None or keyword(call, "type") is not None
    choices = keyword(call, "choices")
    words = tree.words(ARGUMENTS, choices) if choices else None
    return Option([name], "0" if action is not None and not valued else "1", tuple(words or ()))
