"""Which nodes the stack files ask for."""

from pathlib import Path

import pytest

from lab.cluster.devices import Demand, machines, read_stacks
from lab.cluster.nodes import node
from lab.errors import LabError


def stack(folder: Path, name: str, text: str) -> None:
    (folder / f"Pulumi.{name}.yaml").write_text(text)


def test_the_largest_number_over_all_stacks_counts(tmp_path):
    for name, available in (("dev", 2), ("prod", 8)):
        stack(
            tmp_path,
            name,
            f"config:\n  llm-inference:cluster:\n    accelerators: {{nvidia-l4: {{available: {available}}}}}\n",
        )
    stack(tmp_path, "endpoints-only", "config: {}\n")
    assert read_stacks(tmp_path) == {("gpuOperator", "nvidia-l4"): Demand(available=8)}


def test_two_labellers_make_two_kinds_of_nodes(tmp_path):
    for dialect in ("gke", "gpuOperator"):
        text = (
            f"config: {{'llm-inference:cluster': {{nodeLabels: {dialect},"
            " accelerators: {nvidia-l4: {available: 1}}}}"
        )
        stack(tmp_path, dialect, text)
    assert {machine.name for machine in machines(read_stacks(tmp_path))} == {"nvidia-l4-0", "gke-nvidia-l4-0"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nodeLabels: azure", ("nodeLabels: 'azure'", "gpuOperator, gke")),
        ("accelerators: {nvidia-l5: {available: 1}}", ("accelerators.nvidia-l5", "nvidia-l4")),
        ("{nodeLabels: gke, accelerators: {nvidia-a10g: {available: 1}}}", ("nvidia-a10g", "gpuOperator")),
        ("accelerators: {nvidia-l4: {available: many}}", (".available: 'many'", "whole number")),
    ],
)
def test_a_mistake_is_named_with_file_key_and_remedy(tmp_path, text, words):
    stack(tmp_path, "dev", f"config:\n  llm-inference:cluster:\n    {text}\n")
    with pytest.raises(LabError) as refused:
        read_stacks(tmp_path)
    for word in ("Pulumi.dev.yaml: llm-inference:cluster", *words):
        assert word in str(refused.value)


def test_two_mistakes_give_two_messages(tmp_path):
    stack(tmp_path, "a", "config: {'llm-inference:cluster': {accelerators: {nvidia-l5: {available: 1}}}}\n")
    stack(tmp_path, "b", "config: [unclosed\n")
    with pytest.raises(LabError) as refused:
        read_stacks(tmp_path)
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == ["Pulumi.a.yaml", "Pulumi.b.yaml"]


def test_nodes_have_four_gpus_and_the_last_one_the_rest():
    found = machines({("gpuOperator", "nvidia-l4"): Demand(available=10)})
    assert [(machine.name, machine.gpus) for machine in found] == [
        ("nvidia-l4-0", 4),
        ("nvidia-l4-1", 4),
        ("nvidia-l4-2", 2),
    ]


def test_a_model_with_eight_gpus_gets_a_node_of_eight(tmp_path):
    stack(
        tmp_path,
        "dev",
        """\
config:
  llm-inference:cluster:
    accelerators: {nvidia-h100: {available: 16}}
  llm-inference:models:
    large: {accelerator: {type: nvidia-h100, count: 8}}
    small: {accelerator: {type: nvidia-h100, count: 1}}
""",
    )
    assert [machine.gpus for machine in machines(read_stacks(tmp_path))] == [8, 8]


def test_the_size_of_nodes_can_be_said():
    found = machines({("gpuOperator", "nvidia-l4"): Demand(available=3)}, gpus_per_node=1)
    assert [machine.gpus for machine in found] == [1, 1, 1]


@pytest.mark.parametrize(
    ("dialect", "key", "value"),
    [
        ("gpuOperator", "nvidia.com/gpu.product", "NVIDIA-L4"),
        ("gke", "cloud.google.com/gke-accelerator", "nvidia-l4"),
        ("eksAutoMode", "eks.amazonaws.com/instance-gpu-name", "l4"),
        ("karpenter", "karpenter.k8s.aws/instance-gpu-name", "l4"),
    ],
)
def test_nodes_carry_the_label_of_their_labeller_and_no_other(dialect, key, value):
    machine = machines({(dialect, "nvidia-l4"): Demand(available=1)})[0]
    labels = node(machine, taint=True, cuda_major=13)["metadata"]["labels"]
    assert labels[key] == value
    others = {"nvidia.com/gpu.product", "cloud.google.com/gke-accelerator", "eks.amazonaws.com/instance-gpu-name"}
    assert not (others - {key}) & labels.keys()
    cuda = labels.get("nvidia.com/cuda.runtime-version.major")
    assert cuda == ("13" if dialect == "gpuOperator" else None)
