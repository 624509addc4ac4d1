import pytest

from danlu import Choice, Decision, Float, Int, Space, Status, Study
from danlu.core import event as ev
from danlu.core.lineage import line, line_curve
from danlu.core.stopping import Never, Trials
from danlu.errors import StrategyError
from danlu.loop import run
from danlu.runners.inline import Inline
from danlu.runners.simulated import Faults, Simulated
from danlu.stores.memory import Memory
from danlu.strategies.population.pbt import PBT
from danlu.strategies.random import Random
from danlu.study import resolve_strategy
from danlu.testing.strategies import StrategyKit, check_consistent, outcome

SPACE = Space({"x": Float(0.0, 1.0)})
STEPS = 12


class TestPBT(StrategyKit):
    searches_all = False

    def make(self):
        return PBT(interval=2)


class TestPBTWithoutPauses(StrategyKit):
    searches_all = False

    def make(self):
        return PBT(interval=1, quantile=0.5, pauses=False, inner=Random())


def play(job):
    """Each step brings a loss that is the lower, the nearer x is to 0.7."""
    for step in range(job.step + 1, STEPS + 1):
        yield 1.0, {"loss": abs(job.config["x"] - 0.7) + 1 / step}


def played(strategy=None, workers=1, space=SPACE, seed=0, until=None, **kwargs):
    runner = Simulated(play, workers, **kwargs)
    store = Memory(clock=runner.clock)
    study = Study(space, minimize="loss", strategy=strategy or PBT(interval=3), steps=STEPS, seed=seed, store=store)
    run(study, runner, until or Never())
    return study, runner


def forks(study):
    return [trial for trial in study.trials if trial.parent]


def test_a_population_is_trained_once_to_the_end_and_no_further():
    for workers in (1, 3, 8):
        study, _ = played(workers=workers)
        assert study.history.count("complete") == 8
        assert all(trial.step == STEPS for trial in study.history.completed)
        assert study.history.steps_done <= 8 * STEPS
        assert study.history.count("paused") == 0
        assert study.is_exhausted
        assert study.verify() == []


def test_one_worker_compares_all_of_a_population_before_any_goes_on():
    study, _ = played()
    losses = [abs(trial.config["x"] - 0.7) for trial in study.trials[:8]]
    order = sorted(range(8), key=losses.__getitem__)
    first = study.trials[8:10]
    assert {trial.parent.trial for trial in first} <= {*order[:2]}
    assert all(trial.parent.step == trial.origin_step == 3 for trial in first)
    assert all(study.trials[k].status is Status.STOPPED for k in order[6:])
    assert [trial.origin for trial in first] == [f"pbt: explored from trial {t.parent.trial} at step 3" for t in first]


def test_a_fork_takes_the_place_in_the_entry_that_begins_it():
    study, _ = played()
    entries = [[type(event).__name__ for event in entry.events] for entry in study.entries()]
    replacing = [kinds for kinds in entries if kinds[0] == "Suggested" and len(kinds) > 1]
    assert len(replacing) == len(forks(study))
    # and with it the checkpoint goes of the one that was replaced, if it had one
    assert all(kinds[:3] == ["Suggested", "Decided", "Finished"] for kinds in replacing)
    assert {kind for kinds in replacing for kind in kinds[3:]} <= {"Removed"}


def test_a_fork_begins_at_its_parents_step():
    study, _ = played()
    for trial in forks(study):
        assert trial.curve.steps[0] == trial.parent.step + 1
        assert line_curve(study.history, trial.number).steps.tolist() == [*range(1, trial.step + 1)]


def test_many_workers_wait_for_no_straggler():
    quick, one = played(workers=8)
    slow, other = played(workers=8, faults=Faults(slow=0.05, factor=20.0, seed=1))
    ends = sorted(trial.ended for trial in slow.history.completed)
    assert other.clock() > one.clock()
    assert ends[4] <= 2 * max(trial.ended for trial in quick.history.completed)
    assert slow.history.count("complete") == 8


def test_workers_that_die_change_nothing_but_time():
    study, _ = played(workers=4, faults=Faults(death=0.02, seed=1))
    assert study.history.count("complete") == 8
    assert study.verify() == []


def diverging(job):
    """What is above 0.5 diverges at its second step."""
    for step in range(job.step + 1, STEPS + 1):
        yield 1.0, {"loss": float("nan") if job.config["x"] > 0.5 and step > 1 else 1 / step}


def test_what_diverges_is_replaced_by_forks_of_what_does_not():
    runner = Simulated(diverging, 4)
    store = Memory(clock=runner.clock)
    study = Study(SPACE, minimize="loss", strategy=PBT(interval=3), steps=STEPS, store=store)
    run(study, runner, Never())
    failed = study.history.count("failed")
    assert 2 <= failed <= 8
    assert study.history.count("complete") == 8
    assert study.verify() == []


def test_where_all_fails_it_ends():
    study = Study(SPACE, minimize="loss", strategy=PBT(population=4), steps=STEPS)
    while (trial := study.ask()) is not None:
        study.fail(trial, "boom")
    assert len(study.trials) <= 4 * 5
    assert study.is_exhausted


def test_the_default_is_trained_to_the_end():
    study, _ = played(space=Space({"x": Float(0.0, 1.0, default=0.0)}))
    assert study.trials[0].origin == "default"
    assert study.trials[0].status is Status.COMPLETE


def test_no_more_trials_than_allowed_and_all_of_them_go_to_the_end():
    study, _ = played(PBT(interval=3, trials=10))
    assert len(study.trials) == 10
    assert study.history.count("complete") == 8
    study, _ = played(PBT(interval=3, trials=5))
    assert study.history.count("complete") == len(study.trials) == 5


def test_a_small_space_has_a_small_population():
    study, _ = played(space=Space({"x": Choice(0.1, 0.9)}))
    assert len([trial for trial in study.trials if not trial.parent]) == 2
    assert study.history.count("complete") == 2


def test_reports_at_every_fifth_step_only_will_do():
    def rarely(job):
        steps = play(job)
        for step, (_, metrics) in zip(range(job.step + 1, STEPS + 1), steps, strict=True):
            yield 1.0, metrics if step % 5 == 0 or step == STEPS else {"other": 0.0}

    runner = Simulated(rarely)
    study = Study(SPACE, minimize="loss", strategy=PBT(interval=3), steps=STEPS, store=Memory(clock=runner.clock))
    run(study, runner, Never())
    assert study.history.count("complete") == 8


def saving(trial, config):
    """Keeps a checkpoint where it is told to pause; its state is the sum of all x that it was trained with."""
    total = trial.load() or 0.0
    for step in trial.steps(STEPS):
        total += config["x"]
        if trial.report(step, loss=abs(total / step - 0.7)) is Decision.PAUSE:
            trial.save(total)


def careless(trial, config):
    """Keeps nothing."""
    for step in trial.steps(STEPS):
        trial.report(step, loss=abs(config["x"] - 0.7) + 1 / step)


def often(trial, config):
    """Saves after every second step, before it reports, whatever it is told."""
    total = trial.load() or 0.0
    for step in trial.steps(STEPS):
        total += config["x"]
        if step % 2 == 0 and step < STEPS:
            trial.save(total, step)
        trial.report(step, loss=abs(total / step - 0.7))


def trained(train, strategy=None, **kwargs):
    study = Study(SPACE, minimize="loss", strategy=strategy or PBT(interval=3), steps=STEPS, **kwargs)
    run(study, Inline(train, "loss"), Never())
    return study


@pytest.mark.parametrize("train", [saving, often])
def test_a_fork_goes_on_with_the_state_of_its_parent(train):
    study = trained(train)
    assert len(forks(study)) >= 4
    for trial in study.history.completed:
        xs, ends = [t.config["x"] for t in line(study.history, trial.number)], []
        for child in [*line(study.history, trial.number)[1:], None]:
            ends.append(child.origin_step if child else STEPS)
        total = sum(x * (end - begin) for x, begin, end in zip(xs, [0, *ends[:-1]], ends, strict=True))
        assert trial.value == pytest.approx(abs(total / STEPS - 0.7))


def test_a_training_that_saves_before_it_reports_need_not_pause_where_it_is_good():
    def first(trial, config):
        for step in trial.steps(STEPS):
            trial.save(step, step)
            trial.report(step, loss=abs(config["x"] - 0.7))

    study = trained(first)
    assert study.history.count("complete") == 8
    assert sum(trial.attempt for trial in study.trials) < sum(trial.attempt for trial in trained(saving).trials)


@pytest.mark.parametrize("pauses", [True, False])
def test_without_checkpoints_nothing_is_forked_and_the_study_says_so_once(pauses):
    study = trained(careless, PBT(interval=3, pauses=pauses))
    assert forks(study) == []
    afresh = [trial for trial in study.trials if "afresh" in trial.origin]
    assert 1 <= len(afresh) <= 2
    assert study.history.count("complete") == 8
    [note] = [note for note in study.history.notes if "fall back" in note]
    assert "pbt: afresh, there is no checkpoint to fork from; save one when told to pause" in note
    assert study.history.steps_done <= 8 * STEPS + 2 * 10 * 3  # each of ten began twice more, a quarter each


def test_without_pauses_what_checkpoints_there_are_serve():
    study = trained(often, PBT(interval=3).without_pauses())
    assert len(forks(study)) >= 2
    assert all(trial.attempt == 1 for trial in study.trials)
    assert study.history.notes == ()


def test_what_was_replaced_is_not_forked_from():
    study, _ = played(workers=3, seed=2)
    stopped = {}
    for history in study.histories():
        for trial in history.trials:
            if trial.status in (Status.STOPPED, Status.FAILED):
                stopped.setdefault(trial.number, len(history.trials))
    for trial in forks(study):
        assert trial.number < stopped.get(trial.parent.trial, len(study.trials) + 1)


MIXED = Space(
    {
        "x": Float(0.0, 1.0),
        "n": Int(1, 64, log=True),
        "way": Choice({"a": Space({"y": Float(0.1, 10.0, log=True)}), "b": Space({"y": Float(0.1, 10.0, log=True)})}),
    },
    where=["n * x <= 16", "way == 'a' or x > 0.3"],
)


def test_constraints_and_branches_are_kept_by_forks():
    study, _ = played(PBT(population=12, interval=1), space=MIXED, workers=3)
    assert len(forks(study)) > 15
    assert all(MIXED.contains(trial.config) for trial in study.trials)


def test_several_objectives_are_ranked_by_fronts():
    def two(job):
        for _ in range(job.step, STEPS):
            yield 1.0, {"a": job.config["x"], "b": (job.config["x"] - 0.3) ** 2}

    runner = Simulated(two)
    store = Memory(clock=runner.clock)
    study = Study(SPACE, minimize=("a", "b"), strategy=PBT(interval=3), steps=STEPS, store=store)
    run(study, runner, Never())
    assert study.history.count("complete") == 8
    assert max(trial.config["x"] for trial in study.history.completed) < 0.6


def test_a_study_that_is_cut_after_any_entry_goes_on_to_the_same_end():
    study, store = study_in_memory()
    run(study, Inline(stateless, "loss"), Trials(30))
    whole = list(store.read("study"))
    assert len(forks(study)) >= 4
    for cut in range(1, len(whole)):
        rest = Memory()
        for entry in whole[:cut]:
            rest.append("study", entry)
        resumed = Study.open(store=rest)
        check_consistent(resumed.history)
        run(resumed, Inline(stateless, "loss"), Trials(30))
        assert resumed.history.count("complete") == 4
        assert resumed.history.count("paused") == len(resumed.history.pending) == 0
        assert resumed.verify() == []
        if not is_before_its_checkpoint(whole[cut - 1]):
            assert outcome(resumed.history) == outcome(study.history), f"cut after entry {cut}"
        resumed.close()
    study.close()


def is_before_its_checkpoint(entry):
    """Whether a cut after an entry takes the checkpoint of a pause away: the trial then has to be asked for again."""
    return isinstance(entry.events[-1], ev.Decided)


def study_in_memory():
    store = Memory()
    strategy = PBT(population=4, interval=1)
    return Study(MIXED, minimize="loss", strategy=strategy, steps=4, seed=3, store=store), store


def stateless(trial, config):
    """A state that its step alone says, so that a checkpoint need not be read; one in five diverges."""
    for step in trial.steps(4):
        if trial.seed % 5 == 0:
            raise FloatingPointError("diverged")
        if trial.report(step, loss=config["x"] + 1 / step) is Decision.PAUSE:
            trial.save(step)


def test_the_space_may_be_narrowed_while_it_runs():
    runner = Simulated(play)
    store = Memory(clock=runner.clock)
    study = Study(SPACE, minimize="loss", strategy=PBT(interval=3), steps=STEPS, store=store)
    run(study, runner, Trials(10))
    study.change(Space({"x": Float(0.0, 0.6)}))
    before = len(study.trials)
    run(study, Simulated(play), Never())
    assert len(study.trials) > before
    assert all(trial.config["x"] <= 0.6 for trial in study.trials[before:])
    assert study.verify() == []


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"population": 1}, "population must be at least 2, got 1"),
        ({"interval": 0}, "interval must be from 1 to the steps of a full training, 12; got 0"),
        ({"interval": 13}, "interval must be"),
        ({"quantile": 0.6}, "quantile must be above 0 and at most 0.5, got 0.6"),
        ({"trials": 0}, "trials must be at least 1"),
        ({"inner": "tpe"}, "inner must be a strategy, got 'tpe'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, why):
    with pytest.raises(StrategyError, match=f"pbt: {why}"):
        Study(SPACE, minimize="loss", strategy=PBT(**settings), steps=STEPS)


def test_the_steps_of_a_training_must_be_known():
    with pytest.raises(StrategyError, match="pbt: how many steps is a full training"):
        Study(SPACE, minimize="loss", strategy="pbt")


def test_a_tenth_of_the_training_lies_between_comparisons():
    study, _ = played(PBT())
    assert {trial.parent.step % 2 for trial in forks(study)} == {0}
    assert resolve_strategy(study.history.strategy).inner == PBT()
