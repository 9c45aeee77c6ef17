"""The rendered download, run as a process: what it says, how it ends, and that nothing half is taken for whole."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import snapshot_download

from components.weights.download.words import CORRUPT, GATED, HUB_DOWN, INTERRUPTED, MISSING, TOKEN, VOLUME
from tests.components.weights.conftest import BIG, MIDDLE, Pod
from tests.lab.conftest import eventually

TINY = "lab-org/tiny"


def offline(pod: Pod, repository: str, revision: str = "main") -> Path:
    """The snapshot as an engine's own library finds it without a network."""
    return Path(snapshot_download(repository, revision=revision, cache_dir=pod.home / "hub", local_files_only=True))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def published(pod: Pod, repository: str, revision: str = "main") -> dict[str, bytes]:
    found = pod.hub.world.repositories.get(repository)
    files = found.commits[found.commit(revision)]
    return {file.path: file.content for file in files if not file.path.startswith("original/")}


def test_a_model_is_found_whole_by_the_hubs_own_library_without_a_network(pod):
    code, log = pod.run(BIG)
    assert code == 0, log
    assert contents(offline(pod, BIG)) == published(pod, BIG)
    assert log.splitlines()[-1].startswith(f"{BIG}@{pod.commit(BIG)} is whole: 7 files")


def test_a_second_run_asks_nobody_and_works_while_the_hub_is_down(pod):
    commit = pod.commit(TINY)
    assert pod.run(TINY, commit)[0] == 0
    pod.hub.fault(operation="*", kind=503, times=None)
    asked = len(pod.hub.requests)
    code, log = pod.run(TINY, commit)
    assert (code, len(pod.hub.requests)) == (0, asked)
    assert "whole already" in log


def test_a_repository_is_found_at_a_path_too_for_engines_that_take_no_revision(pod):
    commit, path = pod.commit(TINY, "v1"), pod.home / "adapters" / "tiny"
    pod.more = [f"{TINY}@{commit}={path}"]
    for _ in range(2):
        assert pod.run(BIG)[0] == 0
        assert contents(path) == published(pod, TINY, "v1")


def test_another_revision_leaves_the_old_one_there_for_a_roll_back(pod):
    assert pod.run(TINY, pod.commit(TINY, "previous"))[0] == 0
    assert pod.run(TINY, pod.commit(TINY))[0] == 0
    for revision in ("previous", "main"):
        assert contents(offline(pod, TINY, pod.commit(TINY, revision))) == published(pod, TINY, revision)


def test_what_an_engine_downloaded_before_is_verified_and_kept(pod):
    snapshot_download(
        BIG, endpoint=pod.hub.url, token=False, cache_dir=pod.home / "hub", ignore_patterns=["original/*"]
    )
    before = pod.downloads()
    assert pod.run(BIG)[0] == 0
    assert pod.downloads() == before
    # The library's own listing of that commit names the file that was left out; it must not be asked offline. In a
    # process of its own, since the library remembers listings.
    call = f"snapshot_download({BIG!r}, cache_dir={str(pod.home / 'hub')!r}, local_files_only=True)"
    subprocess.run([sys.executable, "-c", f"from huggingface_hub import snapshot_download; {call}"], check=True)


def test_a_file_that_rotted_in_the_cache_is_fetched_anew(pod):
    assert pod.run(TINY)[0] == 0
    blob = (offline(pod, TINY) / "model.safetensors").resolve()
    blob.write_bytes(b"x" + blob.read_bytes()[1:])
    pod.marker(TINY).unlink()
    assert pod.run(TINY)[0] == 0
    assert contents(offline(pod, TINY)) == published(pod, TINY)


def test_a_file_that_somebody_deleted_is_missed_in_spite_of_the_marker(pod):
    commit = pod.commit(TINY)
    assert pod.run(TINY, commit)[0] == 0
    (offline(pod, TINY, commit) / "model.safetensors").resolve().unlink()
    assert pod.run(TINY, commit)[0] == 0
    assert contents(offline(pod, TINY, commit)) == published(pod, TINY)


@pytest.mark.parametrize("operation", ["download", "resolve"])
def test_a_file_that_arrives_corrupted_is_never_taken_for_whole(pod, operation):
    """Of large files the sha256 is known, of small ones git's name."""
    pod.hub.fault(operation=operation, kind="corrupted", moment="after", times=None)
    code, log = pod.run(TINY)
    assert code == CORRUPT
    assert "arrived corrupted twice: its checksum is" in log.splitlines()[-1]
    assert not pod.marker(TINY).exists()
    pod.hub.world.faults.clear()
    assert pod.run(TINY)[0] == 0
    assert contents(offline(pod, TINY)) == published(pod, TINY)


def test_a_file_that_arrives_corrupted_once_is_fetched_anew(pod):
    pod.hub.fault(operation="download", kind="corrupted", moment="after")
    code, log = pod.run(TINY)
    assert code == 0
    assert "fetching it anew" in log
    assert contents(offline(pod, TINY)) == published(pod, TINY)


def test_a_connection_that_ends_in_the_middle_goes_on_from_there(pod):
    pod.hub.fault(operation="download", kind="truncated", moment="after", times=2)
    code, log = pod.run(BIG)
    assert code == 0
    assert "the connection ended after" in log
    assert contents(offline(pod, BIG)) == published(pod, BIG)


@pytest.mark.parametrize(
    ("operation", "kind"), [("model-info", 429), ("model-info", "not-json"), ("resolve", 503), ("download", "reset")]
)
def test_a_fault_that_passes_is_waited_for(pod, operation, kind):
    pod.hub.fault(operation=operation, kind=kind)
    code, log = pod.run(TINY)
    assert code == 0
    assert "; again in 1 s" in log


def test_a_hub_that_stays_down_is_named_and_what_arrived_is_kept(pod):
    pod.hub.fault(operation="download", kind=503, times=None, skip=1)
    code, log = pod.run(BIG)
    assert code == HUB_DOWN
    assert f"error: {pod.hub.url} did not give" in log.splitlines()[-1]
    assert not pod.marker(BIG).exists()
    pod.hub.world.faults.clear()
    before = pod.downloads()
    assert pod.run(BIG)[0] == 0
    assert pod.downloads() == before + 1


def test_an_unreachable_hub_is_named(pod):
    pod.url = "http://127.0.0.1:9"
    code, log = pod.run(TINY)
    assert code == HUB_DOWN
    assert f"error: {pod.url} did not give the list of files of {TINY}: ConnectionRefusedError" in log


def test_a_gated_model_names_the_page_and_the_secret(pod):
    pod.token = "lab-invoke"
    code, log = pod.run("lab-org/gated")
    assert code == GATED
    assert f"Accept its licence at {pod.hub.url}/lab-org/gated with the account whose token stands in" in log
    assert "hf-secret, key token" in log
    assert not pod.marker("lab-org/gated").exists()
    pod.token = "lab-read"
    assert pod.run("lab-org/gated")[0] == 0


def test_a_gated_model_without_a_token_names_the_setting(pod):
    code, log = pod.run("lab-org/gated")
    assert code == GATED
    assert "huggingface.hubReadSecret" in log


def test_a_token_that_the_hub_refuses_is_named_and_never_shown(pod):
    pod.token = "nobodys-token"
    code, log = pod.run(TINY)
    assert code == TOKEN
    assert "The Hub refuses the token of the Secret (hf-secret, key token)" in log
    assert "nobodys-token" not in log


def test_the_token_is_never_sent_to_where_the_hub_redirects(pod):
    pod.token = "lab-read"
    assert pod.run("lab-org/private")[0] == 0
    tokens = {request.operation: request.token for request in pod.hub.requests}
    assert (tokens["resolve"] is not None, tokens["download"]) == (True, None)


@pytest.mark.parametrize(
    ("repository", "revision", "words"),
    [
        (TINY, "0" * 40, "has no such revision"),
        ("lab-org/nothing", "main", "is not there, or it is private and no token was given"),
    ],
)
def test_what_is_not_there_is_named(pod, repository, revision, words):
    code, log = pod.run(repository, revision)
    assert code == MISSING
    assert words in log.splitlines()[-1]


def test_an_interrupted_download_is_not_whole_and_goes_on_from_where_it_stopped(pod):
    pod.hub.fault(operation="download", kind="drip", moment="after", seconds=60, times=None)
    process = pod.start(BIG)
    blobs = pod.home / "hub" / f"models--{BIG.replace('/', '--')}" / "blobs"
    eventually(lambda: sum(path.stat().st_size for path in blobs.glob("*.incomplete")) > 0)
    process.send_signal(signal.SIGTERM)
    log, _ = process.communicate(timeout=50)
    assert process.returncode == INTERRUPTED
    assert log.splitlines()[-1].startswith("interrupted; nothing unfinished is marked whole")
    assert not pod.marker(BIG).exists()
    kept = sum(path.stat().st_size for path in blobs.glob("*.incomplete"))
    pod.hub.world.faults.clear()
    code, log = pod.run(BIG)
    assert code == 0
    assert "waiting" not in log  # the lock was given back
    assert contents(offline(pod, BIG)) == published(pod, BIG)
    assert kept > 0


def test_a_download_that_was_killed_leaves_a_lock_that_the_next_one_takes_over(pod):
    pod.hub.fault(operation="download", kind="drip", moment="after", seconds=60, times=None)
    process = pod.start(BIG)
    blobs = pod.home / "hub" / f"models--{BIG.replace('/', '--')}" / "blobs"
    eventually(lambda: sum(path.stat().st_size for path in blobs.glob("*.incomplete")) > 0)
    process.kill()
    process.communicate()
    pod.hub.world.faults.clear()
    code, log = pod.run(BIG)
    assert code == 0
    assert "was left behind by a download that died; taking it over" in log
    assert contents(offline(pod, BIG)) == published(pod, BIG)


def test_two_downloads_at_once_fetch_each_file_once(pod):
    pod.options = ["--patience=3", "--stale=60"]
    pod.hub.fault(operation="download", kind="slow", moment="after", seconds=1, times=2)
    processes = [pod.start(BIG), pod.start(BIG)]
    logs = [process.communicate(timeout=150)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], logs
    assert pod.downloads() == 2
    assert sum("another download holds" in log for log in logs) == 1


@pytest.fixture
def small_volume(tmp_path):
    """A file system of six megabytes; skipped where none can be mounted."""
    folder = tmp_path / "volume"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("this user cannot mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_volume_that_is_too_small_is_told_before_anything_is_fetched(pod, small_volume):
    pod.home = small_volume
    code, log = pod.run(BIG)
    assert code == VOLUME
    assert re.search(r"9.26 MB are missing and 6.\d+ MB free. Raise cache.sizeGiB.", log.splitlines()[-1])
    assert pod.downloads() == 0
    assert not pod.marker(BIG).exists()


def test_a_volume_that_fills_up_under_way_is_told_and_what_arrived_is_kept(pod, small_volume):
    """Somebody else's files take the room that was there."""
    pod.home = small_volume
    assert pod.run(TINY)[0] == 0
    pod.hub.fault(operation="download", kind="drip", moment="after", seconds=1, times=2)
    process = pod.start(MIDDLE)
    eventually(lambda: list((small_volume / "hub").glob("models--lab-org--middle/blobs/*.incomplete")))
    # It is gone either way when the download was faster.
    with contextlib.suppress(OSError), (small_volume / "ballast").open("wb", buffering=0) as ballast:
        ballast.write(b"x" * (shutil.disk_usage(small_volume).free - 200_000))
    log, _ = process.communicate(timeout=150)
    assert process.returncode == VOLUME, log
    assert "No space left on device. Raise cache.sizeGiB" in log.splitlines()[-1]
    assert not pod.marker(MIDDLE).exists()
    (small_volume / "ballast").unlink()
    assert pod.run(MIDDLE)[0] == 0
    assert contents(offline(pod, MIDDLE)) == published(pod, MIDDLE)


def test_an_older_revision_that_could_be_deleted_is_named(pod, small_volume):
    pod.home = small_volume
    old = pod.commit(MIDDLE, "previous")
    assert pod.run(MIDDLE, old)[0] == 0
    code, log = pod.run(MIDDLE, pod.commit(MIDDLE))
    assert code == VOLUME
    assert f"or delete an older revision from it ({old})" in log


def test_a_volume_that_may_not_be_written_is_named_with_the_user(pod, small_volume):
    subprocess.run(["mount", "-o", "remount,ro", str(small_volume)], check=True)
    pod.home = small_volume
    code, log = pod.run(TINY)
    assert code == VOLUME
    assert f"cannot be written by user {os.getuid()}, group {os.getgid()}: Read-only file system" in log
