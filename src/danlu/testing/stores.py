"""Conformance kit for stores: what every place for a journal must do."""

import threading
from pathlib import Path

import pytest

from danlu.core import event as ev
from danlu.core.history import fold
from danlu.core.store import Store
from danlu.errors import Conflict, StudyBusy
from danlu.testing.journals import entries, example


class StoreKit:
    """Subclass it and say how to make the store.

    Attributes:
        persistent: whether a second store made in the same folder sees what the first one wrote.
    """

    persistent = True

    def make(self, folder: Path) -> Store:
        """A store whose files lie in this folder; two calls with one folder give two views of the same journals."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path: Path):  # type: ignore[no-untyped-def]
        store = self.make(tmp_path)
        yield store
        store.close()

    def test_reads_back_every_kind_of_event_as_it_was_written(self, store: Store) -> None:
        for entry in example():
            store.append("study", entry)
        assert list(store.read("study")) == example()

    def test_reads_only_what_comes_behind_a_position(self, store: Store) -> None:
        for entry in example():
            store.append("study", entry)
        assert [entry.position for entry in store.read("study", after=len(example()) - 2)] == [20, 21]

    def test_an_unknown_study_is_empty(self, store: Store) -> None:
        assert list(store.read("nobody")) == []
        assert store.studies() == []

    def test_a_position_is_taken_only_once(self, store: Store) -> None:
        first, second = entries(ev.Noted("one"), ev.Noted("two"))
        store.append("study", first)
        store.append("study", second)
        with pytest.raises(Conflict):
            store.append("study", ev.Entry(2, 0.0, (ev.Noted("late"),)))
        assert list(store.read("study")) == [first, second]

    def test_numbers_and_texts_survive_exactly(self, store: Store) -> None:
        metrics: ev.Metrics = {
            "tiny": 5e-324,
            "third": 1 / 3,
            "huge": 1.7976931348623157e308,
            "nan": "nan",
            "down": "-inf",
        }
        text = '炼丹 \n\t"quoted" \\ \u2028 🔥'
        entry = ev.Entry(1, 1e9 + 0.1, (ev.Reported(0, 2**40, metrics), ev.Noted(text)))
        store.append("study", entry)
        assert list(store.read("study")) == [entry]

    def test_a_group_is_written_together(self, store: Store) -> None:
        with store.group():
            for entry in example():
                store.append("study", entry)
        assert fold(store.read("study")).position == len(example())

    def test_a_group_that_fails_leaves_nothing(self, store: Store) -> None:
        first, second, third = entries(ev.Noted("one"), ev.Noted("two"), ev.Noted("three"))
        store.append("study", first)

        def group() -> None:
            with store.group():
                store.append("study", second)
                store.append("study", third)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            group()
        assert list(store.read("study")) == [first]
        store.append("study", second)
        assert list(store.read("study")) == [first, second]

    def test_a_lease_has_one_holder(self, store: Store) -> None:
        store.claim("study", "coordinator", "me")
        with pytest.raises(StudyBusy, match="me"):
            store.claim("study", "coordinator", "you")
        store.release("study", "coordinator")
        store.claim("study", "coordinator", "you")

    def test_what_was_written_is_there_for_another_store(self, tmp_path: Path) -> None:
        if not self.persistent:
            pytest.skip("this store ends with its process")
        one = self.make(tmp_path)
        for entry in example():
            one.append("study", entry)
        other = self.make(tmp_path)  # the first one is not closed: its process may have been killed
        assert list(other.read("study")) == example()
        assert other.studies() == ["study"]
        one.close()
        other.close()

    def test_of_many_writers_each_entry_has_one(self, store: Store) -> None:
        won: list[int] = []

        def write() -> None:
            for position in range(1, 41):
                try:
                    store.append("study", ev.Entry(position, 0.0, (ev.Noted(f"{position}"),)))
                    won.append(position)
                except Conflict:
                    pass

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(won) == list(range(1, 41))
        assert [entry.position for entry in store.read("study")] == list(range(1, 41))
