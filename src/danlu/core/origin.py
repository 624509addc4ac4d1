"""Origin: the words that say how a suggestion came about, such as "gp: expected improvement".

The first word, up to ": ", is the strategy; `History.count` counts by it. What follows is for people, but for four
forms that a study notes the first time, since a person should know of them:

    gp: random, ill-conditioned                          a random config, for want of a better one, and why
    sobol: repeat, 1000 draws gave nothing new           a config that was tried before
    pbt: afresh, nothing was saved                       a training from step 0 that was to be forked, and why
    curves: early values mislead, step 3 tells ...       what a trial is worth early says little of its end
"""

_RANDOM, _REPEAT, _AFRESH, _MISLED = ": random, ", ": repeat, ", ": afresh, ", ": early values mislead, "
_CHOSEN = ", auto, "


def fallback(strategy: str, why: str) -> str:
    """Of a random config that stands in for what the strategy could not make."""
    return f"{strategy}{_RANDOM}{why}"


def repeat(origin: str, draws: int) -> str:
    """Of a config that was tried before, for want of a new one."""
    return f"{origin}{_REPEAT}{draws} draws gave nothing new"


def afresh(strategy: str, why: str) -> str:
    """Of a trial that begins at step 0, for want of a checkpoint to fork from."""
    return f"{strategy}{_AFRESH}{why}"


def misled(strategy: str, words: str) -> str:
    """Of a suggestion of a strategy that has learned how little early values tell."""
    return f"{strategy}{_MISLED}{words}"


def chosen(origin: str, why: str) -> str:
    """Of a suggestion of a strategy that `auto` has chosen."""
    return f"{origin}{_CHOSEN}{why}" if ":" in origin else f"{origin}: auto, {why}"


def fallback_in(origin: str) -> str | None:
    """The part of an origin that says that a strategy had to fall back, and why; None if it had not."""
    plain = _plain(origin)
    return plain if any(form in plain for form in (_RANDOM, _REPEAT, _AFRESH)) else None


def misled_in(origin: str) -> str | None:
    """The part of an origin that says how little early values tell; None if it does not."""
    _, is_misled, words = _plain(origin).partition(_MISLED)
    return words if is_misled else None


def _plain(origin: str) -> str:
    """Without what others add: a person's own note, and the reasons of `auto`."""
    return "" if origin.startswith("queued: ") else origin.split(_CHOSEN, 1)[0]
