import base64
import io

import numpy as np
import pytest
from PIL import Image

from danlu.pictures import raster
from danlu.pictures.style import LIGHT


def opened(url):
    return Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1])))


def test_a_surface_has_the_colours_of_its_shares_with_the_first_row_on_top():
    shares = np.array([[0.0, 0.0], [1.0, 1.0]])
    url = raster.surface(shares, np.ones((2, 2)), LIGHT.ramp(raster.bands()), (False, False))
    image = np.asarray(opened(url)).astype(int)
    assert image.shape == (320, 480, 4)
    best, worst = LIGHT.ramp(raster.bands()[[0, -1]]).tolist()
    assert image[0, 0].tolist() == [*best, 255]
    assert image[-1, 0].tolist() == [*worst, 255]


def test_a_surface_is_see_through_where_nothing_is_known():
    known = np.array([[1.0, 0.0]])
    url = raster.surface(np.zeros((1, 2)), known, LIGHT.ramp(raster.bands()), (True, True))
    alpha = np.asarray(opened(url))[..., 3]
    assert (alpha[:, :240] == 255).all()
    assert (alpha[:, 240:] == 0).all()


def test_options_are_blocks_with_sharp_borders():
    shares = np.array([[0.1, 0.9]])
    image = np.asarray(opened(raster.surface(shares, np.ones((1, 2)), LIGHT.ramp(raster.bands()), (True, False))))
    assert len(np.unique(image.reshape(-1, 4), axis=0)) == 2
    smooth = np.asarray(opened(raster.surface(shares, np.ones((1, 2)), LIGHT.ramp(raster.bands()), (False, False))))
    assert len(np.unique(smooth.reshape(-1, 4), axis=0)) > 10


def test_density_is_stronger_where_more_trials_are():
    image = np.asarray(opened(raster.density(np.array([[0, 1, 100]]), "#3b7fb0")))
    none, one, many = (image[0, 8 * k + 4] for k in range(3))
    assert none[3] == 0 < one[3] < many[3]
    assert tuple(many[:3]) == (0x3B, 0x7F, 0xB0)


def test_density_of_nothing_is_an_empty_image():
    assert np.asarray(opened(raster.density(np.zeros((2, 2), dtype=np.int64), "#000000")))[..., 3].max() == 0


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "I;16", "CMYK"])
def test_images_of_all_modes_become_thumbnails(tmp_path, mode):
    path = tmp_path / ("image.jpg" if mode == "CMYK" else "image.png")
    Image.new(mode, (300, 200)).save(path)
    url, aspect = raster.thumbnail(path, 160)
    assert max(opened(url).size) == 160
    assert aspect == pytest.approx(1.5, abs=0.02)


def test_tiny_images_show_their_pixels(tmp_path):
    Image.fromarray(np.array([[0, 255], [255, 0]], dtype=np.uint8)).save(tmp_path / "tiny.png")
    image = np.asarray(opened(raster.thumbnail(tmp_path / "tiny.png", 160)[0]).convert("L"))
    assert image.shape == (160, 160)
    assert set(np.unique(image)) == {0, 255}


def test_what_is_see_through_stays_so(tmp_path):
    Image.new("RGBA", (200, 200), (255, 0, 0, 100)).save(tmp_path / "glass.png")
    assert opened(raster.thumbnail(tmp_path / "glass.png", 160)[0]).mode == "RGBA"


def test_a_photograph_is_kept_as_jpeg_and_a_drawing_without_loss(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (150, 150, 3), dtype=np.uint8)).save(tmp_path / "photo.png")
    Image.new("RGB", (150, 150), (1, 2, 3)).save(tmp_path / "flat.png")
    assert raster.thumbnail(tmp_path / "photo.png", 160)[0].startswith("data:image/jpeg")
    assert raster.thumbnail(tmp_path / "flat.png", 160)[0].startswith("data:image/png")


def test_a_file_that_is_no_image_is_an_error(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    for name in ("broken.png", "missing.png"):
        with pytest.raises(OSError, match=name):
            raster.thumbnail(tmp_path / name, 160)
