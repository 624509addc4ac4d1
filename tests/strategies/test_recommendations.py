import pytest
from tests.strategies.recommendations import COMMAND, COUNT, FOLDER, SPACE, differs, path_of, read, suggestions

from danlu.testing.specimens import NAMES, specimen

FLIPS = 1
"""Of two candidates that are as good as each other up to roundings, another machine may take the other one. A change
of behaviour shows in more than one place, for all that is suggested follows from all that was known."""


@pytest.mark.parametrize("name", NAMES)
def test_it_suggests_what_it_did(name):
    if not path_of(name).exists():
        pytest.fail(f"no {path_of(name)}: look at what {name!r} suggests, and keep it: {COMMAND} {name}")
    kept = read(name)
    found = list(suggestions(specimen(name), kept))
    assert len(found) == len(kept), f"it ends elsewhere. If that is meant: {COMMAND} {name}"
    changed = [(k, f, g) for k, (f, g) in enumerate(zip(found, kept, strict=True)) if differs(f, g)]
    told = "\n".join(f"suggestion {k}: {f}\n       it was: {g}" for k, f, g in changed)
    assert len(changed) <= FLIPS, f"{name} suggests something else. If that is meant: {COMMAND} {name}\n{told}"


def test_nothing_is_kept_of_what_is_no_strategy():
    assert {path.stem for path in FOLDER.glob("*.json")} <= set(NAMES)


@pytest.mark.parametrize("name", sorted({*NAMES} - {"schedule"}))  # which repeats one training
def test_what_is_kept_tells_something(name):
    kept = [each for each in read(name) if "config" in each]
    assert len(kept) >= COUNT // 2
    assert all(SPACE.contains(each["config"]) for each in kept)
    assert len({str(each["config"]) for each in kept}) >= COUNT // 2


def test_a_difference_in_the_last_digits_is_none_and_any_other_is():
    one = {"origin": "gp", "config": {"lr": 0.1, "n": 3, "c": "a"}}
    assert not differs(one, {"origin": "gp", "config": {"lr": 0.1 + 1e-9, "n": 3, "c": "a"}})
    others = [
        {"lr": 0.1001, "n": 3, "c": "a"},
        {"lr": 0.1, "n": 4, "c": "a"},
        {"lr": 0.1, "n": 3, "c": "b"},
        {"lr": 0.1},
    ]
    assert all(differs(one, {"origin": "gp", "config": other}) for other in others)
    assert differs(one, one | {"origin": "tpe"})
    assert differs(one, {"ends": "Exhausted"})
