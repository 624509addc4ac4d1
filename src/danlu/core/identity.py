"""Identity: whether a study that exists is the one that is asked for. Pure: a history and what is said of it."""

from danlu.core.history import History
from danlu.core.objective import Objective
from danlu.errors import StudyError
from danlu.space import Space
from danlu.space.change import differences


def check_same(
    history: History, where: str, space: Space | None, objectives: tuple[Objective, ...], seed: int | None
) -> None:
    """Checks that a study is after the same.

    Args:
        history: of the study.
        where: it lies, in words.
        space, seed: as they are asked for; None for whatever it has. Another belief makes no other study: what was
            tried is as true as before.
        objectives: as they are asked for.

    Raises:
        StudyError: it is another study.
    """
    held = history.space.with_beliefs({})
    if space is not None and space.with_beliefs({}).to_dict() != held.to_dict():
        raise StudyError(
            f"{where} has another space; in yours: {'; '.join(differences(held, space.with_beliefs({})))}. "
            f"Choose another folder, or go on in your space, with all earlier trials: change=True, or --change."
        )
    if objectives != history.objectives:
        was, now = (", ".join(map(str, o)) for o in (history.objectives, objectives))
        raise StudyError(f"{where} is after {was}, not {now}. Choose another folder.")
    if seed is not None and seed != history.seed:
        raise StudyError(f"{where} was opened with seed {history.seed}, not {seed}. Choose another folder.")


def check_earlier(history: History, where: str, names: tuple[str, ...]) -> None:
    """Checks that a study had its warm start from these earlier ones, if any are named.

    Raises:
        StudyError: it had another one, or none.
    """
    was = tuple(study.name for study in history.earlier)
    if names and names != was:
        raise StudyError(
            f"{where} had a warm start from {', '.join(was) or 'nothing'}, not from {', '.join(names)}. "
            f"Leave warm_start out to go on with it, or choose another folder."
        )
