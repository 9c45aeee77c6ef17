"""Python sources as far as an argument parser is made of them: names, annotations, literals."""

import ast
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.engines.sources import Sources

Node = Any

_BUILTINS = ("str", "int", "float", "bool", "list", "dict", "set", "tuple", "Any")


@dataclass(frozen=True)
class Place:
    """A piece of syntax, and the module in which its names mean something."""

    module: str
    node: Node


@dataclass(frozen=True)
class Hints:
    """What an annotation allows: names of types, and values that are spelt out."""

    types: frozenset[str]
    values: tuple[str, ...]


class Tree:
    """The modules of a wheel, each parsed when it is asked for."""

    def __init__(self, sources: Sources):
        self.sources = sources
        self.module = cache(self._module)

    def _module(self, path: str) -> ast.Module:
        return ast.parse(self.sources.text(path))

    def resolve(self, module: str, name: str) -> Place | None:
        """Where a name of a module comes from: a class or an assignment, through imports."""
        follow: list[ast.ImportFrom] = []
        for node in ast.walk(self.module(module)):
            if isinstance(node, ast.ClassDef) and node.name == name:
                return Place(module, node)
            if isinstance(node, ast.Assign) and _names(node, name) and not _stands_in(node.value):
                return Place(module, node.value)
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
                return Place(module, node.value)
            if isinstance(node, ast.ImportFrom) and any((a.asname or a.name) == name for a in node.names):
                follow.append(node)
        for node in follow:
            (original,) = {a.name for a in node.names if (a.asname or a.name) == name}
            path = self._path(module, node)
            found = self.resolve(path, original) if path else None
            if found:
                return found
        return None

    def _path(self, module: str, node: ast.ImportFrom) -> str | None:
        parts = (node.module or "").split(".")
        if node.level:
            base = module.split("/")[: -node.level]
            parts = [*base, *[part for part in parts if part]]
        for path in ("/".join(parts) + ".py", "/".join(parts) + "/__init__.py"):
            if path in self.sources:
                return path
        return None

    def class_of(self, module: str, name: str) -> Place:
        found = self.resolve(module, name)
        assert found, f"{name} of {module}"
        assert isinstance(found.node, ast.ClassDef), f"{name} of {module}"
        return found

    def fields(self, place: Place) -> dict[str, Place]:
        """The annotated fields of a class and its bases, each as its annotation."""
        found: dict[str, Place] = {}
        for base in place.node.bases:
            inherited = self.resolve(place.module, base.id) if isinstance(base, ast.Name) else None
            if inherited and isinstance(inherited.node, ast.ClassDef):
                found |= self.fields(inherited)
        for node in place.node.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found[node.target.id] = Place(place.module, node.annotation)
        return found

    def hints(self, place: Place) -> Hints:
        types: set[str] = set()
        values: list[str] = []
        self._hints(place.module, place.node, types, values)
        return Hints(frozenset(types), tuple(dict.fromkeys(values)))

    def _hints(self, module: str, node: Node, types: set[str], values: list[str]) -> None:
        match node:
            case ast.Constant(value=None):
                types.add("None")
            case ast.Constant(value=str(text)):
                self._hints(module, ast.parse(text, mode="eval").body, types, values)
            case ast.BinOp(op=ast.BitOr()):
                self._hints(module, node.left, types, values)
                self._hints(module, node.right, types, values)
            case ast.Subscript(value=ast.Name(id=name)):
                self._generic(module, name, node.slice, types, values)
            case ast.Name(id=name) if name in _BUILTINS:
                types.add(name)
            case ast.Name(id=name):
                self._named(module, name, types, values)
            case _:
                types.add("other")

    def _generic(self, module: str, name: str, inner: Node, types: set[str], values: list[str]) -> None:
        elements = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if name == "Literal":
            types.add("Literal")
            self._literals(module, inner, values)
        elif name in ("Annotated", "Optional", "Union"):
            types |= {"None"} if name == "Optional" else set()
            for element in elements[:1] if name == "Annotated" else elements:
                self._hints(module, element, types, values)
        else:
            types.add(name.lower())

    def _named(self, module: str, name: str, types: set[str], values: list[str]) -> None:
        found = self.resolve(module, name)
        if found is None or found.node is None:
            types.add("other")
        elif isinstance(found.node, ast.ClassDef):
            types.add("dataclass" if found.node.decorator_list else "other")
        else:
            self._hints(found.module, found.node, types, values)

    def _literals(self, module: str, node: Node, values: list[str]) -> None:
        for element in node.elts if isinstance(node, ast.Tuple) else [node]:
            if isinstance(element, ast.Constant):
                values.append(str(element.value))
            elif isinstance(element, ast.Name):
                found = self.resolve(module, element.id)
                assert found, element.id
                self._literals(found.module, found.node.slice, values)

    def words(self, module: str, node: Node) -> list[str] | None:
        """The texts of a list that is spelt out, by name or in place; None where it is made at run time."""
        found: list[str] | None = None
        match node:
            case ast.List() | ast.Tuple() | ast.Set():
                each = [self.words(module, element) for element in node.elts]
                found = [word for words in each for word in words or []] if all(each) else None
            case ast.Constant(value=str() | int() as value):
                found = [str(value)]
            case ast.Dict():
                found = [str(key.value) for key in node.keys if isinstance(key, ast.Constant)]
            case ast.BinOp(op=ast.Add()):
                left, right = self.words(module, node.left), self.words(module, node.right)
                found = [*left, *right] if left is not None and right is not None else None
            case ast.Call(func=ast.Name(id="get_args"), args=[ast.Name(id=name)]):
                place = self.resolve(module, name)
                found = list(self.hints(place).values) if place else None
            case ast.Name(id=name):
                place = self.resolve(module, name)
                found = self.words(place.module, place.node) if place else None
        return found


def _names(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def _stands_in(node: Node) -> bool:
    """Whether a value is there for an import that costs too much at run time."""
    return isinstance(node, ast.Name) and node.id in ("Any", "str")


def keyword(call: ast.Call, name: str) -> Node | None:
    """A keyword argument of a call."""
    return next((one.value for one in call.keywords if one.arg == name), None)


def function(tree: ast.Module, name: str, within: str | None = None) -> ast.FunctionDef:
    """A function of a module, or a method of a class in it."""
    for node in ast.walk(tree):
        if within and isinstance(node, ast.ClassDef) and node.name == within:
            return next(one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == name)
        if not within and isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise AssertionError(f"{within or ''}.{name}")


def calls(node: ast.AST, method: str) -> list[ast.Call]:
    """The calls of a method, by its name alone, in the order of the source."""
    found = [
        one
        for one in ast.walk(node)
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and one.func.attr == method
    ]
    return sorted(found, key=lambda one: one.lineno)
