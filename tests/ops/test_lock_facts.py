"""`llm lock` and the facts of sizing: from a hub, a cache and a checkout; kept, read once, and never invented."""

import json

import pytest
import yaml

from blueprint.locks import Known, ModelPin, ModelsLock, read_models_lock
from lab.hub.server import HubServer
from ops.lockfile import MODELS
from ops.sources import UnresolvedError, facts_from, weight_bytes
from tests.blueprint.sizing.models import MODELS as KNOWN
from tests.blueprint.sizing.models import facts_of
from tests.ops.test_lock_directory import A, cached, git, llm_lock, pin

LLAMA = KNOWN["Llama-3.1-8B"]["config"]


def snapshot(directory, config, *, size=0):
    cached(directory)
    folder = directory / "models--org--one" / "snapshots" / A
    (folder / "config.json").write_text(json.dumps(config))
    if size:
        (folder / "model.safetensors").write_bytes(b"\0" * size)
    return folder


def test_a_cache_tells_facts_and_sizes(project, directory):
    snapshot(directory, LLAMA, size=1000)
    result = llm_lock("org/one", "--from", directory)
    assert "org/one@main: new, aaaaaaaa; facts of sizing read" in result.output
    facts = pin(project).facts
    assert (facts.parameters, facts.checkpoint_bytes) == (8_030_261_248, 1000)
    assert facts.model_copy(update={"checkpoint_bytes": None}) == facts_of("Llama-3.1-8B")


def test_a_checkout_tells_them_by_the_pointers_of_large_files(project, directory):
    git(directory, "init", "-q")
    (directory / "config.json").write_text(json.dumps(LLAMA))
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 4976698672\n"
    (directory / "model-00001-of-00004.safetensors").write_text(pointer)
    (directory / "consolidated.safetensors").write_text(pointer)
    git(directory, "add", ".")
    git(directory, "commit", "-q", "-m", "first")
    assert llm_lock("org/one", "--from", directory).exit_code == 0
    assert pin(project).facts.checkpoint_bytes == 4_976_698_672


def test_a_hub_tells_them(project):
    hub = HubServer().start()
    try:
        result = llm_lock("Qwen/Qwen2.5-1.5B-Instruct", "--endpoint", hub.url)
    finally:
        hub.stop()
    assert "facts of sizing read" in result.output
    facts = pin(project, "Qwen/Qwen2.5-1.5B-Instruct@main").facts
    assert (facts.architecture, facts.attention[0].kind) == ("qwen2", "full")
    assert facts.checkpoint_bytes > 0


def test_a_model_that_sizing_does_not_know_is_pinned_and_said_to_be_unknown(project, directory):
    snapshot(directory, {**LLAMA, "model_type": "hal9000"})
    result = llm_lock("org/one", "--from", directory)
    assert result.exit_code == 0
    assert "new, aaaaaaaa; no facts of sizing: hal9000 is no architecture that sizing knows" in result.output
    assert (pin(project).sha, pin(project).facts) == (A, None)


def test_an_adapter_without_a_config_has_no_facts_and_no_complaint(project, directory):
    cached(directory)
    assert "facts" not in llm_lock("org/one", "--from", directory).output


def test_facts_of_a_commit_are_read_once(project, directory):
    snapshot(directory, LLAMA)
    llm_lock("org/one", "--from", directory)
    before = (project / "models.lock.yaml").read_text()
    result = llm_lock("org/one", "--from", directory)
    assert "unchanged, aaaaaaaa\n" in result.output
    assert (project / "models.lock.yaml").read_text() == before


def test_a_lock_without_facts_holds_and_one_with_them_too(project, directory):
    snapshot(directory, LLAMA)
    known = {"how": "resolved", "source": "local directory (hub cache)", "date": "2026-01-02"}
    bare = {"version": 1, "models": {"org/one@main": {"sha": A, "known": known}}}
    (project / "models.lock.yaml").write_text(yaml.safe_dump(bare))
    assert llm_lock("org/one", "--from", directory, "--check").exit_code == 0
    assert "unchanged, aaaaaaaa; facts of sizing read" in llm_lock("org/one", "--from", directory).output
    assert pin(project).facts is not None
    assert llm_lock("org/one", "--from", directory, "--check").exit_code == 0


def test_facts_do_not_outlive_their_commit(project, directory):
    snapshot(directory, LLAMA)
    known = {"how": "resolved", "source": "local directory (hub cache)", "date": "2026-01-02"}
    old = ModelPin(sha="b" * 40, known=Known.model_validate(known), facts=facts_of("Qwen3-8B"))
    text = MODELS.render(ModelsLock(models={"org/one@main": old}), None)
    assert read_models_lock(text).models["org/one@main"] == old
    (project / "models.lock.yaml").write_text(text)
    assert "moved from bbbbbbbb to aaaaaaaa; facts of sizing read" in llm_lock("org/one", "--from", directory).output
    assert pin(project).facts == facts_of("Llama-3.1-8B")


@pytest.mark.parametrize(
    ("text", "said"), [(b"{", "no JSON"), (b"[]", "no mapping"), (b" " * (5 * 2**20), "too large")]
)
def test_what_is_no_config_is_named(text, said):
    with pytest.raises(UnresolvedError, match=said):
        facts_from(text, {})


def test_weights_that_a_repository_holds_twice_are_counted_once():
    twice = {"model-1.safetensors": 5, "model-2.safetensors": 7, "consolidated.safetensors": 12}
    assert weight_bytes({**twice, "onnx/model.safetensors": 3}) == 12
    assert weight_bytes({"consolidated.safetensors": 12, "README.md": 1}) == 12
