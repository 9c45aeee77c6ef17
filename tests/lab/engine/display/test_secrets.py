"""No display ever shows what is secret, whatever it is in."""

import io
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.engine.compare import compare
from lab.engine.display.json_output import JsonDisplay
from lab.engine.display.outputs import render
from lab.engine.display.progress import LineDisplay, TreeDisplay
from lab.engine.events import Diagnostic, Op, Severity, Status
from lab.engine.values import Secret, bare, has_secrets, transform
from tests.lab.engine.display.events import ROOT, end, outputs, resource, run, same, step
from tests.lab.engine.values import PROPERTY_MAPS

HIDDEN = "hunter2hunter2"


def _with_plaintext(value):
    """Every string within a secret is the plaintext that must not be seen."""
    return transform(
        value, lambda part: Secret({"deep": [HIDDEN, bare(part.value)]}) if isinstance(part, Secret) else part
    )


@settings(max_examples=150, deadline=None)
@given(PROPERTY_MAPS, PROPERTY_MAPS, st.booleans(), st.booleans())
def test_no_display_shows_a_secret(old, new, full, strips):
    old, new = _with_plaintext({**old, "token": Secret("x")}), _with_plaintext(new)
    # A provider may answer without the marks.
    before = resource("a", old, outputs=bare(old) if strips else old)
    after = before.copy(inputs=new, outputs=bare(new) if strips else new)
    events = [
        *same(ROOT),
        *run(
            step(Op.UPDATE, before, after, detailed=compare(old, new)),
            step(Op.CREATE, None, resource("b", new, outputs=after.outputs)),
            step(Op.DELETE, resource("c", old, outputs=before.outputs), None),
        ),
        Status(before.urn, f"waiting for {HIDDEN}"),
        Diagnostic(Severity.ERROR, f"refused: {HIDDEN}", before.urn),
        outputs(old, new),
        end("update", update=1),
    ]
    assert has_secrets(old)
    for preview, kind in itertools.product((True, False), (LineDisplay, TreeDisplay, JsonDisplay)):
        stream = io.StringIO()
        options = {"config": {}} if kind is JsonDisplay else {"heading": "", "full": full}
        display = kind(stream, preview=preview, **options)
        for event in events:
            display.show(event)
        display.close()
        assert HIDDEN not in stream.getvalue()
    assert HIDDEN not in render(new) + render(new, as_json=True)
