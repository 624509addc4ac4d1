import io
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from danlu.terminal import Terminal, harmless


@given(st.text())
def test_nothing_that_is_left_is_a_control_character(text):
    shown = harmless(text)
    assert len(shown) == len(text)
    assert not [sign for sign in shown if unicodedata.category(sign) == "Cc" and sign not in "\n\t"]


def test_it_holds_in_whatever_is_printed_while_its_own_colours_stay():
    out = io.StringIO()
    console = Terminal(file=out, force_terminal=True, color_system="standard", width=60)
    table = Table("name")
    table.add_row(Text("\x1b]0;title\x07 text", "red"))
    console.print(table, "\x1b[2Jplain", "[bold]bold[/]")
    said = out.getvalue()
    assert "\x1b]0;" not in said
    assert "\x1b[2J" not in said
    assert "␛]0;title" in said
    assert "\x1b[31m" in said, "red"
