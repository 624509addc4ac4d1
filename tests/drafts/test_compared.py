import textwrap

from danlu.drafts.compared import with_compared
from danlu.drafts.option import Option
from danlu.drafts.script import Script

SCRIPT = """
TABLE = {"relu": 1, "gelu": 2}

def build(args, norm):
    if args.opt.lower() == "sgd":
        return 1
    elif args.opt in ("adam", "adamw"):
        return 2
    act = TABLE[args.act]
    match norm:
        case "batch" | "layer":
            return 3
    if args.data == "here":
        return act

build(None, None)
"""


def test_what_a_text_is_compared_with_are_its_choices(tmp_path):
    (tmp_path / "train.py").write_text(textwrap.dedent(SCRIPT))
    options = tuple(
        Option(n, "text", d) for n, d in {"opt": "adam", "act": "gelu", "norm": "layer", "data": "x"}.items()
    )
    found = {option.name: option.choices for option in with_compared(Script(tmp_path / "train.py"), options)}
    assert found == {"opt": ("sgd", "adam", "adamw"), "act": ("relu", "gelu"), "norm": ("batch", "layer"), "data": ()}


def test_choices_that_the_script_lists_stay(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    options = (Option("opt", "text", "adam", choices=("adam", "lion")), Option("opt", "float", 0.1))
    assert with_compared(Script(tmp_path / "train.py"), options) == options
