"""A dynamic provider whose world is a JSON file: what exists outside the state can be seen, and changed."""

import json
import threading
import time
from pathlib import Path

from pulumi import Input, Output, ResourceOptions
from pulumi.dynamic import (
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

ONE_AT_A_TIME = threading.Lock()
WORLD = Path(__file__).with_name("world.json")


def world() -> dict:
    return json.loads(WORLD.read_text()) if WORLD.exists() else {}


def change(name: str, value: object, what: str) -> None:
    """One entry of the world; what was done to it is logged. None removes."""
    # The host calls from several threads.
    with ONE_AT_A_TIME, WORLD.with_name("log.txt").open("a") as log:
        log.write(f"{what} {name}\n")
        found = world()
        if value is None:
            found.pop(name, None)
        else:
            found[name] = value
        WORLD.write_text(json.dumps(found))


class Things(ResourceProvider):
    def create(self, props):
        if props.get("value") == "broken":
            raise ValueError(f"{props['name']} cannot be made")
        time.sleep(float(props.get("seconds") or 0))
        name = f"{props['name']}-{int(props['size'] or 0)}"
        change(name, props.get("value"), "create")
        return CreateResult(name, {**props, "made": name})

    def diff(self, _id, olds, news):
        if news.get("undecided"):
            return DiffResult()
        replaces = [key for key in ("size",) if olds.get(key) != news.get(key)]
        changed = [key for key in ("value", "size", "of") if olds.get(key) != news.get(key)]
        first = bool(news.get("delete_first"))
        return DiffResult(changes=bool(changed), replaces=replaces, delete_before_replace=first)

    def update(self, thing, _olds, news):
        change(thing, news.get("value"), "update")
        return UpdateResult({**news, "made": thing})

    def delete(self, thing, _props):
        change(thing, None, "delete")

    def read(self, thing, props):
        if thing not in world():
            return ReadResult("", {})
        return ReadResult(thing, {**props, "value": world()[thing]})


class Thing(Resource, module="test", name="Thing"):
    made: Output[str]

    def __init__(
        self, name: str, value: Input = "", *, size: int = 0, of: Input = "", opts: ResourceOptions = None, **more
    ):
        props = {"name": name, "value": value, "size": size, "of": of, "made": None, **more}
        super().__init__(Things(), name, props, opts)
