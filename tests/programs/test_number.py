import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.programs.number import number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        (" 5 ", 5.0),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("+1.5E+05", 1.5e5),
        ("91.2%", 0.912),
        ("91.2 %", 0.912),
        ("1e1%", 0.1),
        ("1,234.5", 1234.5),
        ("-1,234,567", -1234567.0),
        ("-inf", -float("inf")),
        ("Infinity", float("inf")),
        ("inf%", float("inf")),
        ("1,2", None),
        ("12,3456", None),
        ("", None),
        ("x", None),
        ("%", None),
        ("1_0", None),
        ("0x10", None),
        ("１", None),
        ("1e", None),
    ],
)
def test_text_is_a_number_or_not(text: str, value: float | None) -> None:
    assert number(text) == value


@given(st.floats())
def test_what_python_writes_is_read_exactly(value: float) -> None:
    assert str(number(repr(value))) == repr(value)


@given(st.text())
def test_no_text_raises(text: str) -> None:
    number(text)
    number(text + "%")
