import json

import pytest

from danlu.errors import DanluError
from danlu.pictures.progress import Progress
from danlu.pictures.static import save
from danlu.testing.pictures import study


def saved(path, **settings):
    return save(Progress(), study("random"), path, **settings)


@pytest.mark.parametrize(
    ("ending", "beginning"),
    [(".png", b"\x89PNG"), (".svg", b"<svg"), (".pdf", b"%PDF"), (".html", b"<!DOCTYPE html>"), (".json", b"{")],
)
def test_the_ending_says_the_format(tmp_path, ending, beginning):
    path = tmp_path / "pictures" / f"progress{ending}"
    assert saved(path) == path
    assert path.read_bytes().startswith(beginning)


def test_a_png_has_so_many_pixels_for_each_of_the_picture(tmp_path):
    width = int.from_bytes(saved(tmp_path / "a.png", width=300, scale=3.0).read_bytes()[16:20], "big")
    assert width == 900


def test_json_is_the_chart_itself(tmp_path):
    chart = json.loads(saved(tmp_path / "a.json", dark=True).read_text("utf-8"))
    assert chart["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
    assert chart["config"]["background"] == "#14171c"


@pytest.mark.parametrize(("name", "words"), [("a.jpeg", "ending '.jpeg'"), ("a", "no ending")])
def test_an_unknown_ending_is_refused_before_anything_is_drawn(tmp_path, name, words):
    with pytest.raises(DanluError, match=rf"{words} is no format of pictures. Use one of .png, .svg"):
        saved(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_can_not_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DanluError, match="can't write"):
        saved(tmp_path / "file" / "a.svg")


def test_a_picture_is_written_whole_over_an_old_one(tmp_path):
    first = saved(tmp_path / "a.svg").read_bytes()
    assert saved(tmp_path / "a.svg", dark=True).read_bytes() != first
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]
