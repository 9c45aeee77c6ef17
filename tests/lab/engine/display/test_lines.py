"""The lines for logs, and the report at the end of every display."""

import io
from collections.abc import Iterable

from lab.engine.display.progress import LineDisplay
from lab.engine.events import (
    Diagnostic,
    Event,
    Failed,
    Finished,
    Op,
    PolicyPack,
    Severity,
    Started,
    Status,
    Violation,
)
from lab.engine.provider import DiffKind, PropertyDiff
from lab.engine.values import UNKNOWN, Secret
from tests.lab.engine.display.events import (
    CLAIM,
    ROOT,
    SECRET,
    component,
    end,
    outputs,
    resource,
    run,
    same,
    step,
    update,
)

MODEL = component("qwen")
ARGS = ["--port=8000", "--max-model-len=8192"]
DEPLOYMENT = resource("qwen-deployment", {"spec": {"args": ARGS}}, parent=MODEL.urn)
CACHE = resource("qwen-cache", {"spec": {"class": "a", "size": 1}}, type_=CLAIM, parent=MODEL.urn)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def written(events: Iterable[Event], *, preview: bool = False, full: bool = False) -> str:
    stream = io.StringIO()
    display = LineDisplay(stream, heading="Updating (dev):", preview=preview, full=full)
    for event in events:
        display.show(event)
    display.close()
    return stream.getvalue()


def section(title: str, text: str) -> str:
    """The lines below a title."""
    return text.split(f"\n{title}:\n", 1)[1].split("\n\n", 1)[0]


def replacement():
    """A claim with another class: deleted first, as the provider of Kubernetes does with fixed names."""
    new = CACHE.copy(inputs={"spec": {"class": "b", "size": 2}})
    detailed = {
        "spec.size": PropertyDiff(DiffKind.UPDATE),
        "spec.class": PropertyDiff(DiffKind.UPDATE_REPLACE),
    }
    why = {"detailed": detailed, "replaces": ["spec.class"]}
    return run(
        step(Op.DELETE_REPLACED, CACHE, None, **why),
        step(Op.REPLACE, CACHE, new, **why),
        step(Op.CREATE_REPLACEMENT, CACHE, new, **why),
    )


def test_a_log_has_a_line_per_beginning_and_end_of_a_change():
    text = written(
        [
            *same(ROOT, MODEL),
            *run(step(Op.CREATE, None, DEPLOYMENT), seconds=3.4),
            *replacement(),
            end("update", create=1, replace=1, same=2),
        ]
    )
    assert (
        text
        == """\
Updating (dev):
 +  kubernetes:apps/v1:Deployment qwen-deployment creating
 +  kubernetes:apps/v1:Deployment qwen-deployment created (3s)
 -- kubernetes:core/v1:PersistentVolumeClaim qwen-cache deleting original
 -- kubernetes:core/v1:PersistentVolumeClaim qwen-cache deleted original
 ++ kubernetes:core/v1:PersistentVolumeClaim qwen-cache creating replacement
 ++ kubernetes:core/v1:PersistentVolumeClaim qwen-cache created replacement

Changes:
  +- kubernetes:core/v1:PersistentVolumeClaim qwen-cache  replaced
      spec.class cannot be changed in place; its data is deleted
      ~ spec.class: "a" => "b"
      ~ spec.size: 1 => 2

Resources:
    + 1 created
    +-1 replaced
    2 unchanged

Duration: 12s

"""
    )


def test_a_plan_names_each_change_once():
    text = written([*same(ROOT), *replacement(), end("preview", replace=1, same=1)], preview=True)
    assert text.startswith("Updating (dev):\n +- kubernetes:core/v1:PersistentVolumeClaim qwen-cache replace\n\n")
    assert section("Resources", text) == "    +-1 to replace\n    1 unchanged"


def test_a_status_is_told_when_it_changes_and_not_often():
    stream, clock = io.StringIO(), Clock()
    display = LineDisplay(stream, heading="", preview=False, clock=clock)
    display.show(Started(step(Op.CREATE, None, DEPLOYMENT)))
    for second in range(21):
        clock.now = second
        display.show(Status(DEPLOYMENT.urn, f"{second // 8} of 3 pods are ready"))
    assert stream.getvalue().splitlines()[2:] == [
        "    kubernetes:apps/v1:Deployment qwen-deployment creating (5s): 0 of 3 pods are ready",
        "    kubernetes:apps/v1:Deployment qwen-deployment creating (10s): 1 of 3 pods are ready",
        "    kubernetes:apps/v1:Deployment qwen-deployment creating (16s): 2 of 3 pods are ready",
    ]


def test_a_change_is_told_in_a_few_lines():
    old = resource("qwen-deployment", {"spec": {"args": ARGS, "labels": {}}}, parent=MODEL.urn)
    new = {"spec": {"args": [ARGS[0], "--max-model-len=4096"], "labels": {f"l{index}": index for index in range(9)}}}
    text = written([*run(step(Op.UPDATE, old, old.copy(inputs=new))), end("preview")], preview=True)
    assert (
        section("Changes", text)
        == """\
  ~  kubernetes:apps/v1:Deployment qwen-deployment  update
      ~ spec.args[1]: "--max-model-len=8192" => "--max-model-len=4096"
      + spec.labels.l0: 0
      + spec.labels.l1: 1
      + spec.labels.l2: 2
      + spec.labels.l3: 3
      and 5 more, see --diff"""
    )


def test_long_values_are_told_by_where_they_differ():
    script = "\n".join(f"step {number}" for number in range(40))
    old = resource("config", {"data": {"run": script, "url": "http://" + "a" * 90 + "/v1"}})
    new = {"data": {"run": script.replace("step 33", "step three"), "url": "http://" + "a" * 90 + "/v2"}}
    text = written([*run(update(old, new, "data.run", "data.url")), end("preview")], preview=True)
    assert section("Changes", text).splitlines()[1:] == [
        '      ~ data.run (line 34): "step 33" => "step three"',
        '      ~ data.url: …aaaaaaaaaaaaa/v1" => …aaaaaaaaaaaaa/v2"',
    ]


def test_diff_tells_everything():
    old = resource("c", {"data": {"f": "one\ntwo\nthree\nfour", "old": True}, "spec": {"args": ["a"] * 11}})
    new = {"data": {"f": "one\ntwo\nTHREE\nfour", "a/b": {"c": [1]}}, "spec": {"args": ["a"] * 9 + ["b", "b"]}}
    new["token"] = UNKNOWN
    text = written([*run(step(Op.UPDATE, old, old.copy(inputs=new))), end("preview")], preview=True, full=True)
    assert (
        section("Changes", text)
        == """\
~  kubernetes:apps/v1:Deployment: c (update)
      [id=llm/c]
      [urn=urn:pulumi:dev::shop::kubernetes:apps/v1:Deployment::c]
      ~ data: {
          + a/b: {
              + c: [
                  + [0]: 1
                ]
            }
          ~ f:
                one
                two
              - three
              + THREE
                four
          - old: true
        }
      ~ spec: {
          ~ args: [
              ~ [9]:  "a" => "b"
              ~ [10]: "a" => "b"
            ]
        }
      + token: [unknown]"""
    )


def test_messages_stand_with_their_resource_and_are_unchanged():
    text = written(
        [
            *same(ROOT),
            Started(step(Op.CREATE, None, DEPLOYMENT)),
            Failed(step(Op.CREATE, None, DEPLOYMENT), 2),
            Diagnostic(Severity.ERROR, "2 pods are Pending.\n  Use fewer GPUs, or more nodes.", DEPLOYMENT.urn),
            Diagnostic(Severity.WARNING, "no metrics"),
            Diagnostic(Severity.WARNING, "no metrics"),
            Diagnostic(Severity.DEBUG, "not for people"),
            end("update", result="failed", same=1),
        ]
    )
    assert (
        section("Diagnostics", text)
        == """\
  kubernetes:apps/v1:Deployment qwen-deployment:
    error: 2 pods are Pending.
      Use fewer GPUs, or more nodes.
  pulumi:pulumi:Stack shop-dev:
    warning: no metrics (2 times)"""
    )
    assert section("Resources", text) == "    1 failed\n    1 unchanged"
    assert text.endswith("\nThe update failed.\n\n")


def test_violations_stand_with_their_pack_mandatory_ones_first():
    text = written(
        [
            *same(ROOT, DEPLOYMENT),
            PolicyPack("llm", "1.0", "policy"),
            PolicyPack("other", "2.0", "elsewhere"),
            Violation("", "llm", "budget", "advisory", "3 EUR an hour"),
            Violation(DEPLOYMENT.urn, "llm", "digests", "mandatory", "x:latest has no digest.\nPin it."),
            end("preview"),
        ]
    )
    assert (
        section("Policies", text)
        == """\
  llm 1.0 (policy)
    [mandatory]  digests  kubernetes:apps/v1:Deployment qwen-deployment
        x:latest has no digest.
        Pin it.
    [advisory]  budget  pulumi:pulumi:Stack shop-dev
        3 EUR an hour
  other 2.0 (elsewhere): nothing to say"""
    )


def test_outputs_are_told_with_what_changes():
    old = {"gone": 1, "kept": "x", "models": {"a": "http://a"}, "token": Secret("old-token")}
    new = {"kept": "x", "models": {"a": "http://b", "c": UNKNOWN}, "token": Secret("new-token")}
    changes = """\
  - gone: 1
  ~ models: {
      ~ a: "http://a" => "http://b"
      + c: [unknown]
    }
  ~ token: [secret] => [secret]"""
    assert section("Outputs", written([*same(ROOT), outputs(old, new), end("preview")], preview=True)) == changes
    first = written([*same(ROOT), outputs(None, {"kept": "x"}), end("update")])
    assert section("Outputs", first) == '    kept: "x"'


def test_a_refresh_tells_only_what_it_finds_different():
    found = DEPLOYMENT.copy(inputs={"spec": {"args": ["--port=9000", ARGS[1]]}})
    text = written(
        [
            *run(step(Op.REFRESH, ROOT, ROOT, refreshed=Op.SAME)),
            Started(step(Op.REFRESH, DEPLOYMENT, DEPLOYMENT)),
            Finished(step(Op.REFRESH, DEPLOYMENT, found, refreshed=Op.UPDATE), 0.1),
            Started(step(Op.REFRESH, CACHE, CACHE)),
            Finished(step(Op.REFRESH, CACHE, None, refreshed=Op.DELETE), 0.1),
            end("refresh", update=1, delete=1, same=1),
        ]
    )
    assert (
        text.split("\n\nDuration")[0]
        == """\
Updating (dev):
 ~  kubernetes:apps/v1:Deployment qwen-deployment state updated
 -  kubernetes:core/v1:PersistentVolumeClaim qwen-cache gone, removed from the state

Changes:
  ~  kubernetes:apps/v1:Deployment qwen-deployment  state updated
      ~ spec.args[0]: "--port=8000" => "--port=9000"

Resources:
    ~ 1 state updated
    - 1 gone, removed from the state
    1 unchanged"""
    )


def test_a_destroy_tells_what_is_lost_and_needs_no_reason():
    text = written([*run(step(Op.DELETE, DEPLOYMENT, None), step(Op.DELETE, CACHE, None)), end("destroy", delete=2)])
    assert (
        section("Changes", text)
        == """\
  -  kubernetes:apps/v1:Deployment qwen-deployment  deleted
      its pods are stopped
  -  kubernetes:core/v1:PersistentVolumeClaim qwen-cache  deleted
      its data is deleted"""
    )


def test_names_that_could_be_mistaken_are_told_in_full():
    twin = resource("qwen-deployment", {})
    text = written([*same(ROOT, MODEL), *run(step(Op.CREATE, None, twin), step(Op.CREATE, None, DEPLOYMENT))])
    assert f" +  {DEPLOYMENT.urn} created" in text


def test_a_message_cannot_steer_the_terminal_or_tell_a_secret():
    state = resource("token", {"stringData": {"token": Secret("hf_abcdefgh")}}, type_=SECRET)
    text = written(
        [
            *run(step(Op.CREATE, None, state)),
            Diagnostic(Severity.WARNING, "refused \x1b[2Jhf_abcdefgh\x07", state.urn),
        ]
    )
    assert section("Diagnostics", text).splitlines()[1] == "    warning: refused [secret]�"
