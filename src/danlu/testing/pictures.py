"""Conformance kit for pictures: what every drawing of a study must do, for any study; and studies to draw."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import vl_convert
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from danlu.core import event as ev
from danlu.core.history import History, fold
from danlu.core.objective import Objective, objectives_from
from danlu.core.trial import Trial
from danlu.pictures.picture import Frame, Picture
from danlu.pictures.style import Style
from danlu.space import Choice, Config, Float, Int, Space
from danlu.testing.spaces import changes, configs, spaces

Ending = Mapping[str, float] | str | None
"""Metrics of a complete trial; "failed", "stopped"; None while it runs."""

LOSS = objectives_from("val_loss")

SPACE = Space(
    {
        "lr": Float(1e-5, 1e-1, log=True, default=1e-3),
        "width": Int(16, 512, log=True),
        "dropout": Float(0.0, 0.6),
        "activation": Choice("relu", "gelu", "tanh"),
    }
)
"""One hyperparameter of each kind."""

BRANCHES = Space(
    {
        "lr": Float(1e-5, 1e-1, log=True),
        "optimizer": Choice({"sgd": Space({"momentum": Float(0.0, 0.99)}), "adam": None}),
    }
)
"""A hyperparameter that is active under one option only."""

_QUICK = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))


def journal(
    space: Space, tried: Sequence[Mapping[str, Any]], endings: Sequence[Ending],
    objectives: tuple[Objective, ...] = LOSS, order: Sequence[int] | None = None, origins: Sequence[str] = (),
    files: Callable[[int], str | None] = lambda number: None,
) -> Iterator[ev.Entry]:  # fmt: skip
    """The entries of a study.

    Args:
        space: of the study.
        tried: configs, trial by trial.
        endings: what came of each.
        objectives: of the study.
        order: if given, all trials start at once and end in this order; else one after the other.
        origins: of the trials; if not given, the first is the default.
        files: path of the image that a trial leaves, relative to the study's folder.
    """
    numbers = range(len(tried))
    bodies: list[tuple[ev.Event, ...]] = [(ev.Opened(space.to_dict(), objectives, {"use": "random"}, 0),)]
    starts = [
        (ev.Suggested(k, dict(tried[k]), origins[k] if origins else "random" if k else "default", k), ev.Started(k, 1))
        for k in numbers
    ]
    ends = [_end(k, endings[k], objectives, files(k)) for k in numbers]
    if order is None:
        bodies += [body for k in numbers for body in (starts[k], ends[k])]
    else:
        bodies += [*starts, *(ends[k] for k in order)]
    return (ev.Entry(k, float(k), body) for k, body in enumerate(filter(None, bodies), start=1))


def _end(k: int, ending: Ending, objectives: tuple[Objective, ...], path: str | None) -> tuple[ev.Event, ...]:
    if ending is None:
        return ()
    if ending == "failed":
        return (ev.Finished(k, "failed", {}, "diverged", "val_loss is nan"),)
    if ending == "stopped":
        report = ev.Reported(k, 3, {objective.metric: 0.9 for objective in objectives})
        return report, ev.Decided(k, "stop"), ev.Finished(k, "stopped")
    assert isinstance(ending, Mapping), f"no ending: {ending!r}"
    end = ev.Finished(k, "complete", ev.writable(ending))
    return (ev.Attached(k, path.split("/")[-1], path, 1), end) if path else (end,)


def sampled(space: Space, count: int, seed: int = 0) -> list[Config]:
    """Configs of a random search: the default, then random ones."""
    rng = np.random.default_rng(seed)
    return [space.sample(rng) if k else space.default() for k in range(count)]


def height(config: Mapping[str, Any]) -> float:
    """A loss for any config, with one best value of each hyperparameter."""
    return 0.2 + sum((math.log10(v) + 3) ** 2 / 10 if name == "lr" else len(str(v)) / 50 for name, v in config.items())


def _search(count: int, order: Sequence[int] | None) -> History:
    """Every seventh diverges, every eleventh is stopped early, the last runs."""
    tried = sampled(SPACE, count)
    endings: list[Ending] = [{"val_loss": height(config)} for config in tried]
    endings[3::7] = ["failed"] * len(endings[3::7])
    endings[5::11] = ["stopped"] * len(endings[5::11])
    endings[-1:] = [None] * len(endings[-1:])
    return fold(journal(SPACE, tried, endings, order=order))


def _plain(space: Space, ending: Callable[[Config], Ending], count: int, order: Sequence[int] | None) -> History:
    tried = sampled(space, count)
    return fold(journal(space, tried, [ending(config) for config in tried], order=order))


def _grid(order: Sequence[int] | None) -> History:
    space = Space({"lr": SPACE["lr"], "width": SPACE["width"]})
    tried = [space.default(), *space.cross({"lr": [1e-4, 1e-3, 1e-2, 1e-1], "width": [16, 64, 256]})]
    return fold(journal(space, tried, [{"val_loss": height(config)} for config in tried], order=order))


def _fronts(order: Sequence[int] | None) -> History:
    tried = sampled(SPACE, 20)
    endings = [{"accuracy": -height(c), "seconds": float(c["width"]), "gb": float(c["width"]) / 50} for c in tried]
    objectives = objectives_from(maximize="accuracy", minimize="seconds", subject_to=["gb <= 8"])
    return fold(journal(SPACE, tried, endings, objectives, order))


def moved(entries: Iterator[ev.Entry], space: Space) -> Iterator[ev.Entry]:
    """The entries of a study, and that its space was changed."""
    for entry in entries:
        yield entry
    yield ev.Entry(entry.position + 1, entry.at + 1, (ev.Changed(space=space.to_dict()),))


def _changed(order: Sequence[int] | None) -> History:
    """A narrower range, an option less and one more, and another hyperparameter."""
    tried = sampled(SPACE, 30)
    entries = journal(SPACE, tried, [{"val_loss": height(config)} for config in tried], order=order)
    lr, activation = Float(1e-4, 1e-2, log=True), Choice("gelu", "tanh", "swish")
    space = Space({**SPACE.members, "lr": lr, "activation": activation, "decay": Float(0.0, 0.1, default=0.0)})
    return fold(moved(entries, space))


def _loss(config: Config) -> Ending:
    return {"val_loss": height(config)}


STUDIES: dict[str, tuple[int, Callable[[Sequence[int] | None], History]]] = {
    "empty": (0, lambda order: _search(0, order)),
    "of one trial": (1, lambda order: _plain(SPACE, _loss, 1, order)),
    "running": (4, lambda order: _plain(SPACE, lambda config: None, 4, order)),
    "all failed": (8, lambda order: _plain(SPACE, lambda config: "failed", 8, order)),
    "constant": (12, lambda order: _plain(SPACE, lambda config: {"val_loss": 0.5}, 12, order)),
    "random": (30, lambda order: _search(30, order)),
    "a grid": (13, _grid),
    "with branches": (30, lambda order: _plain(BRANCHES, _loss, 30, order)),
    "of one hyperparameter": (12, lambda order: _plain(Space({"lr": SPACE["lr"]}), _loss, 12, order)),
    "of one option": (6, lambda order: _plain(Space({"activation": Choice("relu")}), _loss, 6, order)),
    "of several objectives": (20, _fronts),
    "in a changed space": (30, _changed),
    "thousands": (2000, lambda order: _search(2000, order)),
}
"""Name -> number of trials, and the history in which they ended in an order (None: one after the other)."""

NAMES = tuple(STUDIES)


@cache
def study(name: str) -> History:
    """One of the studies that the kit draws."""
    return STUDIES[name][1](None)


@st.composite
def studies(draw: st.DrawFn) -> tuple[Space, list[Config], list[Ending]]:
    """A space, configs, and an ending of each: values of any size, failed, stopped, running."""
    space = draw(spaces())
    tried = draw(st.lists(configs(space), max_size=12))
    values = st.one_of(st.floats(-10, 10), st.sampled_from([0.0, 1.0, 1e-12, -1e9, 1e30, math.nan, math.inf]))
    ending = st.one_of(values.map(lambda v: {"val_loss": v}), st.sampled_from(["failed", "stopped", None]))
    return space, tried, draw(st.lists(ending, min_size=len(tried), max_size=len(tried)))


class PictureKit:
    """Subclass it and say how to make the picture.

    Attributes:
        most: bytes of a frame as JSON, images left out, however many trials there are.
        digits: significant digits of a frame's numbers where values are not nearly alike.
    """

    most = 250_000
    digits = 6

    def make(self) -> Picture:
        """The picture, with settings that suit any study."""
        raise NotImplementedError

    @pytest.mark.parametrize("name", NAMES)
    def test_the_same_history_gives_the_same_frame(self, name: str) -> None:
        assert self.make().frame(study(name)) == self.make().frame(STUDIES[name][1](None))

    @pytest.mark.parametrize("name", [name for name in NAMES if 1 < STUDIES[name][0] <= 100])
    def test_the_order_in_which_trials_ended_changes_nothing(self, name: str) -> None:
        count, told = STUDIES[name]
        frames = [self.make().frame(told(order)) for order in (range(count), range(count)[::-1])]
        assert frames[0] == frames[1]

    @pytest.mark.parametrize("name", NAMES)
    def test_a_frame_is_plain_and_its_numbers_are_short(self, name: str) -> None:
        frame = self.make().frame(study(name))
        json.dumps(dict(frame.tables), allow_nan=False)
        numbers = [number for row in rows(frame) for number in numbers_in(row)]
        assert [number for number in numbers if float(f"{number:.{self.digits}g}") != number] == []

    @pytest.mark.parametrize("name", NAMES)
    def test_every_study_is_drawn_as_valid_vega_lite(self, name: str) -> None:
        picture = self.make()
        chart = picture.spec(picture.frame(study(name))).to_dict()  # Altair validates it
        svg = vl_convert.vegalite_to_svg(chart)
        assert chart["title"]["text"]
        assert chart["title"]["subtitle"]
        assert svg.startswith("<svg")
        assert "NaN" not in svg

    def test_becomes_a_png_of_the_width_that_is_asked_for(self) -> None:
        picture = self.make()
        chart = picture.spec(picture.frame(study("random")), Style(width=500)).to_dict(validate=False)
        png = vl_convert.vegalite_to_png(chart, scale=1)
        assert png.startswith(b"\x89PNG")
        assert 300 <= int.from_bytes(png[16:20], "big") <= 501

    def test_is_light_and_dark(self) -> None:
        picture = self.make()
        frame = picture.frame(study("random"))
        papers = [picture.spec(frame, Style(dark=dark)).to_dict()["config"]["background"] for dark in (False, True)]
        assert papers == [Style().paper, Style(dark=True).paper]

    def test_drawing_leaves_the_frame_as_it_was(self) -> None:
        picture = self.make()
        frame, again = picture.frame(study("random")), picture.frame(study("random"))
        picture.spec(frame)
        assert frame == again

    def test_the_data_of_ten_thousand_trials_is_bounded(self) -> None:
        frame = self.make().frame(_search(10_000, None))
        small = [[{k: v for k, v in row.items() if k != "url"} for row in table] for table in frame.tables.values()]
        assert len(json.dumps(small)) <= self.most

    @pytest.mark.parametrize("name", ["random", "a grid", "with branches", "of one hyperparameter"])
    def test_a_film_has_the_axes_of_its_last_moment_in_all_its_frames(self, name: str) -> None:
        picture, history = self.make(), study(name)
        last = picture.frame(history)
        for moment in (0, 1, len(history.trials) // 2):
            early = replace(picture, like=last).frame(history.where(_is_before(moment)))
            assert early.axes == last.axes
            picture.spec(early).to_dict()

    @_QUICK
    @given(studies())
    def test_draws_any_study_of_any_space(self, told: tuple[Space, list[Config], list[Ending]]) -> None:
        space, tried, endings = told
        picture = self.make()
        ended = [k for k, ending in enumerate(endings) if ending is not None]
        orders = (ended, ended[::-1])
        frames = [picture.frame(fold(journal(space, tried, endings, order=order))) for order in orders]
        assert frames[0] == frames[1]
        picture.spec(frames[0]).to_dict()

    @_QUICK
    @given(told=studies(), data=st.data())
    def test_draws_any_study_whose_space_was_changed(
        self, told: tuple[Space, list[Config], list[Ending]], data: st.DataObject
    ) -> None:
        space, tried, endings = told
        entries = list(moved(journal(space, tried, endings), data.draw(changes(space))))
        picture, history = self.make(), fold(entries)
        last = picture.frame(history)
        picture.spec(last).to_dict()
        early = fold(entries[: 1 + len(entries) // 2]).seen_from(history)  # as films draw it
        picture.spec(replace(picture, like=last).frame(early)).to_dict()


def _is_before(number: int) -> Callable[[Trial], bool]:
    return lambda trial: trial.number < number


def rows(frame: Frame) -> Iterator[Mapping[str, Any]]:
    """All rows of a frame."""
    return (row for table in frame.tables.values() for row in table)


def numbers_in(value: Any) -> Iterator[float]:
    """All fractional numbers in plain data."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, Mapping):
        yield from (number for item in value.values() for number in numbers_in(item))
    elif isinstance(value, (list, tuple)):
        yield from (number for item in value for number in numbers_in(item))
