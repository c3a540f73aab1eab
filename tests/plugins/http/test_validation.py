"""Target http: an experiment's texts, their places, and what names of secrets look like."""

import json

from hypothesis import assume, given
from hypothesis import strategies as st

from neatfool_plugins.http.validation import fill


@given(
    st.recursive(
        st.one_of(st.none(), st.integers(), st.text(max_size=8), st.just("a {image} b")),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_filling_a_template_changes_its_places_only(template):
    assume("{image}" not in json.dumps(template).replace("a {image} b", ""))
    filled = fill(template, {"{image}": "AAE="})
    assert json.dumps(filled) == json.dumps(template).replace("{image}", "AAE=")
