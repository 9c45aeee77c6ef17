"""A parser with an engine's flags, made of its table, as strict as the engine's own."""

import argparse
from typing import Any

from blueprint.engines.flags import Flags, flags_of


class NoSuchArgumentsError(Exception):
    """What the parser says of arguments that it does not take."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise NoSuchArgumentsError(message)


_NARGS = {"0": {"action": "store_true"}, "1": {}, "?": {"nargs": "?"}, "+": {"nargs": "+"}, "*": {"nargs": "*"}}


def parse(engine: str, version: str, arguments: list[str]) -> argparse.Namespace:
    """What the flags of a version make of arguments.

    Raises NoSuchArgumentsError.
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    if engine == "vllm":
        parser.add_argument("model")
    table: Flags = flags_of(engine, version)
    for flag in {id(flag): flag for flag in table.by_name.values()}.values():
        # Two options of TGI are both called -p.
        names = [name for name in flag.names if name.startswith("--") or engine != "tgi"]
        known = {"choices": flag.values} if flag.values else {}
        parser.add_argument(*names, **_NARGS[flag.takes], **known)
    return parser.parse_args(arguments)
