import threading
import time
from itertools import count

import psycopg
import pytest

from danlu.core import event as ev
from danlu.core.store import SharedStore
from danlu.errors import Conflict, StoreError, StudyBusy
from danlu.stores import session
from danlu.stores.postgres import Postgres
from danlu.testing.journals import entries, example
from danlu.testing.postgres import Server
from danlu.testing.stores import StoreKit

ONE, TWO, THREE = entries(ev.Noted("one"), ev.Noted("two"), ev.Noted("three"))


def noted(position):
    return ev.Entry(position, float(position), (ev.Noted(f"{position}"),))


@pytest.fixture
def make(database):
    made = []

    def make(**settings):
        made.append(Postgres(database, **settings))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(make):
    return make()


@pytest.fixture
def admin(database):
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def end_connections(admin):
    """Ends all connections of the test but ours."""
    admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where usename = current_user and pid <> pg_backend_pid()"
    )


class TestPostgres(StoreKit):
    @pytest.fixture(autouse=True)
    def _database(self, database):
        self.url = database

    def make(self, folder):
        return Postgres(self.url)


# appends --------------------------------------------------------------------------------------------------------------


def test_studies_in_one_database_do_not_see_each_other(store):
    for name in ("b", "a", "b/c"):
        store.append(name, ONE)
    store.append("b", TWO)
    assert store.studies() == ["a", "b", "b/c"]
    assert list(store.read("a")) == [ONE]
    assert list(store.read("b")) == [ONE, TWO]


def test_a_long_journal_is_read_page_by_page(store, monkeypatch):
    from danlu.stores import postgres

    with store.group():
        for position in range(1, postgres._PAGE + 11):
            store.append("study", noted(position))
    pages, page = [], postgres._page
    monkeypatch.setattr(postgres, "_page", lambda *said: pages.append(page(*said)) or pages[-1])
    assert [entry.position for entry in store.read("study", after=3)] == list(range(4, postgres._PAGE + 11))
    assert [len(rows) for rows in pages] == [postgres._PAGE, 7]


def test_each_page_costs_the_same_in_a_journal_that_has_just_grown(store, admin):
    from danlu.stores import postgres

    store.append("other", ONE)
    admin.execute(
        "insert into danlu_journal select 'study', k, k, 1, '[]', gen_random_uuid() from generate_series(1, 20000) k"
    )  # and no statistics yet
    plan = store._session.run(
        lambda connection: connection.execute(f"explain {postgres._READ}", ("study", 5)).fetchall()
    )
    assert "Index Scan using danlu_journal_pkey" in plan[1][0], plan
    assert "Sort" not in str(plan)


def test_of_two_groups_for_one_position_one_is_written_and_the_other_not_at_all(make):
    one, other = make(), make()
    one.append("study", ONE)

    def late():
        with other.group():
            other.append("elsewhere", ONE)
            other.append("study", TWO)
            one.append("study", TWO)

    with pytest.raises(Conflict):
        late()
    assert one.studies() == ["study"]
    assert list(other.read("study")) == [ONE, TWO]


def test_in_a_turn_nobody_else_is_first(make):
    slow, fast = make(), make()
    slow.append("study", ONE)
    outcome = []

    def race():
        try:
            fast.append("study", noted(2))
        except Conflict:
            outcome.append("conflict")

    with slow.turn("study"):
        racing = threading.Thread(target=race)
        racing.start()
        time.sleep(0.1)
        assert list(slow.read("study")) == [ONE]
        assert outcome == []  # it waits
        slow.append("study", TWO)
        racing.join(5)
    assert outcome == ["conflict"]
    assert list(fast.read("study")) == [ONE, TWO]


def test_a_turn_without_an_append_leaves_nothing(make):
    one, other = make(), make()
    with one.turn("study"):
        pass
    other.append("study", ONE)
    with pytest.raises(RuntimeError), one.turn("study"):
        raise RuntimeError
    other.append("study", TWO)
    assert list(one.read("study")) == [ONE, TWO]


def test_a_group_in_a_turn_is_written_together(make):
    one, other = make(), make()
    with one.turn("study"), one.group():
        one.append("study", ONE)
        one.append("study", TWO)
        assert list(other.read("study")) == []
    assert list(other.read("study")) == [ONE, TWO]


def test_it_is_a_store_that_can_be_shared(store):
    assert isinstance(store, SharedStore)


# connections that are lost -------------------------------------------------------------------------------------------


def test_a_connection_that_was_ended_is_made_again(store, admin, caplog):
    store.append("study", ONE)
    end_connections(admin)
    store.append("study", TWO)
    end_connections(admin)
    assert list(store.read("study")) == [ONE, TWO]
    told = [record.message for record in caplog.records]
    assert [text.split(":")[0] for text in told] == ["danlu"] * 4
    assert "trying again for 60 s" in told[0]
    assert "again" in told[1]


def test_connections_that_end_all_the_time_lose_and_double_nothing(make, admin):
    writers = [make(), make()]
    acknowledged, over = [], threading.Event()

    def write(store, name):
        position = 0
        for number in count():
            if over.is_set():
                return
            entry = ev.Entry(position + 1, 0.0, (ev.Noted(f"{name} {number}"),))
            try:
                if number % 3:
                    store.append("study", entry)
                else:
                    with store.group():
                        store.append("study", entry)
                        store.append("study", ev.Entry(position + 2, 0.0, (ev.Noted(f"{name} {number} more"),)))
                acknowledged.append(entry.events[0].text)
            except Conflict:
                pass
            for entry in store.read("study", after=position):
                position = entry.position

    threads = [threading.Thread(target=write, args=(store, name)) for name, store in enumerate(writers)]
    for thread in threads:
        thread.start()
    for ends in range(1, 26):
        deadline = time.monotonic() + 20
        while len(acknowledged) < 2 * ends and time.monotonic() < deadline:
            time.sleep(0.002)
        end_connections(admin)
    over.set()
    for thread in threads:
        thread.join(20)
    written = [entry.events[0].text for entry in writers[0].read("study")]
    alone = [text for text in written if not text.endswith("more")]
    assert len(acknowledged) >= 50
    assert sorted(alone) == sorted(acknowledged)  # an attempt that was told to be a conflict has left nothing
    assert len(set(written)) == len(written)


class Cut:
    """A connection that is lost just after its next insert, or just before it."""

    def __init__(self, connection, after):
        self.connection, self.after, self.is_done = connection, after, False

    def __getattr__(self, name):
        return getattr(self.connection, name)

    def execute(self, query, *arguments, **settings):
        if self.is_done or not str(query).startswith("insert"):
            return self.connection.execute(query, *arguments, **settings)
        self.is_done = True
        if self.after:
            self.connection.execute(query, *arguments, **settings)
        self.connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("grouped", [True, False])
def test_an_append_whose_connection_is_lost_is_written_once(store, after, grouped):
    store.append("study", ONE)
    store._session._connection = Cut(store._session._connection, after)
    if grouped:
        with store.group():
            store.append("study", TWO)
            store.append("study", THREE)
    else:
        store.append("study", TWO)
    assert list(store.read("study")) == [ONE, TWO, THREE][: 3 if grouped else 2]


def test_a_conflict_is_told_even_if_the_connection_was_lost_before(make):
    one, other = make(), make()
    one.append("study", ONE)
    one._session._connection = Cut(one._session._connection, after=False)
    other.append("study", TWO)
    with pytest.raises(Conflict):
        one.append("study", TWO)


def test_a_turn_whose_connection_is_lost_appends_all_the_same(make, admin):
    store = make()
    with store.turn("study"):
        end_connections(admin)
        store.append("study", ONE)
    assert list(store.read("study")) == [ONE]


def test_who_is_stopped_in_its_turn_stops_nobody_for_long(make):
    stopped, other = make(stall=0.2), make()
    with stopped.turn("study"):
        other.append("study", ONE)  # waits until the server has had enough
    with pytest.raises(Conflict):
        stopped.append("study", ONE)


def test_a_server_that_is_killed_and_started_again_has_lost_nothing():
    with Server() as own:
        store = Postgres(own.url)
        store.claim("study", "trial-1", "me")
        for position in range(1, 30):
            if position % 10 == 0:
                own.kill()
                threading.Timer(0.2, own.start).start()
            store.append("study", noted(position))
        assert [entry.position for entry in store.read("study")] == list(range(1, 30))
        with pytest.raises(StudyBusy, match="me"):
            Postgres(own.url).claim("study", "trial-1", "you")
        store.close()


def test_patience_has_an_end():
    with Server() as own:
        store = Postgres(own.url, patience=0.3)
        store.append("study", ONE)
        store.claim("study", "trial-1", "me")
        own.stop()
        with pytest.raises(StoreError, match=r"refused.*Check that the server runs.*Nothing that was acknowledged"):
            store.append("study", TWO)
        began = time.monotonic()
        for _ in range(5):  # the end of a run, which gives back what it has
            store.release("study", "trial-1")
        assert time.monotonic() - began < 0.3
        own.start()
        store.append("study", TWO)
        store.close()


# leases ---------------------------------------------------------------------------------------------------------------


def test_who_wants_a_lease_is_told_who_holds_it(make):
    make().claim("study", "coordinator", "process 1")
    with pytest.raises(StudyBusy, match=r"'study'.*being run by process 1 on "):
        make().claim("study", "coordinator", "process 2")
    make().claim("other", "coordinator", "process 2")
    make().claim("study", "trial-1", "process 2")


def test_a_lease_that_is_joined_can_be_joined_and_not_claimed(make):
    one, two, three = make(), make(), make()
    one.join("study", "coordinator", "process 1")
    two.join("study", "coordinator", "process 2")
    with pytest.raises(StudyBusy, match=r"process 1 on .* and process 2 on |process 2 on .* and process 1 on "):
        three.claim("study", "coordinator", "process 3")
    one.close()
    two.release("study", "coordinator")
    three.claim("study", "coordinator", "process 3")
    with pytest.raises(StudyBusy, match="process 3"):
        two.join("study", "coordinator", "process 2")


def test_leases_are_taken_again_after_the_connection_was_lost(make, admin):
    one, other = make(), make()
    one.claim("study", "trial-1", "process 1")
    one.join("study", "coordinator", "process 1")
    end_connections(admin)
    one.append("study", ONE)
    with pytest.raises(StudyBusy, match="process 1"):
        other.claim("study", "trial-1", "process 2")
    with pytest.raises(StudyBusy, match="process 1"):
        other.claim("study", "coordinator", "process 2")


def test_a_lease_that_another_has_taken_meanwhile_is_his(make, admin):
    one, other = make(), make()
    one.claim("study", "trial-1", "process 1")
    one.claim("study", "trial-2", "process 1")
    end_connections(admin)
    other.claim("study", "trial-1", "process 2")
    one.append("study", ONE)
    assert set(one._leases.held) == {("study", "trial-2")}
    one.release("study", "trial-1")
    with pytest.raises(StudyBusy, match="process 2"):
        one.claim("study", "trial-1", "process 1")


def test_a_study_that_another_has_taken_over_meanwhile_is_not_written_to(make, admin, monkeypatch):
    monkeypatch.setattr("danlu.stores.advisory._GRACE", 0.2)
    one, other = make(), make()
    one.join("study", "coordinator", "process 1")
    end_connections(admin)
    other.claim("study", "coordinator", "danlu copy")
    with pytest.raises(StudyBusy, match=r"was lost, and meanwhile danlu copy .* took the study over.*run it again"):
        one.append("study", ONE)
    assert list(other.read("study")) == []


def test_a_holder_that_gives_no_sign_of_life_loses_its_leases(make):
    stalled, other = make(stall=3600), make(stall=0.3)  # the first one is in no hurry to say that it lives
    stalled.claim("study", "trial-1", "process 1")
    with pytest.raises(StudyBusy):
        other.claim("study", "trial-1", "process 2")
    time.sleep(0.4)
    other.claim("study", "trial-1", "process 2")
    stalled.append("study", ONE)
    assert not stalled._leases.held


def test_a_lease_is_held_by_who_lives(make):
    one, other = make(stall=3600), make(stall=0.3)
    assert not other.is_held("study", "trial-1")
    one.claim("study", "trial-1", "process 1")
    assert other.is_held("study", "trial-1")
    assert one.is_held("study", "trial-1")
    time.sleep(0.4)
    assert not other.is_held("study", "trial-1")
    one.append("study", ONE)
    assert other.is_held("study", "trial-1")


def test_a_holder_that_lives_keeps_its_leases(make):
    quiet, other = make(stall=0.6), make(stall=0.6)
    quiet.claim("study", "trial-1", "process 1")
    time.sleep(0.9)
    with pytest.raises(StudyBusy):
        other.claim("study", "trial-1", "process 2")


# the schema -----------------------------------------------------------------------------------------------------------


def test_eight_that_begin_at_once_make_the_tables_once(make):
    together, errors = threading.Barrier(8), []

    def begin(store, name):
        together.wait()
        try:
            store.append(name, ONE)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=begin, args=(make(), f"study {k}")) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(make().studies()) == 8


def test_tables_of_a_later_danlu_are_left_alone(make, admin):
    make().append("study", ONE)
    admin.execute("update danlu_schema set version = 99")
    with pytest.raises(StoreError, match=r"schema 99; this Danlu knows 1. Upgrade"):
        list(make().read("study"))


def test_tables_of_an_earlier_danlu_are_brought_up_and_keep_all(make, admin, monkeypatch):
    make().append("study", ONE)
    monkeypatch.setattr(session, "_SCHEMA", (*session._SCHEMA, "alter table danlu_journal add column more text"))
    assert list(make().read("study")) == [ONE]
    assert admin.execute("select version from danlu_schema").fetchall() == [(2,)]
    assert admin.execute("select more from danlu_journal").fetchall() == [(None,)]


def test_a_change_of_the_tables_that_fails_leaves_them_as_they_were(make, admin, monkeypatch):
    make().append("study", ONE)
    steps = ("alter table danlu_journal add column more text", "select 1 / 0")
    monkeypatch.setattr(session, "_SCHEMA", (*session._SCHEMA, *steps))
    with pytest.raises(StoreError, match="division by zero"):
        list(make().read("study"))
    assert admin.execute("select version from danlu_schema").fetchall() == [(1,)]


# the clock ------------------------------------------------------------------------------------------------------------


def test_its_time_is_the_servers(store, admin):
    before = admin.execute("select extract(epoch from clock_timestamp())::float8").fetchone()[0]
    now = store.now()
    after = admin.execute("select extract(epoch from clock_timestamp())::float8").fetchone()[0]
    assert before - 0.1 <= now <= after + 0.1


def test_a_clock_of_ours_that_is_set_back_changes_nothing(store, monkeypatch):
    before = store.now()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert before <= store.now() < before + 60


# errors ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded():
    with Server("scram-sha-256", "quaverly s3cret") as running:
        yield running


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("danlu@", "danlu:wrongish@"), "password authentication failed.*Check the user and the password"),
        (("danlu@", "danlu@"), "no password supplied.*keeps no passwords: set PGPASSWORD"),
        (("danlu@", "danlu:quaverly@s3cret@"), "write @, / and # in the password as %40"),
        (("danlu@", "danlu:quaverly/s3cret@"), "write @, / and # in the password as %40"),
        (("danlu@", "danlu:quaverly#s3cret@"), "write @, / and # in the password as %40"),
        (("danlu@", "danlu:quaverly%zz@"), "can't be read as the URL"),
        (("postgres?", "nowhere?"), "does not exist.*createdb"),
        ((":quaverly%20s3cret@127.0.0.1", ":quaverly%20s3cret@nohost.invalid"), "resolve host.*Check the name"),
    ],
)
def test_errors_say_what_to_do_and_never_the_password(guarded, change, expected):
    address = guarded.url + "?"
    if change[1].count("@") < 2 and "wrongish" not in change[1] and change[0] != "danlu@":
        address = address.replace("danlu@", "danlu:quaverly%20s3cret@")
    store = Postgres(address.replace(*change).rstrip("?"))
    with pytest.raises(StoreError, match=expected) as raised:
        store.append("study", ONE)
    told = "".join(map(str, (raised.value, repr(store), store.url)))
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    for secret in ("quaverly", "s3cret", "wrongish"):
        assert secret not in told


def test_with_its_password_it_is_let_in(guarded):
    store = Postgres(guarded.url.replace("danlu@", "danlu:quaverly%20s3cret@"))
    store.append("let in", ONE)
    assert store.url == guarded.url
    store.close()


def test_without_a_server_there_is_one_message():
    with pytest.raises(StoreError, match=r"refused.*Check that the server runs"):
        Postgres("postgresql://danlu@127.0.0.1:1/postgres").append("study", ONE)


def test_without_psycopg_it_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'danlu\[postgres\]'"):
        Postgres("postgresql://danlu@127.0.0.1:1/postgres").append("study", ONE)


def test_who_may_not_write_is_told_so(database, make, admin):
    make().append("study", example()[0])
    admin.execute("create role reader login")
    [schema] = admin.execute("select current_schema").fetchone()
    admin.execute(f"alter role reader set search_path = {schema}")
    admin.execute(f"grant usage on schema {schema} to reader")
    admin.execute(f"grant select on all tables in schema {schema} to reader")
    reader = Postgres(database.replace(f"{schema}@", "reader@"))
    assert list(reader.read("study")) == example()[:1]
    with pytest.raises(StoreError, match="permission denied"):
        reader.append("study", example()[1])
    reader.close()


# speed ----------------------------------------------------------------------------------------------------------------


def test_an_append_and_a_group_of_them_are_one_round_trip_each(store, monkeypatch):
    store.append("study", ONE)
    asked, execute = [], psycopg.Connection.execute

    def counted(connection, query, *said, **more):
        asked.append(query)
        return execute(connection, query, *said, **more)

    monkeypatch.setattr(psycopg.Connection, "execute", counted)
    store.now()
    store.append("study", TWO)
    with store.group():
        for position in range(3, 60):
            store.append("study", noted(position))
    assert len(asked) == 2
