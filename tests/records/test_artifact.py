import json
import shutil

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

from danlu.errors import ArtifactError
from danlu.records.artifact import as_array, pixels, write_artifact

matplotlib.use("Agg")


def kept(folder, name, value):
    path, size = write_artifact(folder, name, value)
    assert path == folder / name
    assert path.stat().st_size == size > 0
    return path


def image(folder, name, value):
    with Image.open(kept(folder, name, value)) as picture:
        return np.asarray(picture)


GRADIENT = np.linspace(0, 1, 4 * 6 * 3).reshape(4, 6, 3)
BYTES = np.round(GRADIENT * 255).astype(np.uint8)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(GRADIENT, id="floats, channels last"),
        pytest.param(GRADIENT.astype(np.float32), id="single precision"),
        pytest.param(BYTES, id="bytes"),
        pytest.param(np.moveaxis(GRADIENT, -1, 0), id="channels first"),
        pytest.param(torch.tensor(GRADIENT), id="tensor"),
        pytest.param(torch.tensor(GRADIENT).permute(2, 0, 1), id="tensor, channels first"),
        pytest.param(torch.tensor(GRADIENT)[None], id="batch of one"),
        pytest.param(torch.tensor(GRADIENT).permute(2, 0, 1)[None], id="batch of one, channels first"),
        pytest.param(torch.tensor(GRADIENT, requires_grad=True), id="tensor with a gradient"),
        pytest.param(GRADIENT.tolist(), id="nested lists"),
        pytest.param(Image.fromarray(BYTES), id="PIL"),
    ],
)
def test_a_colour_image_of_any_kind_comes_back_pixel_by_pixel(tmp_path, value):
    assert np.array_equal(image(tmp_path, "sample.png", value), BYTES)


@pytest.mark.parametrize("shape", [(4, 6), (1, 4, 6), (4, 6, 1), (1, 1, 4, 6)])
def test_a_grey_image_has_one_channel_or_none(tmp_path, shape):
    grey = GRADIENT[:, :, 0]
    assert np.array_equal(image(tmp_path, "grey.png", grey.reshape(shape)), BYTES[:, :, 0])


def test_an_image_may_have_an_alpha_channel_and_loses_it_only_in_a_jpeg(tmp_path):
    rgba = np.full((4, 6, 4), 0.5)
    assert image(tmp_path, "alpha.png", rgba).shape == (4, 6, 4)
    assert image(tmp_path, "alpha.jpg", rgba).shape == (4, 6, 3)


def test_a_mask_of_truth_values_is_black_and_white(tmp_path):
    assert image(tmp_path, "mask.png", np.array([[True, False]])).tolist() == [[255, 0]]


def test_half_precision_of_a_kind_that_numpy_lacks_is_converted(tmp_path):
    value = torch.tensor([[0.0, 1.0]], dtype=torch.bfloat16)
    assert as_array(value).dtype == np.float32
    assert image(tmp_path, "half.png", value).tolist() == [[0, 255]]


def test_rounding_errors_at_the_ends_of_the_range_are_clipped():
    assert pixels("x", np.array([[-1e-9, 1 + 1e-9]])).tolist() == [[0, 255]]


def test_an_image_three_pixels_wide_and_high_is_read_with_channels_last():
    value = np.zeros((3, 3, 3))
    value[0, 0] = 1.0
    assert pixels("x", value)[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (5,), (5, 7, 2), (2, 5, 7), (0, 7), (4, 0, 3), (), (1, 1, 1, 4, 6)])
def test_what_has_not_the_shape_of_one_image_is_refused_with_its_shape(tmp_path, shape):
    with pytest.raises(ArtifactError) as error:
        write_artifact(tmp_path, "sample.png", np.zeros(shape))
    assert f"got {shape}" in str(error.value)
    assert "'sample.png'" in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((4, 6), np.nan), "NaN or infinite"),
        (np.array([[0.5, np.inf]]), "NaN or infinite"),
        (np.array([["a", "b"]]), "<U1"),
        (np.full((4, 6), 128.0), "from 128 to 128"),
        (np.full((4, 6), -0.7), r"lie in \[0, 1\]"),
        (np.full((4, 6), 200, dtype=np.int64), "uint8"),
    ],
)
def test_numbers_that_are_no_brightness_are_refused(tmp_path, array, message):
    with pytest.raises(ArtifactError, match=message):
        write_artifact(tmp_path, "sample.png", array)


def test_a_figure_of_matplotlib_is_kept_as_a_picture_of_its_ending(tmp_path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([1, 2, 3])
    assert kept(tmp_path, "curve.png", figure).read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in kept(tmp_path, "curve.svg", figure).read_bytes()
    assert kept(tmp_path, "curve.pdf", figure).read_bytes().startswith(b"%PDF")


def test_an_array_or_tensor_is_kept_to_the_last_bit(tmp_path):
    value = np.random.default_rng(0).normal(size=(3, 4))
    assert np.array_equal(np.load(kept(tmp_path, "a.npy", value)), value)
    assert np.array_equal(np.load(kept(tmp_path, "b.npy", torch.tensor(value))), value)


def test_several_arrays_are_kept_under_their_names(tmp_path):
    with np.load(kept(tmp_path, "all.npz", {"w": np.arange(3), "b": torch.ones(2)})) as arrays:
        assert {name: arrays[name].tolist() for name in arrays} == {"w": [0, 1, 2], "b": [1.0, 1.0]}
    with np.load(kept(tmp_path, "one.npz", np.arange(3))) as arrays:
        assert arrays["array"].tolist() == [0, 1, 2]


def test_plain_data_is_kept_as_json_with_tensors_as_lists(tmp_path):
    value = {"名": [1, 2.5, None], "t": torch.tensor([1, 2]), "n": np.float32(0.5)}
    assert json.loads(kept(tmp_path, "data.json", value).read_text(encoding="utf-8")) == {
        "名": [1, 2.5, None],
        "t": [1, 2],
        "n": 0.5,
    }


def test_text_and_bytes_are_kept_as_they_are_under_any_ending(tmp_path):
    assert kept(tmp_path, "notes.md", "丹\n").read_text(encoding="utf-8") == "丹\n"
    assert kept(tmp_path, "raw.png", b"\x00\x01").read_bytes() == b"\x00\x01"
    assert kept(tmp_path, "no_ending", "x").read_text() == "x"


def test_a_file_is_copied_by_its_path(tmp_path):
    source = tmp_path / "source.wav"
    source.write_bytes(b"RIFF")
    assert kept(tmp_path / "trial", "sounds/sample.wav", source).read_bytes() == b"RIFF"
    assert source.exists()


def test_a_second_value_under_a_name_replaces_the_first(tmp_path):
    kept(tmp_path, "a.txt", "first")
    kept(tmp_path, "a.txt", "second")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "second"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("missing.txt", shutil, "can't keep a module"),
        ("x.npy", [object()], "not an array of numbers"),
        ("x.json", {"f": object()}, "no plain data"),
        ("x.json", {(1, 2): 3}, "JSON takes"),
        ("x.pt", {"w": 1}, "can't keep a dict under the ending '.pt'"),
        ("x", 3.5, r"ending '\(none\)'"),
    ],
)
def test_a_value_that_does_not_suit_the_ending_is_refused(tmp_path, name, value, message):
    with pytest.raises(ArtifactError, match=message):
        write_artifact(tmp_path, name, value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ArtifactError, match=r"no file '.*nowhere\.wav' to copy"):
        write_artifact(tmp_path, "sample.wav", tmp_path / "nowhere.wav")


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x.txt", "a/../../x.txt", "/etc/passwd", "a\\b.txt", "...", "a/..", None, 7, "a\0b", "a\nb"],
)
def test_a_name_that_could_lead_out_of_the_folder_is_refused(tmp_path, name):
    folder = tmp_path / "trial"
    with pytest.raises(ArtifactError, match="can't name a file"):
        write_artifact(folder, name, "x")
    assert list(tmp_path.rglob("*")) == []


def test_a_name_that_no_file_system_takes_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="at most 200 bytes"):
        write_artifact(tmp_path, "丹" * 67 + ".txt", "x")
    kept(tmp_path, "x" * 196 + ".txt", "x")


@pytest.mark.parametrize(
    "name", ["config.json", "log.txt", "checkpoints", "checkpoints/mine.ckpt", "./log.txt", "LOG.TXT"]
)
def test_names_of_the_trials_own_files_are_refused(tmp_path, name):
    with pytest.raises(ArtifactError, match="is taken"):
        write_artifact(tmp_path, name, "x")


def test_a_name_below_a_folder_of_its_own_is_fine(tmp_path):
    kept(tmp_path, "samples/epoch_3/config.json", "{}")


def test_a_link_does_not_lead_out_of_the_folder(tmp_path):
    outside, folder = tmp_path / "outside", tmp_path / "trial"
    outside.mkdir(), folder.mkdir()
    (outside / "victim.txt").write_text("mine")
    (folder / "samples").symlink_to(outside)
    (folder / "file.txt").symlink_to(outside / "victim.txt")
    with pytest.raises(ArtifactError, match="through a link"):
        write_artifact(folder, "samples/victim.txt", "x")
    kept(folder, "file.txt", "x")  # takes the place of the link itself
    assert (outside / "victim.txt").read_text() == "mine"
    assert [path.name for path in outside.iterdir()] == ["victim.txt"]
