import io

import numpy as np
import pytest
from PIL import Image
from tests.pictures.studies import search_entries

from danlu.core import event as ev
from danlu.core.history import opened
from danlu.errors import DanluError
from danlu.pictures.animation import animate, durations, frames_of, thinned
from danlu.pictures.map import Map
from danlu.pictures.progress import Progress
from danlu.pictures.style import Style
from danlu.testing.pictures import SPACE, journal, sampled, study


def histories(entries):
    """What was known after each entry."""
    entries = iter(entries)
    told = [opened(next(entries))]
    for entry in entries:
        told.append(told[-1].apply(entry))
    return told


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "progress.gif"
    animate(Progress(), histories(search_entries(7)), path, width=320, seconds=6.0)
    image = Image.open(io.BytesIO(path.read_bytes()))
    frames, shown = [], []
    for k in range(image.n_frames):
        image.seek(k)
        frames.append(np.asarray(image.convert("RGB")).astype(int))
        shown.append(image.info["duration"])
    return frames, shown


def test_a_moment_is_one_at_which_a_trial_had_ended():
    moments = frames_of(histories(search_entries(5, running=2)))
    assert [len(history.finished) for history in moments] == [1, 2, 3]


def test_a_study_without_an_end_has_one_moment():
    moments = frames_of(histories(journal(SPACE, sampled(SPACE, 2), [None, None])))
    assert [len(history.trials) for history in moments] == [2]
    assert frames_of([]) == []


def test_a_study_tells_its_own_moments():
    class Told:
        def histories(self):
            return iter(histories(search_entries(3)))

    assert len(frames_of(Told())) == 3


@pytest.mark.parametrize(("count", "most"), [(1, 60), (60, 60), (61, 60), (100, 60), (1000, 60), (1000, 2), (5, 1)])
def test_long_films_are_thinned_with_early_moments_closer_together(count, most):
    chosen = thinned(list(range(count)), most)
    steps = np.diff(chosen)
    assert len(chosen) == min(count, most)
    assert chosen[-1] == count - 1
    assert (steps >= 1).all()
    if len(steps) > 1:
        assert chosen[0] == 0
        assert steps[: len(steps) // 2].mean() <= steps[len(steps) // 2 :].mean()


@pytest.mark.parametrize(("count", "seconds"), [(1, 5.0), (2, 12.0), (30, 12.0), (60, 12.0), (60, 20.0)])
def test_a_film_lasts_as_long_as_it_is_told_and_pauses_on_its_last_frame(count, seconds):
    shown = durations(count, seconds)
    assert len(shown) == count
    assert sum(shown) == pytest.approx(seconds, abs=0.3)
    assert shown[-1] == max(shown) >= 0.19 * seconds or count == 2
    assert shown[:-1] == sorted(shown[:-1], reverse=True)


def test_no_frame_is_too_short_for_browsers():
    assert min(durations(60, 1.0)) >= 0.06


def test_a_gif_has_a_frame_for_each_trial_and_a_pause(film):
    frames, shown = film
    assert len(frames) == 7
    assert sum(shown) == pytest.approx(6000, abs=100)
    assert shown[-1] == 1200  # a fifth


def test_all_frames_are_of_one_size_and_on_the_same_paper(film):
    frames, _ = film
    assert {frame.shape for frame in frames} == {frames[0].shape}
    assert all((frame[0, 0] == 255).all() for frame in frames)


def test_what_does_not_change_does_not_flicker(film):
    frames = np.stack(film[0])
    # a pixel that leaves its colour and comes back to it in the next frame
    back = (frames[1:-1] != frames[:-2]).any(-1) & (frames[2:] == frames[:-2]).all(-1)
    assert back.mean() < 1e-3
    # the last frames differ by a few marks and the numbers of the subtitle
    assert (frames[-1] != frames[-2]).any(-1).mean() < 0.05


def test_the_colours_of_the_theme_are_kept_exactly(film):
    colours = {tuple(colour) for colour in film[0][-1].reshape(-1, 3).tolist()}
    style = Style()
    for name in ("paper", "accent", "dot"):
        code = style.colour(name)
        assert tuple(int(code[k : k + 2], 16) for k in (1, 3, 5)) in colours


def test_axes_and_legend_are_those_of_the_last_moment_from_the_start(tmp_path):
    path = animate(Map(), histories(search_entries(6)), tmp_path / "map.html", width=320)
    text = path.read_text("utf-8")
    last = Map().frame(histories(search_entries(6))[-1])
    assert text.count("no trial yet") == 0
    assert f'"domain":[{last.axes["x"].low!r},{last.axes["x"].high!r}]' in text


def test_progress_is_told_frame_by_frame(tmp_path):
    told = []
    path = tmp_path / "a.html"
    animate(Progress(), histories(search_entries(4)), path, progress=lambda k, of: told.append((k, of)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_film_of_an_empty_study_shows_that_nothing_happened_yet(tmp_path):
    path = animate(Progress(), [study("empty")], tmp_path / "a.html")
    assert "no trial yet" in path.read_text("utf-8")


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(DanluError, match=r"Use one of \.gif, \.html"):
        animate(Progress(), [study("random")], tmp_path / "a.mp4")


def test_without_any_history_there_is_nothing_to_film(tmp_path):
    with pytest.raises(DanluError, match="no history"):
        animate(Progress(), [], tmp_path / "a.gif")


def test_a_film_of_a_study_whose_space_was_changed_is_drawn_in_the_last_space(tmp_path):
    from danlu.space import Choice, Float, Space
    from danlu.testing.pictures import moved

    entries = list(search_entries(6, failing=False))
    now = Space({"lr": Float(1e-4, 1e-2, log=True), "width": SPACE["width"], "dropout": SPACE["dropout"],
                 "activation": Choice("swish", "relu"), "decay": Float(0.0, 1.0, default=0.0)})  # fmt: skip
    ended = [*moved(iter(entries[:-1]), now), ev.Entry(len(entries) + 1, 100.0, entries[-1].events)]
    path = animate(Map("lr", "activation"), histories(ended), tmp_path / "map.html", frames=4)
    assert "swish" in path.read_text()
