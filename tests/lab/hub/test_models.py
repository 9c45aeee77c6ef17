"""The Hub's models through the unmodified huggingface_hub, and the headers that it lives by."""

import hashlib
import json
import struct
from pathlib import Path

import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from blueprint.locks import read_models_lock
from ops.hub import Hub
from ops.sources import ModelRevision, UnresolvedError
from tests.lab.hub.support import Caller
from tests.support import PROJECT

QWEN = "Qwen/Qwen2.5-1.5B-Instruct"


@pytest.fixture
def reader(hub):
    return HfApi(endpoint=hub.url, token="lab-read")


@pytest.fixture
def anybody(hub):
    return HfApi(endpoint=hub.url, token=False)


def test_the_dev_stacks_model_is_at_the_commit_of_the_lock_file(anybody):
    pinned = read_models_lock((PROJECT.root / "models.lock.yaml").read_text()).pin(QWEN, "main").sha
    assert anybody.model_info(QWEN).sha == pinned
    assert anybody.model_info(QWEN, revision=pinned).sha == pinned
    assert anybody.model_info(QWEN, revision="previous").sha != pinned


def test_llm_lock_resolves_against_the_stand_in(hub):
    assert Hub(hub.url, None, 5).commit(ModelRevision(QWEN, "main")).sha == anybody_sha(hub, QWEN)
    for repository, token, reason in (
        ("lab-org/private", None, "shows no repository"),
        ("lab-org/nothing", "lab-read", "shows no repository"),
        (QWEN, "nobodys", "refuses access"),
    ):
        with pytest.raises(UnresolvedError, match=reason):
            Hub(hub.url, token, 5).commit(ModelRevision(repository, "main"))
    with pytest.raises(UnresolvedError, match="has no revision"):
        Hub(hub.url, None, 5).commit(ModelRevision(QWEN, "dev"))


def anybody_sha(hub, repository):
    return HfApi(endpoint=hub.url, token=False).model_info(repository).sha


def test_information_names_files_with_sizes_and_checksums(anybody):
    info = anybody.model_info(QWEN, files_metadata=True)
    files = {sibling.rfilename: sibling for sibling in info.siblings}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= files.keys()
    assert files["model.safetensors"].lfs.sha256
    assert all(sibling.size for sibling in files.values())
    assert (info.pipeline_tag, info.gated, info.private) == ("text-generation", False, False)
    assert all(sibling.size is None for sibling in anybody.model_info(QWEN).siblings)


def test_branches_tags_and_trees(anybody):
    refs = anybody.list_repo_refs(QWEN)
    commits = {branch.name: branch.target_commit for branch in refs.branches}
    assert commits["main"] == anybody.model_info(QWEN).sha
    assert refs.tags[0].target_commit == commits["previous"]
    tree = {entry.path: entry for entry in anybody.list_repo_tree(QWEN, recursive=True)}
    assert tree["model.safetensors"].lfs.size == tree["model.safetensors"].size
    (entry,) = anybody.get_paths_info(QWEN, ["config.json", "nothing"], revision="v1")
    assert (entry.path, entry.size) == ("config.json", tree["config.json"].size)


def test_a_snapshot_has_every_file_whole(anybody, hub, tmp_path):
    folder = snapshot_download(QWEN, endpoint=hub.url, token=False, cache_dir=tmp_path)
    tree = {entry.path: entry for entry in anybody.list_repo_tree(QWEN, recursive=True)}
    for name, entry in tree.items():
        content = (tmp_path / folder / name).read_bytes()
        assert len(content) == entry.size
        if entry.lfs:
            assert hashlib.sha256(content).hexdigest() == entry.lfs.sha256
        else:
            assert hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == entry.blob_id


def test_weights_are_in_the_safetensors_format(hub, tmp_path):
    path = hf_hub_download(QWEN, "model.safetensors", endpoint=hub.url, token=False, cache_dir=tmp_path)
    content = Path(path).read_bytes()
    assert len(content) < 64_000
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert max(tensor["data_offsets"][1] for tensor in header.values()) == len(content) - 8 - length
    metadata = HfApi(endpoint=hub.url, token=False).parse_safetensors_file_metadata(QWEN, "model.safetensors")
    assert sum(metadata.parameter_count.values()) == (len(content) - 8 - length) // 2


def test_a_commit_is_the_same_in_every_run_and_another_for_other_files(hub, start):
    other = start()
    assert anybody_sha(hub, "lab-org/tiny") == anybody_sha(other, "lab-org/tiny")
    assert anybody_sha(hub, "lab-org/tiny") != anybody_sha(hub, "gpt2")


@pytest.mark.parametrize(
    ("repository", "token", "error"),
    [
        ("lab-org/nothing", False, RepositoryNotFoundError),
        ("lab-org/nothing", "lab-read", RepositoryNotFoundError),
        ("lab-org/private", False, RepositoryNotFoundError),
        ("lab-org/private", "lab-manage", RepositoryNotFoundError),
        ("other-org/private", "lab-read", RepositoryNotFoundError),
        (QWEN, "nobodys", HfHubHTTPError),
    ],
)
def test_what_one_may_not_see_looks_like_nothing(hub, repository, token, error):
    with pytest.raises(error):
        HfApi(endpoint=hub.url, token=token).model_info(repository)


def test_a_private_model_is_seen_with_the_right_token(reader, hub, tmp_path):
    assert reader.model_info("lab-org/private").private
    hf_hub_download("lab-org/private", "config.json", endpoint=hub.url, token="lab-read", cache_dir=tmp_path)


def test_a_gated_model_is_described_to_all_and_given_to_whom_accepted_its_terms(hub, anybody, tmp_path):
    assert anybody.model_info("lab-org/gated").gated == "manual"

    def download(token):
        name = str(token)
        hf_hub_download("lab-org/gated", "config.json", endpoint=hub.url, token=token, cache_dir=tmp_path / name)

    for token, status in ((False, 401), ("other-write", 403), ("lab-invoke", 403)):
        with pytest.raises(GatedRepoError) as refused:
            download(token)
        assert refused.value.response.status_code == status
    download("lab-read")


def test_what_is_not_there_is_named(hub, anybody, tmp_path):
    with pytest.raises(RevisionNotFoundError):
        anybody.model_info(QWEN, revision="dev")
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(QWEN, "pytorch_model.bin", endpoint=hub.url, token=False, cache_dir=tmp_path)


def test_a_small_file_comes_with_its_names(hub):
    with Caller(hub, None).http as http:
        head = http.head(f"/{QWEN}/resolve/main/config.json")
        whole = http.get(f"/{QWEN}/resolve/main/config.json")
    assert head.headers["x-repo-commit"] == anybody_sha(hub, QWEN)
    assert head.headers["etag"] == whole.headers["etag"]
    assert int(head.headers["content-length"]) == len(whole.content)
    assert head.content == b""


def test_a_large_file_is_elsewhere(hub):
    with Caller(hub, None).http as http:
        head = http.head(f"/{QWEN}/resolve/main/model.safetensors")
        whole = http.get(head.headers["location"])
    assert head.status_code == 302
    assert head.headers["x-linked-size"] == str(len(whole.content))
    assert head.headers["x-linked-etag"] == f'"{hashlib.sha256(whole.content).hexdigest()}"'


@pytest.mark.parametrize(
    ("asked", "status", "slice_"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=0-999999", 206, slice(0, None)),
        ("lines=1-2", 200, slice(0, None)),
        ("bytes=999999-", 416, None),
    ],
)
@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_parts_of_a_file(hub, name, asked, status, slice_):
    with Caller(hub, None).http as http:
        whole = http.get(f"/{QWEN}/resolve/main/{name}", follow_redirects=True).content
        answer = http.get(f"/{QWEN}/resolve/main/{name}", headers={"range": asked}, follow_redirects=True)
    assert answer.status_code == status
    if slice_ is None:
        assert answer.headers["content-range"] == f"bytes */{len(whole)}"
    else:
        assert answer.content == whole[slice_]
