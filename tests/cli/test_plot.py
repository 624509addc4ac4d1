import pytest
from PIL import Image


@pytest.fixture
def painted(here, make_study):
    with make_study("runs/mine", trials=0) as study:
        for k in range(5):
            trial = study.ask()
            trial.attach("final.png", Image.new("RGB", (16, 16), (50 * k, 0, 0)))
            study.tell(trial, loss=float(k))
    return here.folder / "runs/mine/pictures"


def test_all_pictures_that_suit_go_into_the_folder_of_the_study(painted, danlu):
    said = danlu("plot", "mine")
    assert said.status == 0
    assert sorted(path.name for path in painted.iterdir()) == ["gallery.png", "map.png", "progress.png"]
    assert all(str(path) in said.out for path in (painted.relative_to(painted.parents[2]) / "map.png",))
    assert Image.open(painted / "map.png").width >= 1500


def test_without_images_there_is_no_gallery(here, make_study, danlu):
    make_study("runs/mine").close()
    assert "gallery" not in danlu("plot", "mine", "--format", "svg").out
    assert (here.folder / "runs/mine/pictures/map.svg").read_text().startswith("<svg")


def test_a_picture_into_a_file_of_the_format_that_its_ending_says(painted, here, danlu):
    said = danlu("plot", "mine", "map", "--x", "depth", "--y", "lr", "--dark", "--width", 500, "-o", "out/lr.pdf")
    assert said.status == 0, said.err
    assert (here.folder / "out/lr.pdf").read_bytes().startswith(b"%PDF")


def test_a_film_as_gif_and_as_page(painted, danlu):
    said = danlu("plot", "mine", "map", "--animate", "--seconds", 2, "--width", 400)
    assert said.status == 0, said.err
    assert Image.open(painted / "map.gif").n_frames == 5
    assert "slider" in (painted / "map.html").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("maap",), "Did you mean 'map'"),
        (("map", "--x", "lrr"), "Did you mean 'lr'"),
        (("progress", "--x", "lr"), "'progress' has no --x"),
        (("map", "progress", "-o", "out.png"), "one file takes one picture"),
        (("map", "-o", "out.bmp"), "Use one of .png"),
        (("gallery", "--image", "finale.png"), "Did you mean 'final.png'"),
    ],
)
def test_what_can_not_be_drawn_is_refused(painted, danlu, words, message):
    said = danlu("plot", "mine", *words)
    assert said.status == 2
    assert message in said.err
