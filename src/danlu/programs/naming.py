"""Naming: one spelling for the names of metrics, and which of those seen somebody means."""

import re
from collections.abc import Callable, Iterable

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])")
_OTHER = re.compile(r"[\W_]+")
_DIGIT = re.compile(r"(?<=[a-z])_(?=\d)")
# programs say the same in these ways; the first is the short one
_SAME = (
    ("val", "validation", "valid", "validating"),
    ("eval", "evaluation", "evaluating"),
    ("train", "training"),
    ("test", "testing"),
    ("acc", "accuracy"),
    ("err", "error"),
    ("ppl", "perplexity"),
    ("top", "prec"),
)
_SHORT = {word: short for short, *others in _SAME for word in others}
_FILLERS = frozenset({"avg", "average", "mean", "set"})


def normal(name: str) -> str:
    """A name as an identifier in snake_case: `Val. Acc` -> `val_acc`, `valLoss` -> `val_loss`, `Acc@1` -> `acc_1`."""
    plain = _OTHER.sub("_", _CAMEL.sub("_", name).lower()).strip("_")
    return f"_{plain}" if plain[:1].isdigit() else plain


def find(wanted: str, seen: Iterable[str]) -> str | None:
    """The one name of those seen that is meant; None if there is none or, at the first likeness, more
    than one.

    In this order: the same; the same once normalised; the same in other words (`validation accuracy` for `val_acc`,
    `test_loss` for `test_average_loss`); the same words in another order; the end of it (`loss` for `val_loss`;
    also if there is `val_nll_loss`, which has more words).
    """
    names = list(dict.fromkeys(seen))
    if wanted in names:
        return wanted
    for like in _LIKENESSES:
        found = [name for name in names if like(wanted, name)]
        if found:
            shortest = min(len(_words(name)) for name in found)
            found = [name for name in found if len(_words(name)) == shortest]
            return found[0] if len(found) == 1 else None
    return None


def _words(name: str) -> list[str]:
    words = [_SHORT.get(word, word) for word in _DIGIT.sub("", normal(name)).split("_")]
    return [word for word in words if word not in _FILLERS] or words


def _ends(wanted: str, name: str) -> bool:
    words = _words(wanted)
    return bool(words[0]) and _words(name)[-len(words) :] == words


_LIKENESSES: tuple[Callable[[str, str], bool], ...] = (
    lambda wanted, name: normal(wanted) == normal(name),
    lambda wanted, name: _words(wanted) == _words(name),
    lambda wanted, name: sorted(_words(wanted)) == sorted(_words(name)),
    _ends,
)
