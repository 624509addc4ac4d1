"""Terminal: where Danlu prints. What others wrote, such as logs, notes and errors, can't give the terminal orders.

A terminal takes orders out of the text that it shows: to change its title, to write into the clipboard, to move the
cursor and print over what was there. Signs that could begin one are shown as signs.
"""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

_PICTURES = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"}  # ␛ for the escape
_STRANGE = (*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))  # C1; those that turn the reading round
_SHOWN = _PICTURES | {0x7F: "␡"} | dict.fromkeys(_STRANGE, "�")


def harmless(text: str) -> str:
    """The text with control characters but for line breaks and tabs as visible signs."""
    return text.translate(_SHOWN)


class Terminal(Console):
    """A console that prints only its own control sequences, and none that stand in what it is given."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)
