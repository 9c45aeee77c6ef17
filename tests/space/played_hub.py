"""The routes of the Hub that a push takes, on loopback, with Spaces that keep what was pushed."""

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "canary-of-a-writer"


@dataclass
class Space:
    """A Space: its files, and the commits that made them."""

    made: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b"*.bin filter=lfs\n"})
    commits: list[dict[str, Any]] = field(default_factory=list)

    @property
    def sha(self) -> str:
        return hashlib.sha1(repr((len(self.commits), self.files)).encode()).hexdigest()


@dataclass
class PlayedHub:
    """What the tests see. refuse: answers by a part of the path. meanwhile: happens before a commit."""

    url: str = ""
    spaces: dict[str, Space] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    refuse: dict[str, tuple[int, Any]] = field(default_factory=dict)
    meanwhile: Any = None

    def answer(self, method: str, path: str, body: bytes, token: str | None) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        if token != f"Bearer {TOKEN}":
            return 401, {"error": f"Invalid credentials: {token}"}
        refusals = [refusal for part, refusal in self.refuse.items() if part in path]
        return refusals[0] if refusals else self._answer(method, path.strip("/").split("/"), body)

    def _answer(self, method: str, path: list[str], body: bytes) -> tuple[int, Any]:
        match path:
            case ["api", "repos", "create"]:
                answer = self._create(json.loads(body))
            case ["api", "validate-yaml"]:
                answer = 200, {"errors": [], "warnings": [{"message": "a warning of the Hub"}]}
            case ["api", "spaces", owner, name, *_] if method == "GET":
                answer = self._info(f"{owner}/{name}")
            case ["api", "spaces", owner, name, "preupload", "main"]:
                answer = 200, {"files": [self._wanted(f"{owner}/{name}", one) for one in json.loads(body)["files"]]}
            case ["api", "spaces", owner, name, "commit", "main"]:
                if self.meanwhile:
                    self.meanwhile()
                answer = self._commit(f"{owner}/{name}", [json.loads(line) for line in body.splitlines()])
            case _:
                answer = 404, {"error": "Not found"}
        return answer

    def _create(self, asked: dict[str, Any]) -> tuple[int, Any]:
        name = f"{asked['organization']}/{asked['name']}"
        url = {"url": f"{self.url}/spaces/{name}"}
        if name in self.spaces:
            return 409, {"error": "You already created this space repo", **url}
        self.spaces[name] = Space(made=asked)
        return 200, url

    def _info(self, name: str) -> tuple[int, Any]:
        if name not in self.spaces:
            return 404, {"error": "Repository not found"}
        space = self.spaces[name]
        siblings = [{"rfilename": each} for each in space.files]
        return 200, {"id": name, "sha": space.sha, "private": True, "tags": [], "siblings": siblings}

    def _wanted(self, name: str, asked: dict[str, Any]) -> dict[str, Any]:
        content = self.spaces[name].files.get(asked["path"])
        oid = None if content is None else hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        return {"path": asked["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": oid}

    def _commit(self, name: str, lines: list[dict[str, Any]]) -> tuple[int, Any]:
        space, head = self.spaces[name], lines[0]["value"]
        if head.get("parentCommit") != space.sha:
            return 412, {"error": "A commit has happened since. Please refresh and try again."}
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                space.files[value["path"]] = base64.b64decode(value["content"])
            else:
                assert line["key"] == "deletedFile"
                del space.files[value["path"]]
        space.commits.append(head)
        return 200, {"commitUrl": f"{self.url}/spaces/{name}/commit/{space.sha}", "commitOid": space.sha}


@contextlib.contextmanager
def played_hub() -> Iterator[PlayedHub]:
    """A Hub without Spaces."""
    hub = PlayedHub()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            path = self.path.partition("?")[0]
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            hub.requests.append((self.command, path))
            status, content = hub.answer(self.command, path, body, self.headers.get("authorization"))
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
