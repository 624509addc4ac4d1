"""Origin: the words that say how a suggestion came about, such as "gp: expected improvement".

The first word, up to ": ", is the strategy; `History.count` counts by it. What follows is for people, but for three
forms that mean that a strategy could not do what it is for:

    gp: random, ill-conditioned                          a random config, and why
    sobol: repeat, 1000 draws gave nothing new           a config that was tried before
    pbt: afresh, nothing was saved                       a training from step 0 that was to be forked, and why
"""

_RANDOM, _REPEAT, _AFRESH, _CHOSEN = ": random, ", ": repeat, ", ": afresh, ", ", auto, "


def fallback(strategy: str, why: str) -> str:
    """Of a random config that stands in for what the strategy could not make."""
    return f"{strategy}{_RANDOM}{why}"


def repeat(origin: str, draws: int) -> str:
    """Of a config that was tried before, for want of a new one."""
    return f"{origin}{_REPEAT}{draws} draws gave nothing new"


def afresh(strategy: str, why: str) -> str:
    """Of a trial that begins at step 0, for want of a checkpoint to fork from."""
    return f"{strategy}{_AFRESH}{why}"


def chosen(origin: str, why: str) -> str:
    """Of a suggestion of a strategy that `auto` has chosen."""
    return f"{origin}{_CHOSEN}{why}" if ":" in origin else f"{origin}: auto, {why}"


def fallback_in(origin: str) -> str | None:
    """The part of an origin that says that a strategy had to fall back, and why; None if it had not."""
    if origin.startswith("queued: "):
        return None  # what follows is a person's own note
    plain = origin.split(_CHOSEN, 1)[0]
    return plain if any(form in plain for form in (_RANDOM, _REPEAT, _AFRESH)) else None
