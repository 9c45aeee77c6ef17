"""The state: the CLI's own formats, read and written; secrets; locks; what happens when it cannot be written."""

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.engine.resources import ResourceState, Snapshot
from lab.engine.store import checkpoint
from lab.engine.store.backend import Backend
from lab.engine.store.crypto import Crypter
from lab.engine.values import UNKNOWN, Secret
from lab.errors import LabError

RECORDED = [
    Path(__file__).parent / "recorded" / "secrets.json",
    *sorted((Path(__file__).parents[2] / "upgrade").glob("*/dev.json")),
]
CRYPTER = Crypter.new("a test's word")


def _secret(value):
    return value if isinstance(value, Secret) else Secret(value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.just(UNKNOWN),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3) | inner.map(_secret)
    ),
    max_leaves=10,
)


def state(name, **more):
    return ResourceState(urn=f"urn:pulumi:dev::p::test:index:T::{name}", type="test:index:T", custom=True, **more)


def written(snapshot, crypter=CRYPTER):
    return json.loads(checkpoint.Writer(lambda: crypter).text("organization/p/dev", snapshot, "2026-01-01T00:00:00Z"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_the_cli_wrote_is_read_and_written_back(path):
    whole = json.loads(path.read_text())
    crypter = Crypter.of(checkpoint.salt_of(whole), "lab")
    back = written(checkpoint.read(whole, crypter), crypter)
    assert unsealed(back["checkpoint"]["latest"]["resources"], crypter) == unsealed(
        whole["checkpoint"]["latest"]["resources"], crypter
    )
    assert back["checkpoint"]["latest"]["secrets_providers"] == whole["checkpoint"]["latest"]["secrets_providers"]


def unsealed(value, crypter):
    """Equal secrets may have different ciphertexts."""
    return checkpoint.revealed(value, crypter)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=5), VALUES, max_size=4))
def test_any_properties_survive(properties):
    snapshot = Snapshot([state("a", inputs=properties, outputs=properties, id="1")])
    found = checkpoint.read(written(snapshot), CRYPTER)
    assert found.resources == snapshot.resources


def test_secrets_are_not_in_the_file_and_need_the_passphrase(monkeypatch):
    whole = written(Snapshot([state("a", inputs={"token": Secret("hush-hush")})]))
    assert "hush-hush" not in json.dumps(whole)
    salt = checkpoint.salt_of(whole)
    for passphrase, told in (("another", "passphrase is not this stack's"), (None, "PULUMI_CONFIG_PASSPHRASE")):
        with pytest.raises(LabError, match=told) as caught:
            checkpoint.read(whole, Crypter.of(salt, passphrase))
        assert "another" not in str(caught.value)


def test_an_unchanged_secret_keeps_its_ciphertext():
    crypter = Crypter.new("word")
    snapshot = Snapshot([state("a", inputs={"token": Secret("hush-hush")})])
    first = written(snapshot, crypter)
    reopened = Crypter.of(checkpoint.salt_of(first), "word")
    second = written(checkpoint.read(first, reopened), reopened)
    assert first["checkpoint"]["latest"]["resources"] == second["checkpoint"]["latest"]["resources"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda whole: whole.update(version=4), "version 4"),
        (lambda whole: whole.update(features=["new"]), "new"),
        (lambda whole: whole["checkpoint"]["latest"]["secrets_providers"].update(type="cloud"), "kept by cloud"),
    ],
)
def test_what_is_not_known_is_refused_by_name(change, told):
    whole = written(Snapshot([state("a")]))
    change(whole)
    with pytest.raises(LabError, match=told):
        checkpoint.read(whole, Crypter.of(checkpoint.salt_of(whole), "a test's word"))


@pytest.mark.parametrize(
    "resources",
    [
        [state("a"), state("a")],
        [state("a", parent=state("b").urn), state("b")],
        [state("a", dependencies=[state("b").urn])],
        [state("a", provider=f"{state('b').urn}::1")],
    ],
    ids=["twice", "parent behind", "dependency missing", "provider missing"],
)
def test_a_state_that_does_not_hold_together_is_not_written(resources):
    with pytest.raises(LabError, match="does not hold together"):
        written(Snapshot(resources))


def test_only_one_holds_a_stack_and_the_dead_hold_none(tmp_path):
    backend = Backend(f"file://{tmp_path}", "p")
    with backend.locked("dev"):
        with pytest.raises(LabError, match=f"pid {os.getpid()}"), backend.locked("dev"):
            pass
        with backend.locked("other"):
            pass
    folder = tmp_path / ".pulumi/locks/organization/p/dev"
    gone = subprocess.Popen(["true"])
    gone.wait()
    lock = {"username": os.environ.get("USER", "root"), "hostname": socket.gethostname()}
    (folder / "x.json").write_text(json.dumps({**lock, "pid": gone.pid, "timestamp": "2026-01-01T00:00:00Z"}))
    with backend.locked("dev"):
        pass
    (folder / "y.json").write_text(json.dumps({**lock, "hostname": "elsewhere", "pid": 1, "timestamp": "2026-01-01"}))
    with pytest.raises(LabError, match="elsewhere"), backend.locked("dev"):
        pass
    assert backend.cancel("dev") == 1
    with backend.locked("dev"):
        pass


def test_a_full_disk_leaves_the_old_state(tmp_path):
    backend = Backend(f"file://{tmp_path}", "p")
    backend.write("dev", '{"old": true}')
    code = (
        "import sys; from lab.engine.store.backend import Backend; from lab.errors import LabError\n"
        f"try: Backend({f'file://{tmp_path}'!r}, 'p').write('dev', 'x' * 100_000)\n"
        "except LabError as error: print(error); sys.exit(3)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
    )
    assert done.returncode == 3, done.stderr
    assert "could not be saved" in done.stdout
    assert backend.path("dev").read_text() == '{"old": true}'
    assert [path.name for path in backend.path("dev").parent.iterdir()] == ["dev.json"]


@pytest.mark.parametrize("url", ["s3://bucket", "https://api.pulumi.com"])
def test_other_backends_are_refused_by_name(url):
    with pytest.raises(LabError, match=url):
        Backend(url, "p")


@pytest.mark.skipif(shutil.which("pulumi") is None, reason="needs pulumi on PATH")
def test_the_cli_reads_our_secrets(tmp_path):
    """A stack file that our engine encrypted, decrypted by the CLI."""
    (tmp_path / "state").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("# kept\nconfig:\n  p:plain: one # kept too\n")
    environment = {
        **os.environ,
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/state",
        "PULUMI_CONFIG_PASSPHRASE": "word",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
    }

    def run(*command):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    run(sys.executable, "-m", "lab.engine", "config", "set", "--stack=dev", "--secret", "token", "hush-hush")
    text = (tmp_path / "Pulumi.dev.yaml").read_text()
    assert "hush-hush" not in text
    assert text.startswith("# kept\nconfig:\n")
    assert "one # kept too" in text
    run("pulumi", "stack", "init", "dev")
    assert run("pulumi", "config", "get", "token", "--stack=dev") == "hush-hush"
