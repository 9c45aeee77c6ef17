"""Registries of images for tests: Debian's real one, and one that answers whatever a test wants."""

import contextlib
import hashlib
import http.server
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest
import yaml

BINARY = shutil.which("docker-registry")
needs_registry = pytest.mark.skipif(BINARY is None, reason="docker-registry is not installed (Debian's package of it)")
USER, PASSWORD = "reader", "registry-secret"
HTPASSWD = "reader:$2y$05$abcdefghijklmnopqrstuubNCCgMNqYiQA5BMGxm7McAPft53drSm\n"
"""crypt(3) of the password."""
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@contextlib.contextmanager
def real_registry(folder: Path, *, login: bool = False) -> Iterator[str]:
    """Debian's docker-registry on loopback; its host and port. login: it asks everybody for USER and PASSWORD."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "of this test"},
    }
    if login:
        (folder / "htpasswd").write_text(HTPASSWD)
        config["auth"] = {"htpasswd": {"realm": "of this test", "path": str(folder / "htpasswd")}}
    (folder / "registry.yaml").write_text(yaml.safe_dump(config))
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([str(BINARY), "serve", folder / "registry.yaml"], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 100
        while True:
            with contextlib.suppress(httpx2.TransportError):
                httpx2.get(f"http://127.0.0.1:{port}/v2/", trust_env=False)
                break
            alive = process.poll() is None and time.monotonic() < deadline
            assert alive, (folder / "registry.log").read_text()
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


class Pusher:
    """Puts content into a real registry by the distribution API."""

    def __init__(self, host: str):
        self._http = httpx2.Client(base_url=f"http://{host}/v2/", auth=(USER, PASSWORD), trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def blob(self, repository: str, content: bytes) -> dict[str, Any]:
        """Upload a blob; its size and digest, as a descriptor has them."""
        started = self._http.post(f"{repository}/blobs/uploads/")
        assert started.status_code == 202, started.text
        address = httpx2.URL(started.headers["Location"]).copy_merge_params({"digest": sha256(content)})
        done = self._http.put(address, content=content, headers={"Content-Type": "application/octet-stream"})
        assert done.status_code == 201, done.text
        return {"digest": sha256(content), "size": len(content)}

    def put(self, repository: str, reference: str, content: Mapping[str, Any]) -> str:
        """Upload a manifest or an index under a tag, or under its digest alone; its digest."""
        body = json.dumps(content).encode()
        headers = {"Content-Type": content["mediaType"]}
        done = self._http.put(f"{repository}/manifests/{reference or sha256(body)}", content=body, headers=headers)
        assert done.status_code == 201, done.text
        return sha256(body)

    def image(self, repository: str, layer: bytes, *, tag: str = "", architecture: str = "amd64") -> dict[str, Any]:
        """Push an image of one platform; its descriptor in an index."""
        config = json.dumps({"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}})
        config_type = "application/vnd.oci.image.config.v1+json"
        layer_type = "application/vnd.oci.image.layer.v1.tar"
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": config_type, **self.blob(repository, config.encode())},
            "layers": [{"mediaType": layer_type, **self.blob(repository, layer)}],
        }
        return {
            "mediaType": MANIFEST,
            "digest": self.put(repository, tag, manifest),
            "size": len(json.dumps(manifest).encode()),
            "platform": {"architecture": architecture, "os": "linux"},
        }

    def index(self, repository: str, tag: str, layer: bytes) -> str:
        """Push an image of two platforms; the digest of its index."""
        images = [self.image(repository, layer, architecture=one) for one in ("amd64", "arm64")]
        return self.put(repository, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": images})


class PlayedRegistry(http.server.ThreadingHTTPServer):
    """Answers by path with (status, headers, body), or what a function of the request gives.

    ECHO in an answer becomes what came as Authorization. requests: path and Authorization of each.
    """

    def __init__(self, certificate: ssl.SSLContext | None = None):
        super().__init__(("127.0.0.1", 0), _Handler)
        if certificate is not None:
            self.socket = certificate.wrap_socket(self.socket, server_side=True)
        self.answers: dict[str, Any] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.delay = 0.0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def serves(self, repository: str, tag: str, body: bytes, **headers: str) -> str:
        """Let it have an index, whatever its content; its digest."""
        headers = {"Content-Type": INDEX, **{key.replace("_", "-"): value for key, value in headers.items()}}
        self.answers[f"/v2/{repository}/manifests/{tag}"] = (200, headers, body)
        return sha256(body)

    def asks_for_token(self, token: str, **challenge: str) -> None:
        """Let it ask for the token that its own /token gives, wherever that is asked for."""
        challenge = {"realm": f"http://{self.host}/token", "service": "played", **challenge}
        header = ",".join(f'{key}="{value}"' for key, value in challenge.items())
        refusal = (401, {"WWW-Authenticate": f"Bearer {header}"}, b'{"errors": []}')
        for path, answer in list(self.answers.items()):
            self.answers[path] = lambda login, answer=answer: answer if login == f"Bearer {token}" else refusal
        self.answers["/token"] = (200, {}, json.dumps({"token": token}).encode())


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        registry: Any = self.server
        login = self.headers.get("Authorization")
        registry.requests.append((self.path, login))
        time.sleep(registry.delay)
        answer = registry.answers.get(self.path.partition("?")[0], (404, {}, b'{"errors": []}'))
        status, headers, body = answer(login) if callable(answer) else answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value.replace("ECHO", login or ""))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body.replace(b"ECHO", (login or "").encode()))

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def played_registry(certificate: ssl.SSLContext | None = None) -> Iterator[PlayedRegistry]:
    """A played registry that answers until the block ends."""
    server = PlayedRegistry(certificate)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
