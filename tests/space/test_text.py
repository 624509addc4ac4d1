import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.errors import SpaceError
from danlu.space import (
    Choice,
    Float,
    Int,
    Space,
    format_dimension,
    from_json,
    from_toml,
    parse_dimension,
    parse_item,
    parse_space,
    space_of_items,
    to_json,
    to_toml,
)
from danlu.testing.spaces import dimensions, identifiers, spaces

odd_names = ["type", "low", "options", "learning rate", "λ", "'q'", "space", "where"]
any_names = st.one_of(identifiers(), st.sampled_from(odd_names))
any_labels = st.sampled_from(["sgd", "Adam W", 1, 2, True, "none", ""])


# round trips


@given(spaces(names=any_names, labels=any_labels))
def test_toml_gives_the_space_back(space):
    assert from_toml(to_toml(space)) == space


@given(spaces(names=any_names, labels=any_labels))
def test_json_gives_the_space_back(space):
    assert from_json(to_json(space)) == space


@given(dimensions())
def test_short_text_gives_the_dimension_back(dimension):
    text = format_dimension(dimension)

    if text is not None:
        assert parse_dimension("x", text) == dimension
        assert parse_item(f"x={text}") == ("x", dimension)


@given(dimensions())
def test_every_range_has_a_short_text(dimension):
    assert format_dimension(dimension) is not None or dimension.kind == "choice"


# short text

TEXTS = {
    "1e-5..1e-1 log": Float(1e-5, 1e-1, log=True),
    "16..512 log step=16": Int(16, 512, log=True, step=16),
    "-5..5": Int(-5, 5),
    " 0 .. 10 default=3": Int(0, 10, default=3),
    "0..1.0": Float(0, 1),
    "0.0..1.0 step=0.25 default=1": Float(0, 1, step=0.25, default=1),
    "1e0..1e3": Float(1, 1000),
    "-.5...5": Float(-0.5, 0.5),
    "relu | gelu | tanh": Choice("relu", "gelu", "tanh"),
    "relu|gelu default=gelu": Choice("relu", "gelu", default="gelu"),
    "s | m | l ordered default=m": Choice("s", "m", "l", ordered=True, default="m"),
    "s | m | l default=m ordered": Choice("s", "m", "l", ordered=True, default="m"),
    "16 | 32 | 64": Choice(16, 32, 64),
    "0.5 | 1e-3": Choice(0.5, 1e-3),
    "'16' | '32' default='16'": Choice("16", "32", default="16"),
    "true | false": Choice(True, False),
    "'true' | 'a | b' | ''": Choice("true", "a | b", ""),
    "'1..2' | 3": Choice("1..2", 3),
    "resnet-18 | vit_b/16": Choice("resnet-18", "vit_b/16"),
    "1e-5..1e-1 log likely 1e-4..1e-2": Float(1e-5, 1e-1, log=True, likely=(1e-4, 1e-2)),
    "1e-5..1e-1 likely=1e-4..1e-2 log default=1e-3": Float(1e-5, 1e-1, log=True, default=1e-3, likely=(1e-4, 1e-2)),
    "0.0..1.0 likely 0 .. 0.5": Float(0.0, 1.0, likely=(0.0, 0.5)),
    "1..8 likely 2..4": Int(1, 8, likely=(2, 4)),
    "sgd | adam | lion likely adam | lion": Choice("sgd", "adam", "lion", likely=("adam", "lion")),
    "s | m | l likely=m default=s ordered": Choice("s", "m", "l", ordered=True, default="s", likely="m"),
    "a | likely | 'b c' likely 'b c'": Choice("a", "likely", "b c", likely="b c"),
}


@pytest.mark.parametrize("text", TEXTS)
def test_short_text_is_read(text):
    assert parse_dimension("x", text) == TEXTS[text]


@pytest.mark.parametrize(
    ("dimension", "text"),
    [
        (Float(1e-5, 1e-1, log=True, default=1e-3), "1e-5..0.1 log default=0.001"),
        (Float(1, 10), "1.0..10.0"),
        (Float(1e10, 1e20), "10000000000.0..1e20"),
        (Int(16, 512, log=True, step=16), "16..512 log step=16"),
        (Int(1, 8), "1..8"),
        (Int(1, 8, default=1, likely=(2, 4)), "1..8 default=1 likely 2..4"),
        (Float(1e-5, 1e-1, likely=(1e-4, 1e-2)), "1e-5..0.1 likely 0.0001..0.01"),
        (
            Choice("a", "likely", "c", ordered=True, likely=("a", "likely")),
            "a | 'likely' | c ordered likely a | 'likely'",
        ),
        (Choice("relu", "gelu", default="gelu"), "relu | gelu default=gelu"),
        (Choice("a b", "16", 16, True, "true", "ordered"), "'a b' | '16' | 16 | true | 'true' | 'ordered'"),
        (Choice("one"), None),
        (Choice("it's", "b"), None),
        (Choice({"a": Space({"x": Int(0, 1)}), "b": None}), None),
    ],
)
def test_short_text_is_written(dimension, text):
    assert format_dimension(dimension) == text


BAD = {
    "": ("''", "such as"),
    "abc": ("'abc'", "such as"),
    "1e-5..": ("'1e-5..'", "such as"),
    "1..2..3": ("'1..2..3'", "such as"),
    "a | ": ("the end", "such as"),
    "a | b c": ("'c'", "such as"),
    "| a": ("'|'", "such as"),
    "a | 'b": ('"\'b"', "such as"),
    "a | b ordered ordered": ("'ordered'", "such as"),
    "a | b default=": ("the end", "such as"),
    "a | b default=c": ("'c'", "Choose one of"),
    "a | a": ("'a'", "Remove"),
    "1..2 lag": ("'lag'", "log, step=NUMBER"),
    "1..2 log log": ("'log'", "once"),
    "1..2 step=x": ("'step=x'", "step=NUMBER"),
    "0..10 step=0.5": ("'step=0.5'", "Write 0.0..10.0"),
    "2..1": ("low=2", "Swap"),
    "0.0..1.0 log": ("low=0.0", "drop log"),
    "0.0..1.0 default=2": ("2.0", "choose a default"),
    "1..1e400": ("inf", "finite"),
    "1..8 likely": ("'likely'", "likely LOW..HIGH"),
    "1..8 likely 2": ("'likely'", "likely LOW..HIGH"),
    "1..8 likely 2..3 likely 4..5": ("'likely'", "once each"),
    "1..8 likely 2.0..3.0": ("'likely 2.0..3.0'", "Write 1.0..8.0"),
    "1..8 likely 4..9": ("(4, 9)", "Widen the range"),
    "1..8 likely 4..2": ("(4, 2)", "Swap"),
    "a | b likely": ("the end", "such as"),
    "a | b likely c": ("'c'", "Choose of"),
    "a | b | c likely a likely b": ("'likely'", "likely A | B"),
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_text_is_refused_with_name_text_and_an_example(text):
    got, remedy = BAD[text]

    with pytest.raises(SpaceError) as error:
        parse_dimension("lr", text)

    assert str(error.value).startswith("'lr': ")
    assert got in str(error.value)
    assert remedy in str(error.value)


@given(st.text("0123456789.e-+|=' \tabordefaultiky", max_size=30))
def test_any_text_is_read_or_refused(text):
    with suppress(SpaceError):
        parse_dimension("x", text).check("x")


# items of the command line


def test_dots_in_items_make_groups_and_branches():
    space = space_of_items(
        [
            "lr=1e-5..1e-1 log",
            "model.width=16..512",
            "optimizer=sgd | adam default=adam",
            "optimizer.sgd.momentum=0.0..0.99",
            "model.head.depth=1..8",
        ]
    )

    assert space == Space(
        {
            "lr": Float(1e-5, 1e-1, log=True),
            "model": Space({"width": Int(16, 512), "head": Space({"depth": Int(1, 8)})}),
            "optimizer": Choice({"sgd": Space({"momentum": Float(0, 0.99)}), "adam": None}, default="adam"),
        }
    )


def unconstrained(space):
    def bare(form):
        kept = {name: value for name, value in form.items() if name != "where" or not isinstance(value, list)}
        return {name: bare(value) if isinstance(value, dict) else value for name, value in kept.items()}

    return Space.from_dict(bare(space.to_dict()))


def without_branches(dimension):
    return dimension.with_branches({}) if dimension.kind == "choice" else dimension


@given(spaces())
def test_items_of_every_hyperparameter_give_the_space_back(space):
    texts = {h.name: format_dimension(without_branches(h.dimension)) for h in space.hyperparameters}

    if None not in texts.values():
        assert space_of_items([f"{name}={text}" for name, text in texts.items()]) == unconstrained(space)


@pytest.mark.parametrize(
    ("items", "got", "remedy"),
    [
        (["lr"], "'lr'", "NAME=VALUES, such as 'lr=1e-5..1e-1 log'"),
        (["=1..2"], "'=1..2'", "NAME=VALUES"),
        (["a..b=1..2"], "'a..b=1..2'", "NAME=VALUES"),
        (["a=1..2", "a=1..3"], "'a=1..3'", "Remove"),
        (["a=1..2", "a.b=1..2"], "'a.b'", "rename"),
        (["o=a | b", "o.c.x=1..2"], "'o.c'", "o.OPTION.NAME"),
        (["o=a | b", "o.a=1..2"], "'o.a'", "o.OPTION.NAME"),
    ],
)
def test_a_bad_item_is_refused_with_the_item_and_a_remedy(items, got, remedy):
    with pytest.raises(SpaceError) as error:
        space_of_items(items)

    assert got in str(error.value)
    assert remedy in str(error.value)


# TOML and JSON

DOCUMENT = """
minimize = "val_loss"

[space]
lr = "1e-5..1e-1 log default=1e-3"
activation = "relu | gelu"
depth = { type = "int", low = 1, high = 8 }

[space.model]
width = "16..512"

[space.optimizer]
type = "choice"
options = ["sgd", "adam"]
branches.sgd.momentum = "0.0..0.99"

[space.optimizer.branches.adam]
beta2 = { type = "float", low = 0.9, high = 0.9999 }
"""

SPACE = Space(
    {
        "lr": Float(1e-5, 1e-1, log=True, default=1e-3),
        "activation": Choice("relu", "gelu"),
        "depth": Int(1, 8),
        "model": Space({"width": Int(16, 512)}),
        "optimizer": Choice({"sgd": Space({"momentum": Float(0, 0.99)}), "adam": Space({"beta2": Float(0.9, 0.9999)})}),
    }
)


def test_a_document_holds_short_texts_and_tables():
    assert from_toml(DOCUMENT) == SPACE


def test_a_list_under_where_holds_constraints_and_anything_else_is_a_hyperparameter():
    document = '[space]\nn = "1..9"\nwhere = ["n < g.n"]\n[space.g]\nn = "1..9"\nwhere = ["n > 2"]\n'
    space = Space({"n": Int(1, 9), "g": Space({"n": Int(1, 9)}, where="n > 2")}, where=["n < g.n"])

    assert from_toml(document) == space
    assert to_toml(space) == (
        '[space]\nn = "1..9"\nwhere = [\n    "n < g.n",\n]\n\n[space.g]\nn = "1..9"\nwhere = [\n    "n > 2",\n]\n'
    )
    assert from_toml('[space]\nwhere = "1..9"') == Space({"where": Int(1, 9)})
    assert space_of_items(["n=1..9", "g.n=1..9"], where=["n < g.n"]).where == ("n < g.n",)


def test_a_written_document_is_easy_to_read():
    assert to_toml(SPACE) == (
        '[space]\nlr = "1e-5..0.1 log default=0.001"\nactivation = "relu | gelu"\ndepth = "1..8"\n\n'
        '[space.model]\nwidth = "16..512"\n\n'
        '[space.optimizer]\ntype = "choice"\noptions = [\n    "sgd",\n    "adam",\n]\n\n'
        '[space.optimizer.branches.sgd]\nmomentum = "0.0..0.99"\n\n'
        '[space.optimizer.branches.adam]\nbeta2 = "0.9..0.9999"\n'
    )


def test_members_keep_their_order_behind_a_group():
    space = Space({"b": Space({"x": Int(0, 1)}), "a": Int(0, 1)})

    assert from_toml(to_toml(space)).names == ("b.x", "a")


def test_members_may_be_dimensions_already():
    assert parse_space({"lr": Float(0, 1), "g": Space({"x": Int(0, 1)}), "n": "1..2"}).names == ("lr", "g.x", "n")


def test_json_may_hold_short_texts():
    assert from_json('{"lr": "1e-5..1e-1 log"}') == Space({"lr": Float(1e-5, 1e-1, log=True)})
    assert json.loads(to_json(SPACE)) == SPACE.to_dict()


@pytest.mark.parametrize(
    ("read", "document", "got", "remedy"),
    [
        (from_toml, "[space", "no valid TOML", "Write [space]"),
        (from_toml, 'lr = "1..2"', "got lr", "Write [space]"),
        (from_toml, "", "got nothing", "Write [space]"),
        (from_toml, "[space]\nlr = 3", "'lr': ", "got 3"),
        (from_toml, "[space]\nn = '1..2'\nwhere = 'n < 2'", "'where': ", "put it into a list: where = ['n < 2']"),
        (from_toml, "[space]\nlr = '1..2'\nwhere = ['lrr < 2']", "'lrr < 2'", "Did you mean 'lr'"),
        (from_toml, '[space.lr]\ntype = "flaot"\nlow = 1\nhigh = 2', "'flaot'", "'float', 'int' or 'choice'"),
        (from_toml, '[space.model]\nwidth = "2..1"', "'model.width': ", "Swap"),
        (from_toml, '[space.c]\ntype = "choice"\noptions = ["a"]\nbranches.a.x = "2..1"', "'c.a.x': ", "Swap"),
        (from_toml, '[space.c]\ntype = "choice"\noptions = ["a"]\nbranches.a = 3', "'c.a': ", "a table"),
        (from_toml, '[space.model.n]\ntype = "int"\nlow = 2\nhigh = 1', "'model.n': ", "Swap"),
        (from_json, "{", "no valid JSON", "Write {"),
        (from_json, "[]", "[]", "such as {"),
    ],
)
def test_a_bad_document_is_refused_with_what_came_and_a_remedy(read, document, got, remedy):
    with pytest.raises(SpaceError) as error:
        read(document)

    assert got in str(error.value)
    assert remedy in str(error.value)
