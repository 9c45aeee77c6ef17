"""`llm fit`: on which GPUs, how many, at which length; and against a start-up log."""

import json

import pytest
from click.testing import CliRunner

from blueprint.locks import Known, ModelPin, ModelsLock
from ops import fit
from ops.lockfile import MODELS
from tests.blueprint.sizing.models import MODELS as KNOWN
from tests.blueprint.sizing.models import facts_of
from tests.blueprint.sizing.test_logs import VLLM_31

LLAMA = "layers=32,hidden=4096,feedForward=14336,heads=32,kvHeads=8,headDim=128,vocabulary=128256,context=131072"


def llm_fit(*arguments):
    return CliRunner().invoke(fit.command, [str(argument) for argument in arguments], catch_exceptions=False)


def options_of(*arguments):
    result = llm_fit(*arguments, "--json")
    return json.loads(result.stdout)["options"]


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(KNOWN["Llama-3.1-8B"]["config"]))
    return path


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A checkout whose lock has facts of one of two models, and whose stack has prices."""
    known = Known.model_validate({"how": "resolved", "source": "https://huggingface.co", "date": "2026-01-02"})
    pins = {
        "org/known@main": ModelPin(sha="a" * 40, known=known, facts=facts_of("Qwen3-8B")),
        "org/bare@main": ModelPin(sha="b" * 40, known=known),
    }
    (tmp_path / "Pulumi.yaml").write_text("name: llm-inference\n")
    (tmp_path / "models.lock.yaml").write_text(MODELS.render(ModelsLock(models=pins), None))
    (tmp_path / "images.lock.yaml").write_text("version: 1\nimages: {}\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(
        "config:\n  llm-inference:cluster: {context: lab, id: lab, namespace: {name: llm}, accelerators: "
        "{nvidia-l40s: {available: 8, hourlyUsd: 1.5}}}\n  llm-inference:models: {}\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_table_is_sorted_by_price_and_an_unknown_price_is_said_to_be_unknown(config):
    result = llm_fit("--config", config, "--price", "nvidia-h100=3.9", "--price", "nvidia-l4=0.8")
    assert result.exit_code == 0
    head, _, columns, *rows = result.output.splitlines()
    assert head.startswith("llama: 8.03 billion parameters in 16 bits; layers: 32 full; vllm ")
    assert columns.split()[:3] == ["GPUS", "VERDICT", "WEIGHTS"]
    assert rows[0].startswith("1 x nvidia-l4")
    assert rows[0].endswith(" 0.80")
    assert rows[1].startswith("1 x nvidia-h100")
    rest = [row for row in rows[2:] if " x nvidia-" in row and ":" not in row]
    assert rest
    assert all(row.endswith("unknown") for row in rest)


def test_a_stack_says_prices_and_the_lock_says_facts(project):
    cheapest = options_of("org/known", "--stack", "dev")[0]
    assert (cheapest["accelerator"], cheapest["count"], cheapest["hourlyUsd"]) == ("nvidia-l40s", 1, 1.5)
    result = llm_fit("org/bare")
    assert result.exit_code == 1
    assert "models.lock.yaml has no facts of org/bare@main. Run `llm lock org/bare@main`" in result.output


def test_dimensions_do_in_place_of_a_file(config):
    by_file, by_options = (
        options_of(*given, "--accelerator", "nvidia-l4") for given in (("--config", config), ("--dimensions", LLAMA))
    )
    assert by_file == by_options


def test_the_json_has_a_version_bands_and_the_engines_settings(config):
    result = llm_fit("--config", config, "--json", "--accelerator", "nvidia-l4", "--count", 1, "--context", 32_768)
    document = json.loads(result.stdout)
    (option,) = document["options"]
    assert document["version"] == 1
    assert document["facts"]["architecture"] == "llama"
    assert option["verdict"] == "tight"
    assert set(option["kvCache"]) == {"low", "likely", "high"}
    assert option["request"]["perTokenKiB"] == 128
    assert option["engine"]["maxNumBatchedTokens"] == 2048
    assert option["changes"][0] == "maxModelLen: 16384"


def test_more_gpus_are_only_shown_until_it_fits(config):
    found = options_of("--config", config, "--accelerator", "nvidia-t4")
    assert [(option["count"], option["verdict"]) for option in found] == [(1, "does not fit"), (2, "fits")]


def test_what_fits_nowhere_ends_with_1_and_says_what_is_missing(config):
    result = llm_fit("--config", config, "--accelerator", "nvidia-t4", "--count", 1)
    assert result.exit_code == 1
    assert "1 x nvidia-t4: " in result.output
    assert "GiB of each GPU are missing, most of it is weights; no single setting helps" in result.output


def test_the_folder_of_a_config_counts_its_weight_files(config):
    (config.parent / "model.safetensors").write_bytes(b"\0" * 4096)
    document = json.loads(llm_fit("--config", config.parent, "--json").stdout)
    assert document["facts"]["checkpoint_bytes"] == 4096


def test_a_log_is_compared_with_the_estimate_for_the_same_run(config, tmp_path):
    log = tmp_path / "start.log"
    log.write_text(VLLM_31)
    result = llm_fit("--config", config, "--calibrate", log)
    assert result.exit_code == 0
    assert result.output.startswith("vllm 0.31.0 on 79.25 GiB, 131,072 tokens; GiB of each GPU\n")
    assert "outside the band" not in result.output
    log.write_text(VLLM_31.replace("took 15.0 GiB", "took 17.0 GiB"))
    result = llm_fit("--config", config, "--calibrate", log)
    assert "weights: correct loaded, loaded.quantized, loaded.mxfp4 in blueprint/sizing/constants.py" in result.output
    (weights, *_) = json.loads(llm_fit("--config", config, "--calibrate", log, "--json").stdout)["differences"]
    assert (weights["name"], weights["measured"], weights["inside"]) == ("weights", 17.0, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Name a model of models.lock.yaml, or give --config or --dimensions."),
        (("--dimensions", "layers=x"), "is no name=number"),
        (("--dimensions", "layers=2,hidden=8"), "feedForward, heads, vocabulary missing"),
        (("--dimensions", LLAMA, "--price", "nvidia-l4=0"), "is no TYPE=USD"),
        (("--dimensions", LLAMA, "--price", "nvidia-l4=nan"), "is no TYPE=USD"),
        (("--dimensions", LLAMA, "--context", "200000"), "the model was made for 131,072 tokens"),
        (("--dimensions", LLAMA, "--config", "."), "exclude each other"),
        (("--config", "."), "config.json cannot be read"),
        (("--dimensions", LLAMA, "--calibrate", "Pulumi.yaml"), "has none of the lines"),
    ],
)
def test_bad_input_is_refused_with_a_reason(project, arguments, said):
    result = llm_fit(*arguments)
    assert result.exit_code != 0
    assert said in " ".join(result.output.split())


def test_a_model_that_sizing_does_not_know_is_unknown(config):
    config.write_text(json.dumps({"model_type": "hal9000"}))
    result = llm_fit("--config", config)
    assert result.exit_code == 1
    assert "Unknown: hal9000 is no architecture that sizing knows" in result.output
