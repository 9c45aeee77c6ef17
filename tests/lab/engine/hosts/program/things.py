"""A dynamic provider whose things are files; used by test_dynamic.py."""

import json
import os
from pathlib import Path

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)


class ThingError(Exception):
    pass


class Things(ResourceProvider):
    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest):
        self.owner = req.config.get("owner")
        self.token = req.config.get("hub:token")

    def check(self, _olds, news):
        if isinstance(news["size"], float) and news["size"] < 0:
            return CheckResult(news, [CheckFailure("size", "must not be negative")])
        return CheckResult({**news, "checked": type(news["size"]).__name__}, [])

    def diff(self, _id, olds, news):
        if news.get("undecided"):
            return DiffResult(changes=None)
        replaces = ["name"] if olds["name"] != news["name"] else []
        return DiffResult(
            changes=bool(replaces) or olds["size"] != news["size"], replaces=replaces, delete_before_replace=True
        )

    def create(self, props):
        return CreateResult(props["name"], self._write(props, props["name"]))

    def read(self, id_, props):
        if not id_:  # somebody who does not know whether it was made
            id_ = props["name"]
        path = Path(props["folder"], id_)
        if not path.exists():
            return ReadResult("", {})
        found = json.loads(path.read_text())
        return ReadResult(id_, {**props, **found}, {"name": id_, "folder": props["folder"], **found})

    def update(self, id_, _olds, news):
        return UpdateResult(self._write(news, id_))

    def delete(self, id_, props):
        Path(props["folder"], id_).unlink()

    def _write(self, props, id_):
        match props["name"]:
            case "":
                return {}
            case "refused":
                raise ThingError("the quota of 3 things is used up:\n  ask for more")
            case "defective":
                return {}["size"]
            case "deadly":
                os._exit(9)
            case "talkative":
                print("a thing is on its way")  # noqa: T201
        Path(props["folder"], id_).write_text(json.dumps({"size": props["size"], "password": props.get("password")}))
        told = {"owner": self.owner, "token": self.token}
        return {key: props[key] for key in props if not key.startswith("__")} | told
