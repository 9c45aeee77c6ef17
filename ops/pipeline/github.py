"""What the commands ask of GitHub: comments, issues, pull requests. The token comes from the environment alone."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click
import httpx2

from ops.pipeline.comment import MARK

_SECONDS = 30.0
_PAGE = 100
_TRUSTED = ("OWNER", "MEMBER", "COLLABORATOR")
_REFUSED = 400
_NEEDS = {
    "issues": "`issues: write` (of comments on pull requests: `pull-requests: write`)",
    "pulls": "`pull-requests: write`, and that the repository's settings let Actions create pull requests",
}


@dataclass(frozen=True)
class GitHub:
    """A repository at GitHub's REST API."""

    http: httpx2.Client
    repository: str  # owner/name

    @classmethod
    def from_environment(cls) -> "GitHub":
        """As on a runner: GITHUB_TOKEN, GITHUB_REPOSITORY, and GITHUB_API_URL where it is not github.com.

        Raises click.ClickException with what is missing.
        """
        names = ("GITHUB_TOKEN", "GITHUB_REPOSITORY")
        missing = [name for name in names if not os.environ.get(name)]
        if missing:
            raise click.ClickException(
                f"{' and '.join(missing)} must be set in the environment: a token of the repository, and owner/name. "
                "In a workflow: `env: {GITHUB_TOKEN: ${{ github.token }}}`."
            )
        client = httpx2.Client(
            base_url=os.environ.get("GITHUB_API_URL", "https://api.github.com"),
            headers={
                "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            timeout=_SECONDS,
        )
        return cls(client, os.environ["GITHUB_REPOSITORY"])

    def comment(self, number: int, text_after: Callable[[str | None], str]) -> str:
        """Renew the one comment of a pull request, or write it. text_after: from what it says now. Gives its URL."""
        for item in self._all(f"issues/{number}/comments"):
            if str(item["body"]).startswith(MARK) and _of_this_side(item):
                body = {"body": text_after(item["body"])}
                return str(self._ask("PATCH", f"issues/comments/{item['id']}", body)["html_url"])
        return str(self._ask("POST", f"issues/{number}/comments", {"body": text_after(None)})["html_url"])

    def open_issue(self, mark: str) -> dict[str, Any] | None:
        """The open issue whose text begins with a mark."""
        for item in self._all("issues", state="open"):
            if "pull_request" not in item and str(item["body"]).startswith(mark) and _of_this_side(item):
                return item
        return None

    def write_issue(self, number: int | None, **fields: str) -> str:
        """Change an issue, or open one (number None). fields: as the API's. Gives its URL."""
        if number is None:
            return str(self._ask("POST", "issues", fields)["html_url"])
        return str(self._ask("PATCH", f"issues/{number}", fields)["html_url"])

    def remark(self, number: int, text: str) -> None:
        """Write a comment on an issue."""
        self._ask("POST", f"issues/{number}/comments", {"body": text})

    def pull_request(self, branch: str, base: str, title: str, text: str) -> str:
        """The open pull request of a branch, renewed, or a new one. Gives its URL."""
        owner = self.repository.partition("/")[0]
        for item in self._all("pulls", state="open", head=f"{owner}:{branch}", base=base):
            return str(self._ask("PATCH", f"pulls/{item['number']}", {"title": title, "body": text})["html_url"])
        new = {"title": title, "body": text, "head": branch, "base": base}
        return str(self._ask("POST", "pulls", new)["html_url"])

    def _all(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        page = 1
        while found := self._ask("GET", path, query={**query, "per_page": str(_PAGE), "page": str(page)}):
            yield from found
            if len(found) < _PAGE:
                return
            page += 1

    def _ask(self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> Any:
        url = f"/repos/{self.repository}/{path}"
        try:
            answer = self.http.request(method, url, json=body, params=query)
        except httpx2.HTTPError as error:
            raise click.ClickException(f"GitHub cannot be asked ({method} {url}): {error}") from None
        if answer.status_code >= _REFUSED:
            needed = _NEEDS.get(path.partition("/")[0], "")
            raise click.ClickException(
                f"GitHub refuses {method} {url}: {answer.status_code} {_said(answer)}. The token needs {needed}."
            )
        return answer.json()


def _of_this_side(item: dict[str, Any]) -> bool:
    """Whether a workflow or somebody of the repository wrote it. Anybody may comment, and copy a mark."""
    return item["user"]["type"] == "Bot" or item.get("author_association") in _TRUSTED


def _said(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase
