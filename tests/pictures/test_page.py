import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.pictures.page import page
from danlu.pictures.progress import Progress
from danlu.pictures.style import DARK
from danlu.testing.pictures import study


def film(text):
    return json.loads(re.search(r'<script id="film" type="application/json">(.*?)</script>', text, re.DOTALL)[1])


def shell(text):
    """The page without its scripts."""
    return re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)


def played(text):
    """The charts of a page, made as its script makes them."""
    told = film(text)

    def unpacked(value):
        if isinstance(value, str):
            return told["texts"][int(value[len(told["text"]) :])] if value.startswith(told["text"]) else value
        if isinstance(value, list):
            return [unpacked(item) for item in value]
        return {k: unpacked(v) for k, v in value.items()} if isinstance(value, dict) else value

    charts = [unpacked(told["first"])]
    for changes in unpacked(told["changes"]):
        chart = json.loads(json.dumps(charts[-1]))
        for path, value in changes:
            if not path:
                chart = value
                continue
            *way, key = path
            owner = chart
            for name in way:
                owner = owner[name]
            if value == told["gone"]:
                del owner[key]
            elif isinstance(owner, list) and key == "length":
                del owner[value:]
            elif isinstance(owner, list) and key == len(owner):
                owner.append(value)
            else:
                owner[key] = value
        charts.append(chart)
    return charts


@pytest.fixture(scope="module")
def chart():
    picture = Progress()
    return picture.spec(picture.frame(study("random")), DARK).to_dict()


def test_a_page_asks_nothing_of_the_network(chart):
    text = page([chart], [0.0])
    assert re.search(r"<(?:script|img|link|iframe)[^>]*(?:src|href)=", shell(text)) is None
    assert "@import" not in text.split("<script>")[0]


def test_every_blank_of_the_page_is_filled(chart):
    text = page([chart], [0.0])
    assert "[[" not in shell(text)
    assert shell(text).count("Is it still getting better") == 2  # the title, and what a screen reader says
    assert "background: #14171c" in shell(text)


def test_names_can_not_break_out_of_their_script(chart):
    evil = {**chart, "title": {"text": "</script><script>alert(1)</script> <!--<script> [[FILM]]"}}
    text = page([evil], [0.0])
    assert "<script>alert" not in text
    assert "<!--" not in text[text.index('id="film"') :]
    assert played(text) == [evil]


def test_a_long_text_is_carried_once():
    image = "data:image/png;base64," + "A" * 5000
    charts = [{"rows": [{"url": image}] * k} for k in range(1, 6)]
    text = page(charts, [1.0] * 5)
    assert text.count("A" * 5000) == 1
    assert played(text) == charts


def test_only_what_changes_is_carried(chart):
    later = json.loads(json.dumps(chart))
    later["title"]["subtitle"] = ["31 trials"]
    told = film(page([chart, later, later], [1.0] * 3))
    assert told["changes"][1] == []
    assert len(json.dumps(told["changes"][0])) < 400


def test_a_film_has_seconds_for_every_frame(chart):
    assert film(page([chart, chart], [0.5, 2.0]))["seconds"] == [0.5, 2.0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-1, 1) | st.text(max_size=3) | st.just("x" * 300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("pqr"), JSON, max_size=3), min_size=1, max_size=4))
def test_a_film_shows_exactly_the_charts_that_it_was_made_of(charts):
    changed = json.dumps(played(page(charts, [1.0] * len(charts))), sort_keys=True)
    assert changed == json.dumps(charts, sort_keys=True)
