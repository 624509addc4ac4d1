import numpy as np
import pytest
from PIL import Image
from tests.pictures.studies import search, told

from danlu.errors import DanluError, UnknownName
from danlu.pictures.gallery import Gallery
from danlu.pictures.style import Style
from danlu.space import Float, Int, Space
from danlu.testing.pictures import PictureKit, study

SPACE = Space({"lr": Float(1e-4, 1e-1, log=True, default=3e-3), "width": Int(16, 256, log=True, default=100)})
CELLS = [{"lr": x, "width": y} for y in (16, 64, 256) for x in (1e-4, 1e-3, 1e-2, 1e-1)]


def cells(frame):
    return {cell["trial"]: cell for cell in frame.tables["cells"]}


@pytest.fixture
def folder(tmp_path):
    """A study's folder with an image of 12 trials, twice as wide as high."""
    for k in range(12):
        path = tmp_path / f"trials/{k:04d}/final.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(np.full((100, 200, 3), 20 * k, dtype=np.uint8)).save(path)
    return tmp_path


def images(number):
    return f"trials/{number:04d}/final.png"


class TestGallery(PictureKit):
    def make(self):
        return Gallery()


def test_the_images_of_a_grid_stand_in_its_rows_and_columns(folder):
    frame = Gallery(columns="lr", rows="width", folder=folder).frame(
        told(SPACE, CELLS, [0.1 * k for k in range(12)], files=images)
    )
    assert all(cell["url"].startswith("data:image/") for cell in cells(frame).values())
    assert [(cells(frame)[k]["column"], cells(frame)[k]["row"]) for k in (0, 3, 11)] == [(0, 2), (3, 2), (3, 0)]
    assert frame.facts["height"] == 0.5


def test_the_best_is_marked_once(folder):
    frame = Gallery(folder=folder).frame(told(SPACE, CELLS, [0.5] * 4 + [0.1] + [0.5] * 7, files=images))
    assert [number for number, cell in cells(frame).items() if cell["best"]] == [4]


def test_what_has_no_image_says_why(folder):
    endings = [0.5, "failed", None, 0.3, 0.4, 0.2]
    frame = Gallery(folder=folder).frame(
        told(SPACE, CELLS[:6], endings, files=lambda k: "trials/gone.png" if k == 4 else images(k) if k == 5 else None)
    )
    assert {number: cell["words"] for number, cell in cells(frame).items()} == {
        0: "no image", 1: "failed: diverged", 2: "running", 3: "no image", 4: "no image", 5: "",
    }  # fmt: skip


def test_an_image_that_can_not_be_read_is_said_so(tmp_path):
    frame = Gallery(folder=tmp_path).frame(told(SPACE, CELLS[:2], [0.5, 0.4], files=images))
    assert {cell["words"] for cell in cells(frame).values()} == {"image can't be read"}


def test_without_any_image_that_is_said():
    assert "no trial has left an image" in Gallery().frame(search(10)).notes


def test_of_many_trials_in_a_cell_the_best_is_shown():
    frame = Gallery(columns="lr", rows="width").frame(told(SPACE, CELLS * 2, [0.2] * 12 + [0.1] * 12))
    assert set(cells(frame)) == set(range(12, 24))
    assert "12 trials not shown: the best of each cell is" in frame.notes


def test_a_trial_with_a_value_is_shown_before_one_that_failed():
    frame = Gallery(columns="lr", rows="width").frame(told(SPACE, CELLS * 2, ["failed"] * 12 + [0.1] * 12))
    assert set(cells(frame)) == set(range(12, 24))


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["a.png", "final.png", "b.png"], "final.png"),
        (["a.png", "b.png"], "b.png"),
        (["weights.npy", "a.png"], "a.png"),
        (["weights.npy"], None),
    ],
)
def test_the_image_that_is_shown_is_the_final_one_or_the_last(names, chosen):
    history = told(SPACE, CELLS[: len(names)], [0.1] * len(names), files=lambda k: f"trials/{names[k]}")
    assert Gallery().frame(history).facts["image"] == chosen


def test_an_image_that_no_trial_has_is_refused_with_those_that_there_are():
    with pytest.raises(UnknownName, match=r"final\.png"):
        Gallery(image="fnal.png").frame(told(SPACE, CELLS, [0.1] * 12, files=images))


def test_the_same_hyperparameter_twice_is_refused():
    with pytest.raises(DanluError, match="'lr' twice"):
        Gallery(rows="lr", columns="lr").frame(search(5))


def test_large_images_are_made_small(folder):
    frames = [
        Gallery(folder=folder, edge=edge).frame(told(SPACE, CELLS, [0.1] * 12, files=images)) for edge in (40, 160)
    ]
    small, large = (sum(len(cell["url"]) for cell in frame.tables["cells"]) for frame in frames)
    assert small < large


def test_a_film_fills_the_cells_of_its_last_moment(folder):
    history = told(SPACE, CELLS, [0.1 * k for k in range(12)], files=images)
    last = Gallery(folder=folder).frame(history)
    early = Gallery(folder=folder, like=last).frame(history.where(lambda trial: trial.number < 3))
    places = {number: (cell["column"], cell["row"]) for number, cell in cells(last).items()}
    assert {number: (cell["column"], cell["row"]) for number, cell in cells(early).items()} == {
        k: places[k] for k in range(3)
    }
    assert early.facts["height"] == last.facts["height"]


def test_a_narrow_gallery_breaks_its_captions():
    picture = Gallery()
    frame = picture.frame(study("random"))
    wide, narrow = (str(picture.spec(frame, Style(width=width)).to_dict()["layer"]) for width in (1200, 300))
    assert " · " in wide
    assert " · " not in narrow
