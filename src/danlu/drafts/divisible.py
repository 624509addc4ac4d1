"""Which options must divide which: what the script itself asserts, and heads of attention, which divide the width."""

import ast
import re
from collections.abc import Iterator

from danlu.drafts.advice import words
from danlu.drafts.literal import dotted
from danlu.drafts.option import Option
from danlu.drafts.script import Script

_HEADS = re.compile(r"n_?heads?|num_?heads?|num_attention_heads|nhead|heads|attention_heads|attn_heads")
_WIDTHS = re.compile(
    r"n_?embd|(?:embed|model|hidden|emb)_?(?:dim|size)|d_?model|dim|hidden_size|em_?size|emb_dim|width|nhid"
)


def divisions(script: Script, options: tuple[Option, ...]) -> list[tuple[Option, Option]]:
    """(multiple, divisor) pairs of options."""
    by_words = {words(option.name): option for option in reversed(options) if option.kind == "int"}
    said = [(by_words.get(a), by_words.get(b)) for a, b in _asserted(script)]
    found = [(a, b) for a, b in said if a is not None and b is not None and a is not b]
    for heads in options:
        if heads.kind == "int" and _HEADS.fullmatch(words(heads.name)):
            found += [(width, heads) for width in options if _is_width_of(width, heads)][:1]
    return list(dict.fromkeys(found))


def _is_width_of(width: Option, heads: Option) -> bool:
    is_near = width.name.rpartition(".")[0] == heads.name.rpartition(".")[0]
    return is_near and width.kind == "int" and _WIDTHS.fullmatch(words(width.name)) is not None


def _asserted(script: Script) -> Iterator[tuple[str, str]]:
    """The last names a, b of every `assert a % b == 0`, and of every `if a % b != 0: raise`."""
    for scope in script.scopes:
        for node in scope.nodes:
            is_condition = isinstance(node, ast.If) and any(isinstance(s, ast.Raise) for s in node.body)
            if not is_condition and not isinstance(node, ast.Assert):
                continue
            for part in ast.walk(node.test):  # type: ignore[attr-defined]
                match part:
                    case ast.BinOp(left, ast.Mod(), right) if dotted(left) and dotted(right):
                        yield words(dotted(left)), words(dotted(right))
