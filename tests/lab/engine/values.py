"""Property values for tests, made up by hypothesis."""

from hypothesis import strategies as st

from lab.engine.values import UNKNOWN, Secret

KEYS = st.text("abc/.\"[]*'", min_size=1, max_size=4)
_LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5) | st.just(UNKNOWN)


def _branches(values):
    maps = st.dictionaries(KEYS, values, max_size=4)
    return st.lists(values, max_size=4) | maps | values.map(lambda value: Secret(value) if value is not None else value)


VALUES = st.recursive(_LEAVES, _branches, max_leaves=12)
PROPERTY_MAPS = st.dictionaries(KEYS, VALUES, max_size=4)
