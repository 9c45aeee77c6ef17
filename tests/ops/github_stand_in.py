"""GitHub's REST API as far as the pipeline's commands ask it, on loopback; what it keeps is there to look at."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "a-token-of-the-tests"
REPOSITORY = "acme/models"
BOT = {"user": {"type": "Bot", "login": "github-actions[bot]"}, "author_association": "NONE"}
STRANGER = {"user": {"type": "User", "login": "stranger"}, "author_association": "NONE"}


@dataclass
class GitHubStandIn:
    """Comments by number of their issue, issues, pull requests. asked: method and path of each request."""

    url: str = ""
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    issues: list[dict[str, Any]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    ids: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """As on a runner."""
        return {"GITHUB_API_URL": self.url, "GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": REPOSITORY}

    def number(self) -> int:
        self.ids += 1
        return self.ids

    def add_comment(self, issue: int, body: str, by: dict[str, Any] = BOT) -> dict[str, Any]:
        number = self.number()
        item = {"id": number, "body": body, "html_url": f"https://github.com/x/{number}", **by}
        self.comments.setdefault(issue, []).append(item)
        return item

    def add_issue(self, title: str, body: str, by: dict[str, Any] = BOT) -> dict[str, Any]:
        number = self.number()
        item = {"number": number, "title": title, "body": body, "state": "open", **by}
        self.issues.append({**item, "html_url": f"https://github.com/x/{number}"})
        return self.issues[-1]

    def answer(self, method: str, path: list[str], query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: PLR0911
        match method, path:
            case "GET", ["issues", number, "comments"]:
                return 200, self._page(self.comments.get(int(number), []), query)
            case "POST", ["issues", number, "comments"]:
                return 201, self.add_comment(int(number), body["body"])
            case "PATCH", ["issues", "comments", number]:
                found = next(one for listed in self.comments.values() for one in listed if one["id"] == int(number))
                return 200, self._changed(found, body)
            case "GET", ["issues"]:
                return 200, self._page([one for one in self.issues if one["state"] == query["state"]], query)
            case "POST", ["issues"]:
                return 201, self.add_issue(**body)
            case "PATCH", ["issues", number]:
                return 200, self._changed(next(one for one in self.issues if one["number"] == int(number)), body)
            case "GET", ["pulls"]:
                head = query["head"].partition(":")[2]
                return 200, [one for one in self.pulls if one["head"] == head and one["base"] == query["base"]]
            case "POST", ["pulls"]:
                self.pulls.append({"number": self.number(), "html_url": "https://github.com/pull", **body})
                return 201, self.pulls[-1]
            case "PATCH", ["pulls", number]:
                return 200, self._changed(next(one for one in self.pulls if one["number"] == int(number)), body)
        return 404, {"message": "Not Found"}

    @staticmethod
    def _changed(item: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        item.update(body)
        return item

    @staticmethod
    def _page(items: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
        size, page = int(query["per_page"]), int(query["page"])
        return items[size * (page - 1) : size * page]


@contextmanager
def github_stand_in() -> Iterator[GitHubStandIn]:
    """A repository of its own, until the end of the block."""
    github = GitHubStandIn()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            parts = urlsplit(self.path)
            github.asked.append(f"{self.command} {parts.path}")
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            prefix = f"/repos/{REPOSITORY}/"
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                code, said = 401, {"message": "Bad credentials"}
            elif not parts.path.startswith(prefix):
                code, said = 404, {"message": "Not Found"}
            else:
                path = parts.path.removeprefix(prefix).split("/")
                code, said = github.answer(self.command, path, query, json.loads(text) if text else None)
            payload = json.dumps(said).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PATCH = _answer  # noqa: N815  the base class's names

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        github.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield github
        finally:
            server.shutdown()
