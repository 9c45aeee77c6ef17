"""Reading from a cluster. The only verb is GET: nothing can be written, not even in a dry run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

_PAGE = 500


@dataclass(frozen=True)
class Unread:
    """A fact that could not be read, and why: most often a missing right."""

    why: str


class Reader:
    """GETs of one API server; what cannot be read says why, and never raises."""

    def __init__(self, http: httpx2.Client):
        self._http = http

    def one(self, path: str, right: str, shape: Any) -> Any:
        """One object, shaped; None when it does not exist."""
        answer = self._get(path, right, {})
        if answer is None or isinstance(answer, Unread):
            return answer
        return self._shaped(right, lambda: shape(answer))

    def all(self, path: str, right: str, shape: Any, select: Mapping[str, str] | None = None) -> Any:
        """All objects of a kind, shaped. select: a labelSelector or fieldSelector."""
        items = self._items(path, right, select or {})
        return items if isinstance(items, Unread) else self._shaped(right, lambda: [shape(item) for item in items])

    def _items(self, path: str, right: str, select: Mapping[str, str]) -> list[Any] | Unread:
        found: list[Any] = []
        parameters: dict[str, Any] = {**select, "limit": _PAGE}
        while True:
            page = self._get(path, right, parameters)
            if page is None:
                return Unread(f"the server knows nothing at {path}")
            if isinstance(page, Unread):
                return page
            found += page.get("items") or []
            parameters["continue"] = (page.get("metadata") or {}).get("continue")
            if not parameters["continue"]:
                return found

    def _get(self, path: str, right: str, parameters: Mapping[str, Any]) -> dict[str, Any] | Unread | None:
        try:
            answer = self._http.get(path, params=parameters)
        except httpx2.HTTPError as error:
            return Unread(f"the server stopped answering ({type(error).__name__}) to: {right}")
        if answer.status_code == httpx2.codes.NOT_FOUND:
            return None
        if answer.status_code == httpx2.codes.FORBIDDEN:
            return Unread(f"needs the right to {right}")
        if answer.status_code != httpx2.codes.OK:
            return Unread(f"the server answered HTTP {answer.status_code} to: {right}")
        try:
            content = answer.json()
        except ValueError:
            content = None
        return content if isinstance(content, dict) else Unread(f"the server answered no JSON object to: {right}")

    def _shaped(self, right: str, shape: Any) -> Any:
        try:
            return shape()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return Unread(f"the server answered in an unknown form ({type(error).__name__}) to: {right}")
