import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from danlu.core.shared import Columns, Index, Numbers, Row, Vector


@given(st.lists(st.integers(0, 1200), max_size=30), st.integers(0, 700))
def test_a_vector_behaves_like_a_list_and_keeps_its_versions(places, length):
    vector, plain = Vector(), []
    for k in range(length):
        vector, plain = vector.append(k), [*plain, k]
    before = vector
    for place in places:
        if place < length:
            vector = vector.replace(place, -place)
            plain[place] = -place
    assert list(vector) == plain
    assert list(before) == list(range(length))
    assert vector[-3:] == plain[-3:]
    assert len(vector) == length


@given(st.integers(0, 600), st.lists(st.integers(0, 599), max_size=3), st.integers(0, 650))
def test_vectors_are_the_same_up_to_the_first_item_that_differs(length, places, count):
    vector = Vector()
    for k in range(length):
        vector = vector.append([k])
    changed = vector
    for place in places:
        if place < length:
            changed = changed.replace(place, [place])
    same = count <= length and not any(place < min(count, length) for place in places)
    assert vector.is_same(changed, count) == changed.is_same(vector, count) == same
    assert vector.is_same(changed.append([-1]), count) == same


@given(st.integers(0, 600), st.sets(st.integers(0, 599)), st.integers(0, 300))
def test_a_vector_tells_what_changed_since_an_earlier_version(length, places, more):
    before = Vector()
    for k in range(length):
        before = before.append([k])
    items = {place: [-1] for place in places if place < length} | {length + k: [-2] for k in range(more)}
    after = before.updated(items)
    assert after.changes(before) == sorted(items)
    assert list(after) == [items.get(k, [k]) for k in range(length + more)]
    assert len(after) == length + more
    assert list(before) == [[k] for k in range(length)]
    assert before.changes(after) == sorted(items)[: len(items) - more]


@given(st.lists(st.integers(0, 300)), st.integers(0, 20))
def test_numbers_are_a_set_in_order(changes, count):
    numbers, plain, versions = Numbers(), set(), []
    for k in changes:
        versions.append((numbers, sorted(plain)))
        numbers, plain = (numbers.minus(k), plain - {k}) if k in plain else (numbers.plus(k), plain | {k})
    versions.append((numbers, sorted(plain)))
    for version, members in versions:
        assert list(version) == members == list(Numbers.of(members))
        assert len(version) == len(members)
        assert version.last(count) == members[max(len(members) - count, 0) :]
    assert all((k in numbers) == (k in plain) for k in range(301))
    assert list(numbers | versions[0][0]) == sorted(plain)


def test_an_index_knows_which_keys_came_again():
    index = Index().append("a").append("b").append("a").append(None).append(None).append("b")
    assert index.again == [2, 5]
    early = Index().append("a")
    one, other = early.append("a"), early.append("b").append("b")
    assert (early.again, one.again, other.again) == ([], [1], [2])


@given(st.integers(0, 200), st.sets(st.integers(0, 199)), st.integers(0, 200))
def test_columns_without_some_are_as_if_those_had_never_been(length, gone, filled):
    def row(number):
        return Row(np.array([number, 2.0]), [float(-number)], [])

    columns = Columns()
    for number in range(length):
        columns = columns.append(number)
        if number == filled:
            columns.read(row)
    columns.memos["key"] = "worked out of all"
    rest = columns.without(gone)
    kept = [number for number in range(length) if number not in gone]
    assert rest.numbers == kept
    assert rest.last == (kept[-1] if kept else None)
    assert rest.memos == {}
    rest = rest.append(999)
    assert [array.tolist() for array in rest.read(row)[:3]] == [
        [*kept, 999], [[number, 2.0] for number in [*kept, 999]], [[-number] for number in [*kept, 999]]
    ]  # fmt: skip
    assert columns.numbers == list(range(length))


def test_an_index_remembers_the_first_number_of_a_key():
    index = Index().append("a").append("b").append("a")
    assert index.get("a") == 0
    assert index.get("b") == 1
    assert index.get("c") is None
    assert index.distinct == 2


def test_an_older_index_does_not_see_what_came_later():
    old = Index().append("a")
    one, other = old.append("b"), old.append("c")
    assert old.get("b") is None
    assert old.distinct == 1
    assert (one.get("b"), one.get("c")) == (1, None)
    assert (other.get("b"), other.get("c")) == (None, 1)


def row(number):
    return Row(np.array([number, number / 2]), [float(number)], [])


def test_columns_compute_each_row_once():
    asked = []

    def counting(number):
        asked.append(number)
        return row(number)

    columns = Columns()
    for number in range(200):
        columns = columns.append(number)
        numbers, u, losses, bounds = columns.read(counting)
    assert asked == numbers.tolist() == list(range(200))
    assert losses[:, 0].tolist() == list(range(200))
    assert u.shape == (200, 2)
    assert bounds.shape == (200, 0)


def test_older_columns_and_forks_stay_apart():
    old = Columns().append(7)
    one, other = old.append(1), old.append(2)
    assert one.read(row)[2][:, 0].tolist() == [7, 1]
    assert other.read(row)[2][:, 0].tolist() == [7, 2]
    assert old.read(row)[2][:, 0].tolist() == [7]


def test_what_is_read_can_not_be_written():
    _, u, _, _ = Columns().append(1).read(row)
    assert not u.flags.writeable


def test_the_same_key_appended_twice_is_kept_once():
    old = Index().append("a")
    one, other = old.append("b"), old.append("b")
    assert one._shared[1] is other._shared[1]
    assert (other.get("b"), other.distinct) == (1, 2)
    assert other.append("c").get("c") == 2
    assert one.distinct == 2


@given(st.lists(st.none() | st.integers(0, 3), max_size=12), st.integers(0, 12), st.none() | st.integers(0, 3))
def test_a_number_may_have_no_key_in_forks_too(keys, cut, other):
    versions = [Index()]
    for key in keys:
        versions.append(versions[-1].append(key))
    fork = versions[min(cut, len(keys))].append(other)
    for index, plain in ((versions[-1], keys), (fork, [*keys[:cut], other])):
        there = {key: plain.index(key) for key in plain if key is not None}
        assert {key: index.get(key) for key in there} == there
        assert index.distinct == len(there)
