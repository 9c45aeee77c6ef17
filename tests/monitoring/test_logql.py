"""What is asked of Loki: read by its own parser, and of which pods it is."""

import re
import subprocess

import pytest

from blueprint.monitoring.dashboards import dashboards
from blueprint.monitoring.stores import LINKS
from lab.tools.build import ensure
from lab.tools.sets import LOGQL

(LOGS,) = (dashboard.model() for dashboard in dashboards(stores=["loki"]) if dashboard.uid == "llm-logs")
PANELS = {panel["title"]: panel for panel in LOGS["panels"] if panel["type"] != "row"}
OF_A_MODEL = {
    "m-7c9f6d5b8-x2x7k",
    "m-decode-7c9f6d5b8-x2x7k",  # of llm-d
    "m-0",  # of a group
    "m-0-1",
    "m-download-x2x7k",
}
OF_OTHERS = {"m-next-7c9f6d5b8-x2x7k", "m-next-0", "m-next-download-x2x7k", "llm-grafana-7c9f6d5b8-x2x7k", "m"}


def asked(title):
    """A panel's query as Grafana sends it of the model m."""
    (target,) = PANELS[title]["targets"]
    return target["expr"].replace("$namespace", "llm").replace("${model}", "m").replace("$__auto", "5m")


def followed():
    """The query by which a trace leads to its lines, filled in as Grafana does."""
    query = LINKS["jaeger"]["tracesToLogsV2"]["query"].replace("$$", "$")
    return query.replace("${__tags}", 'k8s_namespace_name="llm"').replace("${__trace.traceId}", "0af7651916cd43dd")


@pytest.mark.prove  # building the parser takes minutes
def test_lokis_parser_reads_every_question_and_no_other_text(capsys):
    queries = [*(asked(title) for title in PANELS), followed()]
    wrong = ["sum by (pod) (up)", '{k8s_namespace_name="llm"} |= ', "rate({}[5m])"]
    done = subprocess.run(
        [ensure(LOGQL).program("logql")],
        input="\n".join([*queries, *wrong]),
        capture_output=True,
        text=True,
        check=True,
    )
    said = done.stdout.splitlines()
    assert said[: len(queries)] == [""] * len(queries)
    assert all("parse error" in one for one in said[len(queries) :])
    assert len(said) == len(queries) + len(wrong)
    with capsys.disabled():
        print(f"\n{len(queries)} queries read by Loki's parser")  # noqa: T201


@pytest.mark.parametrize("title", ["Lines by severity", "Errors by pod", "Errors", "Lines"])
def test_a_models_lines_are_those_of_its_pods_and_of_no_other_models(title):
    """A model called m-next begins alike. Loki's patterns are of whole values, as fullmatch is."""
    (pattern,) = re.findall(r'k8s_pod_name=~"([^"]+)"', asked(title))
    assert {pod for pod in OF_A_MODEL | OF_OTHERS if re.fullmatch(pattern, pod)} == OF_A_MODEL


def test_each_workload_has_its_own_volume():
    text = asked("Lines by workload")
    (pattern,) = re.findall(r'"\$1", "k8s_pod_name", "([^"]+)"', text)
    found = {re.fullmatch(pattern, pod)[1] for pod in (OF_A_MODEL | OF_OTHERS) - {"m"}}
    assert found == {"m", "m-next", "llm-grafana"}
