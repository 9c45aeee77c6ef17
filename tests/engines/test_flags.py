"""The committed tables of flags are what the engines' own parsers have, read in their wheels."""

import difflib

import pytest

from blueprint.engines import ENGINES
from blueprint.engines.flags import flags_of
from tests.engines.record import FLAGS, table_of
from tests.engines.sources import NoSourcesError

VERSIONS = [(engine, version) for engine, facts in ENGINES.items() for version in facts.versions]


@pytest.mark.prove
@pytest.mark.parametrize(("engine", "version"), VERSIONS)
def test_a_table_is_what_the_engines_parser_has(engine, version, capsys):
    """Also says which of its flags this project writes, and are therefore checked."""
    if engine == "tgi":
        pytest.skip(f"tgi {version} has no wheel: its table was read in launcher/src/main.rs at v{version}")
    try:
        read = table_of(engine, version)
    except NoSourcesError as error:
        pytest.skip(str(error))
    kept = (FLAGS / f"{engine}-{version}.txt").read_text()
    assert "\n".join(difflib.unified_diff(kept.splitlines(), read.splitlines(), lineterm="")) == ""
    facts = ENGINES[engine]
    written = sorted({flag for typed in facts.typed for flag in typed.flags()} | set(facts.owned))
    with capsys.disabled():
        print(f"\n{facts.title} {version}, {len(read.splitlines()) - 2} options read; checked: {' '.join(written)}")  # noqa: T201


def test_there_is_a_table_for_every_version_and_no_other():
    assert {path.stem for path in FLAGS.glob("*.txt")} == {f"{engine}-{version}" for engine, version in VERSIONS}


@pytest.mark.parametrize(("engine", "version"), VERSIONS)
def test_no_spelling_means_two_options(engine, version):
    table = (FLAGS / f"{engine}-{version}.txt").read_text().splitlines()
    spelt = [name for line in table if not line.startswith("#") for name in line.partition(" = ")[0].split()[1:]]
    twice = {name for name in spelt if spelt.count(name) > 1}
    # Both --port and --prometheus-port are -p, which is why extraArgs takes long names only.
    assert twice == ({"-p"} if engine == "tgi" else set())
    assert flags_of(engine, version).get(spelt[0])
