import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.journeys import journey

from danlu.core import event as ev
from danlu.core.curve import Curve
from danlu.core.history import History, fold
from danlu.core.shared import Columns, Index, Numbers
from danlu.core.snapshot import FORM, PART, _Trial, decode_head, encode_head, encode_part, restored
from danlu.core.trial import Trial
from danlu.errors import StoreError
from danlu.space import Float, Space
from danlu.testing.journals import entries, example, opening, suggested


def kept(journal):
    """What a history of these entries comes back as."""
    history = fold(journal)
    trials = list(history.trials)
    parts = [encode_part(trials[k : k + PART]) for k in range(0, len(trials), PART)]
    head = decode_head(encode_head(history, journal[-1], [f"part {k}" for k in range(len(parts))]))
    return restored(head, parts)


def plain(value):
    """All that a history says, the fields that are its own included, in values that can be compared."""
    match value:
        case History() | Trial():
            return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        case Curve():
            return [(step, repr(metrics)) for step, metrics in value], value.elapsed.tolist(), value.columns()[2]
        case Columns():
            return value.numbers
        case Index():
            return value._shared[1][: value._count], value.distinct, value.again
        case Numbers() | frozenset():
            return sorted(value)
        case dict():
            return {name: plain(item) for name, item in value.items()}
        case ev.Recalled() | Space() | float() | int() | str() | None:
            return repr(value) if isinstance(value, float) else value
        case msgspec.Struct():
            return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    return [plain(item) for item in value]


@pytest.mark.parametrize("length", range(1, len(example()) + 1))
def test_a_history_comes_back_as_it_was_at_every_entry_of_a_journal(length):
    assert plain(kept(example()[:length])) == plain(fold(example()[:length]))


@given(st.composite(journey)())
def test_any_history_comes_back_as_it_was_and_goes_on_alike(journal):
    cut = (len(journal) + 1) // 2
    history = kept(journal[:cut])
    assert plain(history) == plain(fold(journal[:cut]))
    for entry in journal[cut:]:
        history = history.apply(entry)
    assert plain(history) == plain(fold(journal))


def test_a_warm_start_and_a_changed_space_come_back():
    wide = Space({"x": Float(0.0, 1.0, default=0.5), "y": Float(0.0, 1.0, default=0.5)})
    narrow = Space({"x": Float(0.0, 0.4, default=0.2), "y": Float(0.0, 1.0, default=0.5)})
    recalled = ev.Recalled("last week", ({"x": 0.1, "y": 0.2}, {"x": 0.9, "y": 0.2}), (1.0, 2.0))
    journal = entries(
        (opening(wide), recalled),
        (suggested(0, {"x": 0.9, "y": 0.1}), ev.Started(0, 1)),
        ev.Finished(0, "complete", {"loss": 1.0}),
        (ev.Changed(None, narrow.to_dict()), ev.Noted("the space was changed")),
        (suggested(1, {"x": 0.3, "y": 0.1}), ev.Started(1, 1)),
    )
    history = kept(journal)
    assert plain(history) == plain(fold(journal))
    assert not history.is_inside(history.trials[0])


def test_trials_beyond_one_part_come_back_in_their_order():
    batches = [opening(Space({"x": Float(0.0, 1.0)}))]
    for k in range(PART + 3):
        batches += [(suggested(k, {"x": k / 1000}), ev.Started(k, 1)), ev.Finished(k, "complete", {"loss": float(k)})]
    assert plain(kept(entries(*batches))) == plain(fold(entries(*batches)))


def test_every_field_of_a_trial_is_kept_but_those_that_its_study_says():
    assert [name for name in Trial.__struct_fields__ if name not in ("objectives", "port")] == list(
        _Trial.__struct_fields__
    )


def test_another_form_is_not_read():
    history = fold(example())
    head = decode_head(encode_head(history, example()[-1], []))
    assert decode_head(msgspec.msgpack.encode(msgspec.structs.replace(head, form=FORM + 1))) is None
    assert decode_head(b"\x80noise") is None


@pytest.mark.parametrize("damage", [lambda part: part[:-7], lambda part: b"", lambda part: b"\x91\x00"])
def test_a_damaged_part_is_an_error(damage):
    history = fold(example())
    head = decode_head(encode_head(history, example()[-1], ["one"]))
    with pytest.raises(StoreError, match="snapshot"):
        restored(head, [damage(encode_part(list(history.trials)))])
