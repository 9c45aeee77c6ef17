"""What an engine does, step by step: under the lab's engine always, and under the Pulumi CLI where that is.

Each scenario asserts what is expected under either engine; then the states that both left are compared.
"""

import shutil
import signal
import subprocess
import time

import psutil
import pytest

from tests.lab.engine.scenarios.engines import cli_engine, lab_engine

PROGRAMS = ("pulumi", "pulumi-language-python", "pulumi-resource-pulumi-python")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]


@pytest.fixture(scope="session")
def venv(tmp_path_factory):
    """An environment for the CLI's projects; the project's own must not be changed by it."""
    root = tmp_path_factory.mktemp("venv")
    (root / "pyproject.toml").write_text(
        '[project]\nname = "scenario"\nversion = "0"\nrequires-python = ">=3.11"\n'
        'dependencies = ["pulumi>=3.272.0", "pulumi-policy>=1.21.0"]\n'
    )
    subprocess.run(["uv", "sync", "--quiet"], cwd=root, check=True)
    return root


def everything_alike(engine):
    """From nothing to two things, one built on the other; the same again; a change; one less."""
    both = 'a = Thing("a", "1")\nThing("b", of=a.made)\npulumi.export("made", a.made)\n'
    assert engine.steps(both) == {"create scenario-dev": 1, "create a": 1, "create b": 1}
    engine.up(both)
    assert engine.world() == {"a-0": "1", "b-0": ""}
    assert engine.steps() == {}
    changed = both.replace('"1"', '"2"')
    # What an update makes of `made` is not known before.
    assert engine.steps(changed) == {"update a": 1, "update b": 1}
    engine.up(changed)
    assert engine.world()["a-0"] == "2"
    one = 'Thing("a", "2")\n'
    assert engine.steps(one) == {"delete b": 1}
    engine.up(one)
    assert engine.world() == {"a-0": "2"}


def replaced_after_its_successor_is_there(engine):
    program = 'a = Thing("a", "1", size={})\nThing("b", of=a.made)\n'
    engine.up(program.format(1))
    engine.log()
    planned = engine.steps(program.format(2))
    assert planned["replace a"] == 1
    engine.up(program.format(2))
    assert engine.log() == ["create a-2", "update b-0", "delete a-1"]
    assert engine.world() == {"a-2": "1", "b-0": ""}


def replaced_before_its_successor_is_there(engine):
    """With what depends on it by a property that would replace it; others stay."""
    program = 'a = Thing("a", "1", size={0}, delete_first=True)\nThing("b", a.made)\nThing("c", size={0}, of=a.made)\n'
    engine.up(program.format(1))
    engine.log()
    engine.up(program.format(2))
    log = engine.log()
    assert log.index("delete a-1") < log.index("create a-2")
    assert engine.world() == {"a-2": "1", "b-0": "a-2", "c-2": ""}


def deleted_in_reverse_order(engine):
    engine.up(
        'a = Thing("a", "1")\nb = Thing("b", a.made)\nThing("c", b.made)\nThing("d", "", opts=O(depends_on=[a]))\n'
    )
    engine.log()
    engine.run("destroy", "--yes", "--skip-preview")
    log = engine.log()
    assert [line for line in log if "d-0" not in line] == ["delete c-0", "delete b-0", "delete a-0"]
    assert log.index("delete d-0") < log.index("delete a-0")
    assert engine.world() == {}


def protected(engine):
    """Neither deleted nor replaced, and nothing else is touched."""
    guarded = 'Thing("a", "1", size={}, opts=O(protect=True))\nThing("b", "1")\n'
    engine.up(guarded.format(1))
    engine.log()
    engine.run("preview", succeeds=True)
    engine.write(guarded.format(2))
    assert "protect" in engine.run("preview", succeeds=False)
    assert "protect" in engine.run("destroy", "--yes", succeeds=False)
    assert engine.log() == []
    engine.up('Thing("a", "1", size=1)\nThing("b", "1")\n')
    engine.run("destroy", "--yes", "--skip-preview")
    assert engine.world() == {}


def options_that_spare(engine):
    """ignore_changes keeps the old value; retain_on_delete leaves it in the world; deleted_with calls no delete."""
    program = (
        'a = Thing("a", "{0}", opts=O(ignore_changes=["value"]))\n'
        'Thing("kept", "1", opts=O(retain_on_delete=True))\n'
        'Thing("goes", "1", opts=O(deleted_with=a))\n'
    )
    engine.up(program.format(1))
    assert engine.steps(program.format(2)) == {}
    engine.up(program.format(2))
    assert engine.world()["a-0"] == "1"
    engine.log()
    engine.run("destroy", "--yes", "--skip-preview")
    assert engine.log() == ["delete a-0"]
    assert engine.world() == {"kept-0": "1", "goes-0": "1"}


def replaced_on_a_change_that_the_program_names(engine):
    program = (
        'Thing("a", "{}", size=1, undecided=True, opts=O(replace_on_changes=["value"], delete_before_replace=True))\n'
    )
    engine.up(program.format(1))
    engine.log()
    engine.up(program.format(2))
    assert engine.log() == ["delete a-1", "create a-1"]


def renamed_with_its_children(engine):
    """An alias of a component carries to what is inside it."""
    component = (
        "class C(pulumi.ComponentResource):\n"
        "    def __init__(self, name, opts=None):\n"
        '        super().__init__("test:index:C", name, {{}}, opts)\n'
        '        Thing(name + "-part", "1", opts=O(parent=self))\n'
        "        self.register_outputs({{}})\n"
        'C("{0}"{1})\n'
    )
    engine.up(component.format("old", ""))
    engine.log()
    renamed = component.format("new", ', O(aliases=[Alias(name="old")])').replace('"name": name', '"name": "x"')
    assert "delete" not in " ".join(engine.steps(renamed))
    engine.up(renamed)
    assert [line for line in engine.log() if line.startswith(("delete", "create"))] == []
    assert engine.names() == {"new", "new-part"}


def renamed_and_changed(engine):
    """While the renamed one is being changed, what needs it is in the state under its old name, and refers to it."""
    engine.up('a = Thing("a", "1")\nThing("b", of=a.made)\n')
    engine.log()
    renamed = 'c = Thing("c", "2", opts=O(aliases=[Alias(name="a")]))\n'
    engine.up(renamed + 'Thing("d", of=c.made, opts=O(aliases=[Alias(name="b")]))\n')
    assert engine.log() == ["update a-0"]
    assert engine.names() == {"c", "d"}


def failed_in_the_middle(engine):
    """What was made stays in the state; nothing is deleted; the next up goes on."""
    engine.up('Thing("gone", "1")\n')
    engine.up('a = Thing("a", "1")\nThing("b", "broken", of=a.made)\n', succeeds=False)
    assert engine.names() == {"a", "gone"}
    assert engine.world() == {"a-0": "1", "gone-0": "1"}
    engine.up('a = Thing("a", "1")\nThing("b", "mended", of=a.made)\n')
    assert engine.world() == {"a-0": "1", "b-0": "mended"}


def failed_program(engine):
    """A program that does not come to its end deletes nothing."""
    engine.up('Thing("a", "1")\nThing("b", "1")\n')
    output = engine.up('Thing("a", "1")\nraise pulumi.RunError("not today")\n', succeeds=False)
    assert "not today" in output
    assert "Traceback" not in output
    engine.up('Thing("a", "1")\n1 / 0\n', succeeds=False)
    assert engine.world() == {"a-0": "1", "b-0": "1"}


def refreshed(engine):
    """The state follows what others did, and the next up puts it right."""
    program = 'Thing("a", "1")\nThing("b", "1")\n'
    engine.up(program)
    engine.set_world({"a-0": "other"})
    engine.run("refresh", "--yes", "--skip-preview")
    assert engine.names() == {"a"}
    assert engine.steps() == {"create b": 1, "update a": 1}
    engine.up(program)
    assert engine.world() == {"a-0": "1", "b-0": "1"}


def previewed_against_what_is_there(engine):
    """`preview --refresh` finds what others did, and leaves the state as it was."""
    engine.up('Thing("a", "1")\nThing("b", "1")\n')
    engine.set_world({"a-0": "other"})
    before = engine.resources()
    found = engine.steps(None, "--refresh")
    assert {step: count for step, count in found.items() if not step.startswith("refresh ")} == {
        "create b": 1,
        "update a": 1,
    }
    assert engine.resources() == before
    assert engine.steps() == {}


def secret(engine):
    """Encrypted in the state, with what is made of it; never shown."""
    program = (
        's = pulumi.Output.secret("hush-hush")\nThing("a", s)\n'
        'Thing("b", "1", opts=O(additional_secret_outputs=["made"]))\npulumi.export("s", s)\n'
    )
    output = engine.up(program)
    shown = engine.run("preview", "--diff") + engine.run("up", "--yes", "--diff")
    assert "hush-hush" not in output + shown
    assert "hush-hush" not in json_text(engine)
    assert "hush-hush" in engine.run("stack" if engine.is_cli else "output", *output_options(engine))


def json_text(engine):
    return (engine.state / ".pulumi" / "stacks" / "scenario" / "dev.json").read_text()


def output_options(engine):
    return ["output", "s", "--show-secrets"] if engine.is_cli else ["s", "--show-secrets"]


def targeted(engine):
    """Only what is named changes, and a target with dependents is not deleted alone."""
    program = 'a = Thing("a", "{0}")\nThing("b", a.made)\nThing("c", "{0}")\n'
    engine.up(program.format(1))
    urn = next(item["urn"] for item in engine.whole()["resources"] if item["urn"].endswith("::c"))
    engine.up(program.format(2), f"--target={urn}")
    assert engine.world() == {"a-0": "1", "b-0": "a-0", "c-0": "2"}
    root = urn.replace("::c", "::a")
    engine.run("destroy", "--yes", "--skip-preview", f"--target={root}", succeeds=False)
    assert engine.world().keys() == {"a-0", "b-0", "c-0"}
    engine.run("destroy", "--yes", "--skip-preview", f"--target={root}", "--target-dependents")
    assert engine.world() == {"c-0": "2"}


PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy, StackValidationPolicy

def says(word):
    return lambda args, report: report(f"{word} is not liked") if args.props.get("value") == word else None

def few(args, report):
    if len([item for item in args.resources if item.resource_type.endswith("test:Thing")]) > 2:
        report("that is one too many")

PolicyPack("rules", policies=[
    ResourceValidationPolicy("forbidden", "Never.", says("forbidden"), EnforcementLevel.MANDATORY),
    ResourceValidationPolicy("odd", "Better not.", says("odd"), EnforcementLevel.ADVISORY),
    StackValidationPolicy("few", "At most two.", few, EnforcementLevel.MANDATORY),
])
"""


def judged(engine):
    """An advisory violation is told; a mandatory one ends the run before anything is touched; the stack comes last."""
    pack = engine.root / "pack"
    pack.mkdir()
    runtime = "{name: python, options: {toolchain: uv, virtualenv: ../.venv}}"
    (pack / "PulumiPolicy.yaml").write_text(f"version: 1.0.0\nruntime: {runtime}\n")
    (pack / "__main__.py").write_text(PACK)
    assert "odd is not liked" in engine.up('Thing("a", "odd")\n', "--policy-pack=pack")
    engine.log()
    engine.write('Thing("a", "1")\nThing("b", "forbidden")\n')
    output = engine.run("up", "--yes", "--policy-pack=pack", succeeds=False)
    assert "forbidden is not liked" in output
    assert engine.log() == []
    three = 'Thing("a", "odd")\nThing("b", "1")\nThing("c", "1")\n'
    engine.write(three)
    assert "one too many" in engine.run("up", "--yes", "--policy-pack=pack", succeeds=False)
    assert engine.log() == []
    assert "one too many" in engine.up(three, "--policy-pack=pack", succeeds=False)
    assert engine.names() == {"a", "b", "c"}


IN_A_ROW = 'a = Thing("a", "1")\nb = Thing("b", "1", of=a.made, seconds={0})\nThing("c", "1", of=b.made, seconds={0})\n'


def begun(engine):
    """An up whose first thing is there, and whose second is in the making."""
    process = engine.start(IN_A_ROW.format(2))
    while "create a-0" not in engine.done():
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.7)
    return process


def interrupted(engine):
    """What is in the making is finished and kept; the next up goes on, and makes nothing twice."""
    process = begun(engine)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=300) != 0
    assert engine.done() == ["create a-0", "create b-0"]
    assert engine.names() == {"a", "b"}
    engine.up(IN_A_ROW.format(2))
    assert engine.log() == ["create a-0", "create b-0", "create c-0"]


def killed(engine):
    """What was known to be there stays; the next up goes on."""
    process = begun(engine)
    family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for member in family:
        member.kill()
    psutil.wait_procs(family, timeout=50)
    process.wait()
    if engine.is_cli:
        engine.run("cancel", "--yes")
    engine.up(IN_A_ROW.format(2))
    assert engine.log().count("create a-0") == 1
    assert engine.world() == {"a-0": "1", "b-0": "1", "c-0": "1"}


SCENARIOS = [
    everything_alike,
    replaced_after_its_successor_is_there,
    replaced_before_its_successor_is_there,
    deleted_in_reverse_order,
    protected,
    options_that_spare,
    replaced_on_a_change_that_the_program_names,
    renamed_with_its_children,
    renamed_and_changed,
    failed_in_the_middle,
    failed_program,
    refreshed,
    previewed_against_what_is_there,
    secret,
    targeted,
    judged,
    interrupted,
    killed,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_labs_engine(scenario, tmp_path):
    scenario(lab_engine(tmp_path))


@pytest.mark.prove
@pytest.mark.skipif(MISSING != [], reason=f"needs {', '.join(PROGRAMS)} on PATH")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_both_engines_leave_the_same_state(scenario, tmp_path, venv):
    ours, theirs = lab_engine(tmp_path), cli_engine(tmp_path, venv)
    scenario(ours)
    scenario(theirs)
    assert ours.resources() == theirs.resources()


def test_independent_steps_run_at_the_same_time(tmp_path):
    engine = lab_engine(tmp_path)
    engine.up('for n in range(4):\n    Thing(f"t{n}", "1", seconds=1)\n')
    began = sorted(
        item["modified"] for item in engine.whole()["resources"] if item["urn"].rpartition("::")[2][0] == "t"
    )
    first, last = (int(moment[17:19]) + float(moment[19:26]) for moment in (began[0], began[-1]))
    assert (last - first) % 60 < 1


@pytest.mark.parametrize(
    ("program", "named"),
    [
        ('Thing("a", "1", opts=O(replacement_trigger="x"))\n', "replacement_trigger"),
        ('Thing("a", pulumi.FileAsset("things.py"))\n', "assets"),
        ('pulumi.ComponentResource("x:index:Y", "y", {}, None, remote=True)\n', "remote components"),
        ('pulumi.CustomResource("random:index/id:Id", "r", {})\n', "the default provider of random"),
    ],
)
def test_what_the_engine_does_not_do_is_refused_by_name(program, named, tmp_path):
    engine = lab_engine(tmp_path)
    output = engine.up(program, succeeds=False)
    assert named in output
    assert "docs/engine.md" in output
    assert engine.world() == {}


def test_the_outputs_of_another_stack_can_be_read(tmp_path):
    engine = lab_engine(tmp_path)
    engine.up('pulumi.export("n", 7)\npulumi.export("s", pulumi.Output.secret("hush-hush"))\n')
    (engine.root / "Pulumi.other.yaml").write_text("config: {}\n")
    engine.write('ref = pulumi.StackReference("dev")\npulumi.export("seen", ref.require_output("n"))\n')
    for command in (["up", "--yes"], ["output", "seen"]):
        done = subprocess.run(
            [*engine.command, command[0], "--stack=other", *command[1:]],
            cwd=engine.root,
            env=engine.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "hush-hush" not in done.stdout
    assert done.stdout.strip() == "7"
