import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.errors import SpaceError
from danlu.space.expression import (
    LONGEST,
    Arithmetic,
    Call,
    Comparison,
    Junction,
    Literal,
    Name,
    Negation,
    Negative,
    Options,
    parse,
    quoted,
)


def shape(node):
    """A tree as nested tuples, without places."""
    match node:
        case Literal(_, value):
            return value
        case Name(_, name):
            return f"<{name}>"
        case Negative(_, inner):
            return ("-", shape(inner))
        case Negation(_, inner):
            return ("not", shape(inner))
        case Arithmetic(_, first, rest) | Comparison(_, first, rest):
            return (shape(first), *((sign, shape(operand)) for sign, operand in rest))
        case Call(_, function, arguments):
            return (function, *map(shape, arguments))
        case Options(_, members):
            return [*map(shape, members)]
        case Junction(_, word, parts):
            return (word, *map(shape, parts))


TREES = {
    "a * b <= 4096": (("<a>", ("*", "<b>")), ("<=", 4096.0)),
    "a + b * c": ("<a>", ("+", ("<b>", ("*", "<c>")))),
    "a - b - c": ("<a>", ("-", "<b>"), ("-", "<c>")),
    "(a - b) // c % 2": (("<a>", ("-", "<b>")), ("//", "<c>"), ("%", 2.0)),
    "-a ** -2": ("-", ("<a>", ("**", ("-", 2.0)))),
    "2 ** 3 ** 2": (2.0, ("**", (3.0, ("**", 2.0)))),
    "1 < a <= b": (1.0, ("<", "<a>"), ("<=", "<b>")),
    "not a == 1 and b or c": ("or", ("and", ("not", ("<a>", ("==", 1.0))), "<b>"), "<c>"),
    "o in ('x', \"it's\",)": ("<o>", ("in", ["x", "it's"])),
    "o not in (1)": ("<o>", ("not in", [1.0])),
    "o.sgd.m == .5e-1": ("<o.sgd.m>", ("==", 0.05)),
    "c.1.x == true": ("<c.1.x>", ("==", True)),
    "`learning rate` < log(min(a, b, 3.))": ("<learning rate>", ("<", ("log", ("min", "<a>", "<b>", 3.0)))),
    "λ<1e3": ("<λ>", ("<", 1000.0)),
    "log < 1": ("<log>", ("<", 1.0)),
    "a\n  < b": ("<a>", ("<", "<b>")),
}


@pytest.mark.parametrize("text", TREES)
def test_an_expression_is_read_as_python_would(text):
    assert shape(parse(text)) == TREES[text]


BAD = {
    "": (1, "got the end"),
    "a <": (4, "got the end"),
    "a b": (3, "expected an operator"),
    "(a < 1": (7, "expected ')', got the end"),
    "a < 1)": (6, "got ')'"),
    "min(a, b": (9, "',' or ')'"),
    "a = 1": (3, "Write =="),
    "a & b": (3, "Write and"),
    "a || b": (3, "Write or"),
    "!a": (1, "Write not"),
    "a ^ 2": (3, "Write **"),
    "a is b": (3, "got 'is'"),
    "a not b": (7, "'in' after 'not'"),
    "a in b": (6, "in parentheses"),
    "a in ()": (7, "got ')'"),
    "a <> b": (4, "got '>'"),
    "'abc": (1, "never closed"),
    "`abc": (1, "never closed"),
    "``": (1, "never closed"),
    "1e999 < a": (1, "finite"),
    "0x10 < a": (1, "got '0x10'"),
    "1_000 < a": (1, "got '1_000'"),
    "3j < a": (1, "got '3j'"),
    "a < 1; b": (6, "got ';'"),
    "a # b": (3, "got '#'"),
    "a if b else c": (3, "got 'if'"),
    "a @ b": (3, "got '@'"),
    "log(a, 2) < 1": (6, "takes one number"),
    "max(a) < 1": (1, "takes 2 numbers or more, got 1"),
    "logg(a) < 1": (1, "Did you mean 'log'"),
    "a.1b.(c)": (5, "got '.'"),
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_expression_is_refused_with_its_text_the_place_and_what_was_expected(text):
    character, said = BAD[text]

    with pytest.raises(SpaceError) as error:
        parse(text)

    assert repr(text) in str(error.value)
    assert f"character {character}: " in str(error.value)
    assert said in str(error.value)


CODE = [
    "__import__('os').system('touch x')",
    "__import__('os')",
    "eval('1')",
    "exec('1') == 1",
    "open('/etc/passwd') == 1",
    "lambda: 1",
    "(lambda x: x)(1)",
    "[a for a in (1, 2)]",
    "{a for a in (1, 2)}",
    "(a for a in (1, 2))",
    "{'a': 1}",
    "[1][0]",
    "a[0]",
    "(a := 3)",
    "f'{a}'",
    "b'a' == a",
    "r'a' == a",
    "'a' 'b' == a",
    "().__class__",
    "(1).__class__",
    "''.__class__.__mro__[1].__subclasses__()",
    "log.__globals__()",
    "log(a).real",
    "getattr(a, 'b')",
    "globals()",
    "log(*a)",
    "log(x=1)",
    "yield a",
    "await a",
    "import os",
    "a; import os",
    "print('x')",
    "...",
    "a if a else a",
    "\\x61",
    "a\x00",
    "log",
]


@pytest.mark.parametrize("text", CODE)
def test_code_is_no_expression_or_one_of_plain_nodes(text):
    with suppress(SpaceError):
        assert isinstance(parse(text), (Comparison, Name, Literal))  # and no such name will be known


@pytest.mark.parametrize(
    "text", ["(" * 400 + "a" + ")" * 400, "not " * 200 + "a", "-" * 900 + "a", "2" + "**2" * 300, "log(" * 240 + "a"]
)
def test_depth_is_bounded(text):
    with pytest.raises(SpaceError, match="nested more than 20 deep"):
        parse(text)


def test_length_is_bounded():
    with pytest.raises(SpaceError, match=f"at most {LONGEST} characters, got {LONGEST + 1}"):
        parse("a" * (LONGEST + 1))


@pytest.mark.parametrize("text", ["1" * LONGEST, "a" + "+a" * 499, "a." * 499 + "a", " " * 999 + "a", "'" * 1000])
def test_reading_a_long_text_takes_no_time(text):
    begin = time.perf_counter()
    with suppress(SpaceError):
        parse(text)
    assert time.perf_counter() - begin < 0.1


@given(st.text("ab01.e'\"` ()+-*/%<>=!,andorti\n", max_size=40) | st.text(max_size=20))
def test_any_text_is_read_or_refused(text):
    with suppress(SpaceError):
        parse(text)


@given(st.text(min_size=1).filter(lambda name: "`" not in name))
def test_a_quoted_name_is_read_as_that_name(name):
    assert shape(parse(f"{quoted(name)} < 1")) == (f"<{name}>", ("<", 1.0))


@pytest.mark.parametrize(
    ("name", "written"),
    [("lr", "lr"), ("a.b.c", "a.b.c"), ("weight-decay", "`weight-decay`"), ("in", "`in`"), ("True", "`True`")],
)
def test_a_name_is_quoted_where_it_must_be(name, written):
    assert quoted(name) == written
