"""The routes of the Hub: who am I, models, their files."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from lab.hub.auth import authenticated, bearer, token_of
from lab.hub.models import File, Repository
from lab.hub.refusal import Refusal
from lab.hub.views import whoami_view
from lab.hub.world import READ, World

_NO_PASSWORD = "Invalid username or password."  # noqa: S105 - the Hub's words
_BAD_TOKEN = "Invalid credentials in Authorization header"  # noqa: S105
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def router(world: World) -> APIRouter:
    """The routes over one world."""
    routes = APIRouter()
    hub = _Hub(world)

    @routes.get("/api/whoami-v2")
    async def whoami(request: Request) -> Response:
        return JSONResponse(whoami_view(world, authenticated(world, request)))

    @routes.get("/api/models/{path:path}")
    async def model(request: Request, path: str) -> Response:
        return hub.model(request, path)

    @routes.post("/api/models/{path:path}")
    async def paths_info(request: Request, path: str) -> Response:
        # A form, and not JSON: that is how huggingface_hub sends it.
        form = parse_qs((await request.body()).decode())
        return hub.paths_info(request, path, form.get("paths", []))

    @routes.api_route("/_cdn/{sha256}", methods=["GET", "HEAD"])
    async def large_file(request: Request, sha256: str) -> Response:
        found = world.repositories.large_file(sha256)
        if found is None:
            raise Refusal(404, "Not found")
        return _content(request, found, {"etag": f'"{sha256}"'})

    @routes.api_route("/{path:path}", methods=["GET", "HEAD"])
    async def file(request: Request, path: str) -> Response:
        return hub.file(request, path)

    return routes


class _Hub:
    def __init__(self, world: World):
        self._world = world

    def model(self, request: Request, path: str) -> Response:
        """/api/models/{repo}[/revision/{revision} | /refs | /tree/{revision}[/{folder}]]."""
        match = re.fullmatch(r"(?P<repo>.+?)(/(?P<what>revision|refs|tree)(/(?P<rest>.+))?)?", path)
        repository = self._repository(request, match["repo"] if match else path)
        what, rest = (match["what"], match["rest"]) if match else (None, None)
        if what == "refs":
            return JSONResponse(_refs(repository))
        if what == "tree":
            revision, _, folder = self._split(repository, rest or "main")
            return JSONResponse([_entry(file) for file in self._files(repository, revision) if _within(file, folder)])
        return JSONResponse(self._info(request, repository, unquote(rest or "main")))

    def paths_info(self, request: Request, path: str, wanted: Sequence[str]) -> Response:
        """The entries of the named files."""
        name, _, revision = path.partition("/paths-info/")
        repository = self._repository(request, name)
        files = self._files(repository, unquote(revision))
        return JSONResponse([_entry(file) for file in files if file.path in wanted])

    def file(self, request: Request, path: str) -> Response:
        """/{repo}/resolve/{revision}/{file}: a small file itself, of a large one where it is."""
        name, resolve, rest = path.partition("/resolve/")
        if not resolve:
            raise Refusal(404, "Not found")
        repository = self._repository(request, name)
        revision, _, wanted = self._split(repository, rest)
        files = self._files(repository, revision)
        commit = repository.commit(revision) or ""
        self._check_gate(request, repository)
        found = next((file for file in files if file.path == wanted), None)
        if found is None:
            headers = {"x-error-code": "EntryNotFound", "x-error-message": "Entry not found", "x-repo-commit": commit}
            raise Refusal(404, "Entry not found", headers=headers)
        headers = {"x-repo-commit": commit, "accept-ranges": "bytes", "etag": f'"{found.blob}"'}
        if not found.large:
            return _content(request, found, headers)
        headers |= {
            "x-linked-size": str(len(found.content)),
            "x-linked-etag": f'"{found.sha256}"',
            "location": f"{_elsewhere(self._world.base)}/_cdn/{found.sha256}",
        }
        return Response(status_code=302, headers=headers)

    # -- access

    def _repository(self, request: Request, name: str) -> Repository:
        """The repository, when the token may know of it. Raises Refusal as the Hub does."""
        given, token = bearer(request.headers.get("authorization")), token_of(self._world, request)
        if given and token is None:
            raise Refusal(401, _BAD_TOKEN, headers={"x-error-message": _BAD_TOKEN})
        found = self._world.repositories.get(name)
        readable = found and (not found.private or (token and self._world.allows(token, READ, found.owner)))
        if found and readable:
            return found
        if token is None:
            # Whether it exists is told to nobody who does not say who they are.
            # The code, because huggingface_hub takes a bare 401 for a missing repository over https alone.
            raise Refusal(401, _NO_PASSWORD, headers={"x-error-code": "RepoNotFound", "x-error-message": _NO_PASSWORD})
        raise Refusal(
            404,
            "Repository not found",
            headers={"x-error-code": "RepoNotFound", "x-error-message": "Repository not found"},
        )

    def _check_gate(self, request: Request, repository: Repository) -> None:
        if repository.gated is None:
            return
        token = token_of(self._world, request)
        if token is None:
            text = f"Access to model {repository.name} is restricted. You must have access to it and be authenticated."
            raise Refusal(401, text, headers={"x-error-code": "GatedRepo", "x-error-message": text})
        reads = token.role != "fineGrained" or any(READ in permissions for permissions in token.scopes.values())
        if not reads or not self._world.repositories.may_read_gated(token.account):
            text = f"Access to model {repository.name} is restricted and you are not in the authorized list."
            raise Refusal(403, text, headers={"x-error-code": "GatedRepo", "x-error-message": text})

    # -- contents

    def _files(self, repository: Repository, revision: str) -> Sequence[File]:
        commit = repository.commit(revision)
        if commit is None:
            text = f"Invalid rev id: {revision}"
            raise Refusal(404, text, headers={"x-error-code": "RevisionNotFound", "x-error-message": text})
        return repository.commits[commit]

    def _split(self, repository: Repository, rest: str) -> tuple[str, str, str]:
        """The revision and the path after it. A revision with slashes comes escaped, or is one that exists."""
        names = [*repository.branches, *repository.tags]
        for name in sorted((name for name in names if "/" in name), key=len, reverse=True):
            if rest == name or rest.startswith(f"{name}/"):
                return name, "/", rest.removeprefix(name).removeprefix("/")
        return rest.partition("/")

    def _info(self, request: Request, repository: Repository, revision: str) -> dict[str, Any]:
        files = self._files(repository, revision)
        blobs = request.query_params.get("blobs", "").lower() in ("true", "1")
        name, weights = repository.name, next(file for file in files if file.large)
        return {
            "_id": hashlib.sha256(name.encode()).hexdigest()[:24],
            "id": name,
            "modelId": name,
            "author": repository.owner,
            "sha": repository.commit(revision),
            "createdAt": self._world.repositories.last_modified,
            "lastModified": self._world.repositories.last_modified,
            "private": repository.private,
            "gated": repository.gated or False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "library_name": "transformers",
            "pipeline_tag": repository.pipeline,
            "tags": ["transformers", "safetensors", f"license:{repository.license}"],
            "cardData": {"license": repository.license},
            "config": {},
            "safetensors": {"parameters": {"BF16": len(weights.content) // 2}, "total": len(weights.content) // 2},
            "usedStorage": sum(len(file.content) for file in files),
            "siblings": [_sibling(file, blobs=blobs) for file in files],
            "spaces": [],
        }


def _elsewhere(base: str) -> str:
    """This server under another name, as the Hub keeps large files at another host: clients send no token there."""
    return base.replace("127.0.0.1", "localhost")


def _content(request: Request, file: File, headers: dict[str, str]) -> Response:
    """A file, or the part of it that Range asks for."""
    size, media = len(file.content), "application/octet-stream"
    headers = {**headers, "accept-ranges": "bytes"}
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or not any(asked.groups()):
        return Response(file.content, headers=headers, media_type=media)
    first, last = asked.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start >= size or start > end:
        return Response(status_code=416, headers={**headers, "content-range": f"bytes */{size}"})
    headers["content-range"] = f"bytes {start}-{end}/{size}"
    return Response(file.content[start : end + 1], 206, headers=headers, media_type=media)


def _sibling(file: File, *, blobs: bool) -> dict[str, Any]:
    if not blobs:
        return {"rfilename": file.path}
    entry = {"rfilename": file.path, "blobId": file.blob, "size": len(file.content)}
    return entry | {"lfs": _large(file, "sha256")} if file.large else entry


def _entry(file: File) -> dict[str, Any]:
    entry = {"type": "file", "oid": file.blob, "size": len(file.content), "path": file.path}
    return entry | {"lfs": _large(file, "oid")} if file.large else entry


def _large(file: File, key: str) -> dict[str, Any]:
    return {key: file.sha256, "size": len(file.content), "pointerSize": len(file.pointer)}


def _within(file: File, folder: str) -> bool:
    return not folder or file.path == folder or file.path.startswith(folder.rstrip("/") + "/")


def _refs(repository: Repository) -> dict[str, Any]:
    def refs(kind: str, named: Any) -> list[dict[str, str]]:
        return [
            {"name": name, "ref": f"refs/{kind}/{quote(name)}", "targetCommit": commit}
            for name, commit in named.items()
        ]

    return {"branches": refs("heads", repository.branches), "tags": refs("tags", repository.tags), "converts": []}
