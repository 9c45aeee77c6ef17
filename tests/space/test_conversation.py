"""What of a conversation the model is sent: whole turns, the last ones, and nothing that the page said itself."""

from hypothesis import given, settings
from hypothesis import strategies as st

from demo.conversation import OURS, conversation

TEXT = st.text(max_size=20)
ENTRY = st.builds(
    lambda role, text, ours: {
        "role": role,
        "content": [{"type": "text", "text": text}],
        "metadata": {"id": OURS} if ours else None,
    },
    st.sampled_from(["user", "assistant"]),
    TEXT,
    st.booleans(),
)


def said(role, text, **metadata):
    """As Gradio hands it on."""
    return {"role": role, "content": [{"type": "text", "text": text}], "metadata": metadata, "options": None}


def plain(messages):
    return [(message["role"], message["content"]) for message in messages]


def test_earlier_turns_are_sent_in_their_order():
    history = [said("user", "one"), said("assistant", "1"), said("user", "two"), said("assistant", "2")]
    assert plain(conversation("three", history, 100)) == [
        ("user", "one"),
        ("assistant", "1"),
        ("user", "two"),
        ("assistant", "2"),
        ("user", "three"),
    ]


def test_what_the_page_said_is_not_sent_nor_a_question_that_got_no_answer():
    history = [
        said("user", "asleep?"),
        said("assistant", "*The model is paused.*", id=OURS),
        said("user", "half?"),
        said("assistant", "Half an"),
        said("assistant", "*It broke off.*", id=OURS),
    ]
    assert plain(conversation("more", history, 100)) == [("user", "half?"), ("assistant", "Half an"), ("user", "more")]


def test_the_oldest_turns_go_first_when_there_are_too_many_characters():
    history = [said("user", "a" * 9), said("assistant", "b"), said("user", "c" * 4), said("assistant", "d" * 4)]
    assert plain(conversation("ef", history, 10)) == [("user", "cccc"), ("assistant", "dddd"), ("user", "ef")]
    assert plain(conversation("efg", history, 10)) == [("user", "efg")]


@settings(deadline=None)  # the machine may have other work
@given(TEXT, st.lists(ENTRY, max_size=8), st.integers(20, 80))
def test_whatever_came_before_it_begins_and_ends_with_a_question_and_keeps_the_limit(question, history, most):
    messages = conversation(question, history, most)
    assert (messages[0]["role"], messages[-1]) == ("user", {"role": "user", "content": question})
    assert sum(len(message["content"]) for message in messages) <= most
