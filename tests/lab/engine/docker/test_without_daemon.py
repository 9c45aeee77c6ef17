"""Images where no docker daemon answers: the stack goes on, and says what it leaves out. And what is refused."""

import os

import pytest

from tests.lab.engine.docker.projects import NAME, NOWHERE, SECRET_LOGIN, SECRET_WORD, Project


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path, NOWHERE)
    project.create()
    return project


def test_up_goes_on_and_says_what_it_leaves_out_and_what_to_do(project):
    said = project.up()
    assert f"Left out: {NAME} is neither built nor pushed" in said
    assert "Install Docker" in said
    assert project.ref() == NAME
    assert project.entry("pulumi-python:dynamic:Resource")["outputs"]["text"] == NAME
    assert project.registry.address is None


def test_it_is_said_again_and_nothing_changes(project):
    project.up()
    assert f"Left out: {NAME}" in project.changes_nothing()


def test_without_a_docker_on_path_it_is_the_same(project):
    folders = [folder for folder in os.get_exec_path() if not os.access(f"{folder}/docker", os.X_OK)]
    said = project.up(PATH=os.pathsep.join(folders))
    assert "there is no docker on PATH" in said
    assert project.ref() == NAME


def test_a_preview_promises_no_digest(project):
    said = project.run("preview")
    assert "ref: [unknown]" in said
    assert f"Left out: {NAME}" in said


def test_no_secret_is_said_or_kept_in_clear(project):
    said = project.up() + project.run("preview", "--diff") + project.state()
    assert SECRET_WORD not in said
    assert SECRET_LOGIN not in said


def test_who_logs_in_is_no_change_and_where_is(project):
    project.up()
    project.give(login="another")
    assert "3 unchanged" in project.up()
    project.give(registry_server="other.example.com")
    (project.root / "__main__.py").write_text(
        (project.root / "__main__.py").read_text().replace('"server": "', '"server": given.pop("registry_server") or "')
    )
    assert "registry.server" in project.run("preview")


@pytest.mark.parametrize(
    "build",
    [
        '{"context": "app", "args": {"WORD": later}}',
        '{"context": "app", "args": later.apply(lambda _: {"WORD": "w"})}',
        '{"context": later.apply(lambda _: "app"), "cache_from": {"images": later.apply(lambda text: [text])}}',
        'later.apply(lambda _: {"context": "app"})',
    ],
)
def test_inputs_that_only_up_knows_are_waited_for(project, build):
    (project.root / "__main__.py").write_text(
        "import pulumi, pulumi_docker as docker\n"
        "from things import Note\n"
        "note = Note('before', 'r.example.com/a:1')\n"
        "later = note.urn.apply(lambda _: 'r.example.com/a:1')\n"
        "later = pulumi.Output.all(note.id, later).apply(lambda both: both[1])\n"
        f"image = docker.Image('image', image_name=later, build={build},\n"
        "    registry=later.apply(lambda _: {'server': 'r.example.com'}))\n"
        "pulumi.export('ref', image.repo_digest)\n"
    )
    assert "ref: [unknown]" in project.run("preview")
    project.up()
    assert project.ref() == "r.example.com/a:1"


def test_destroy_and_refresh_need_no_daemon(project):
    project.up()
    project.run("refresh", "--yes", "--expect-no-changes")
    assert "deleted" in project.run("destroy", "--yes")


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ({"build": {"context": "ap"}}, "build.context: there is no folder ap in"),
        ({"build": {"dockerfile": "Dockerfile"}}, "so that app/Dockerfile is meant"),
        ({"build": {"dockerfile": "app/None"}}, "build.dockerfile: there is no file app/None"),
        ({"build": {"args": {"PATH": "/"}}}, "build.args.PATH: docker reads this variable itself"),
        ({"build": {"builder_version": "BuilderV1"}}, "builderVersion BuilderV1"),
        ({"build": {"cache_from": {"images": ["tiny"]}}}, "build.cacheFrom.images[0]: 'tiny' names no registry"),
    ],
)
def test_what_cannot_be_is_refused_in_preview(project, image, told):
    project.give(**image)
    assert told in project.run("preview", succeeds=False)


@pytest.mark.parametrize("name", ["tiny:1", "team/tiny", "docker.io/tiny", "r.example.com/Tiny", f"{NAME}@sha256:00"])
def test_a_name_that_cannot_be_pushed_to_is_refused(project, name):
    program = project.root / "__main__.py"
    program.write_text(program.read_text().replace(NAME, name))
    assert "Write HOST/PATH:TAG" in project.run("preview", succeeds=False)


def test_a_chosen_docker_that_is_none_is_refused(project):
    said = project.run("preview", succeeds=False, LLM_LAB_DOCKER="/nowhere/docker")
    assert "LLM_LAB_DOCKER names /nowhere/docker, which is no program" in said


def test_other_resources_of_docker_are_refused_by_name(project):
    (project.root / "__main__.py").write_text(
        "import pulumi_docker as docker\ndocker.Network('n')\n",
    )
    assert "docker:index/network:Network" in project.run("preview", succeeds=False)


def test_provider_options_other_than_the_daemon_are_refused(project):
    (project.root / "__main__.py").write_text(
        "import pulumi_docker as docker\ndocker.Provider('p', cert_path='/x')\n",
    )
    assert "certPath: the lab's engine does not support this option" in project.run("preview", succeeds=False)
