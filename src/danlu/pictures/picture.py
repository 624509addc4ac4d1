"""Picture: the interface, and the frame that lies between a history and its chart."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import altair as alt

from danlu.core.history import History
from danlu.pictures.axis import Axis
from danlu.pictures.style import LIGHT, Style

T = TypeVar("T")
Row = dict[str, Any]
"""One mark: names -> numbers of four digits, words, or an image as a data URI."""


@dataclass(frozen=True)
class Frame:
    """What a picture shows, before it is drawn: plain, small, equal if it shows the same.

    Attributes:
        question: that the picture answers; its title.
        notes: what a reader must know, the hidden choices above all; the subtitle.
        axes: by channel: "x", "y", "value".
        tables: rows by layer.
        kinds: of marks that the legend explains.
        facts: whatever else the drawing needs, and a film must hold still.
    """

    question: str
    notes: tuple[str, ...]
    axes: Mapping[str, Axis]
    tables: Mapping[str, tuple[Row, ...]]
    kinds: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Picture(ABC):
    """A pure function of a history. `picture.spec(picture.frame(history))` is what a notebook shows.

    All statistics happen in `frame`; `spec` draws what it is given, for page, file and film alike.

    Attributes:
        like: a frame whose axes, colours and choices are used instead of the history's own: so that all frames of
            a film, or two studies side by side, can be compared.
    """

    question: ClassVar[str]
    like: Frame | None = field(default=None, kw_only=True, repr=False)

    @abstractmethod
    def frame(self, history: History) -> Frame:
        """What there is to see; the same for every order in which the same trials ended."""

    @abstractmethod
    def spec(self, frame: Frame, style: Style = LIGHT) -> alt.LayerChart:
        """The chart of a frame."""

    def axis(self, channel: str, own: Axis) -> Axis:
        """The axis of a channel: its own, unless `like` has one."""
        return own if self.like is None else self.like.axes.get(channel, own)

    def fact(self, name: str, own: T) -> T:
        """What `like` says of a fact; its own if that says nothing."""
        return own if self.like is None else self.like.facts.get(name, own)
