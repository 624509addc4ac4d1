"""Trials in a real Ray cluster of several raylets on this machine."""

import json
import os
import pickle
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from tests.programs.saving import check_paused

ray = pytest.importorskip("ray")

from danlu import Study, tune  # noqa: E402
from danlu.core.event import Lost  # noqa: E402
from danlu.core.resources import Resources  # noqa: E402
from danlu.core.stopping import StopRule, Trials  # noqa: E402
from danlu.core.trial import Status  # noqa: E402
from danlu.errors import RunnerError  # noqa: E402
from danlu.loop import run  # noqa: E402
from danlu.runners.ray import Ray  # noqa: E402
from danlu.runners.transfer import Mirror  # noqa: E402
from danlu.testing.runners import SPACE, RunnerKit  # noqa: E402

pytestmark = pytest.mark.xdist_group("ray")

NODE = {"num_cpus": 2, "object_store_memory": 80_000_000}


@pytest.fixture
def elsewhere(monkeypatch):
    """No worker finds the mark in the study's folder: as on machines that don't see it."""
    monkeypatch.setattr("danlu.runners.ray.mark", lambda *_: None)


@pytest.mark.usefixtures("ray_cluster")
class TestRay(RunnerKit):
    def make(self, train, timeout=None):
        return Ray(train, "loss", workers=2, resources=Resources(cpus=1), timeout=timeout)


def found_on(node):
    """What unpickling a function comes to that needs what one node lacks."""
    if ray.get_runtime_context().get_node_id() == node:
        raise ImportError("lacking here")


class Avoided(StopRule):
    """Done so many trials after a node was avoided."""

    def __init__(self, avoided, more):
        self.avoided, self.more = avoided, more

    def done(self, history):
        over = self.avoided and len(history.trials) >= self.avoided[0][0] + self.more
        return "enough" if over or len(history.trials) >= 60 else None


def in_ray(train, folder, trials=2, **settings):
    """A finished study."""
    study = Study(SPACE, minimize="loss", strategy="random", folder=folder)
    run(study, Ray(train, "loss", **settings), Trials(trials))
    assert study.verify() == []
    return study


def lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill(node):
    """Kills a raylet, as a machine that loses its power does."""
    [raylet] = node.all_processes["raylet"]
    os.kill(raylet.process.pid, signal.SIGKILL)


@pytest.mark.usefixtures("ray_cluster")
class TestResources:
    def test_trials_get_parts_of_a_device_and_what_else_the_cluster_shares_out(self, tmp_path):
        def train(trial, config):
            got = ray.get_runtime_context().get_assigned_resources()
            trial.attach("got.json", {**got, "devices": os.environ["CUDA_VISIBLE_DEVICES"], "nice": os.nice(0)})
            return 1.0

        study = in_ray(train, tmp_path, resources=Resources(0.5, 0.5, 0.1, 17, {"licence": 0.25}))
        for trial in study.trials:
            got = json.loads((tmp_path / trial.artifacts[0].path).read_text())
            amounts = {name: amount for name, amount in got.items() if "_group_" not in name}
            assert amounts == {
                "CPU": 0.5, "GPU": 0.5, "memory": 1e8, "licence": 0.25, "devices": amounts["devices"], "nice": 17,
            }  # fmt: skip
            assert amounts["devices"] in ("0", "1")

    def test_a_trial_that_is_itself_distributed_has_its_children_in_its_placement_group(self, tmp_path):
        def train(trial, config):
            @ray.remote(num_cpus=0, num_gpus=1)
            def child():
                group = ray.util.get_current_placement_group()
                return group.id.hex(), os.environ["CUDA_VISIBLE_DEVICES"]

            found = ray.get([child.remote() for _ in range(2)], timeout=60)
            assert {group for group, _ in found} == {ray.util.get_current_placement_group().id.hex()}
            return float(len({device for _, device in found}))

        study = in_ray(train, tmp_path, placement=[{"CPU": 1}, {"GPU": 1}, {"GPU": 1}])
        assert [trial.value for trial in study.trials] == [2.0, 2.0]

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"resources": Resources(gpus=4)}, "needs 4 GPUs, and the largest node has 2 GPUs"),
            ({"resources": Resources(custom={"tpu": 1})}, "needs 1 tpu, and the largest node has 0 tpu"),
            ({"resources": Resources(memory=1e6)}, "GB of memory, and the largest"),
            ({"placement": [{"CPU": 1}, {"GPU": 3}]}, "needs 3 GPUs"),
            ({"placement": [{}]}, "placement must be a list of tables"),
            ({"strategy": "HUDDLE"}, "must be one of PACK"),
            ({"workers": 0}, "at least 1"),
            ({"silence": 0.0}, "must be > 0"),
            ({"storage": "nowhere://x"}, "fsspec knows"),
        ],
    )
    def test_what_can_not_be_is_refused_before_anything_runs(self, settings, message):
        with pytest.raises(RunnerError, match=message):
            Ray(lambda trial, config: 1.0, "loss", **settings)

    def test_workers_that_share_a_machine_share_its_cores_and_devices(self):
        for workers, cpus in ((1, 2.0), (2, 1.0), (4, 0.5)):
            runner = Ray(lambda trial, config: 1.0, "loss", workers=workers)
            assert runner._places.bundles == [{"CPU": cpus, "GPU": min(cpus, 1.0)}]

    def test_trials_that_wait_for_a_place_say_why_once(self, tmp_path, monkeypatch):
        monkeypatch.setattr("danlu.runners.ray._PENDING", 0.2)

        def train(trial, config):
            time.sleep(0.6)
            return 1.0

        study = in_ray(train, tmp_path, trials=3, workers=3, resources=Resources(cpus=1))
        [told] = [note for note in study.history.notes if "have a place" in note]
        assert "2 of 3 trials at a time have a place" in told
        assert "wait for 1 CPU" in told


def test_programs_run_in_a_cluster_are_paused_and_go_on(tmp_path, ray_cluster, elsewhere):
    check_paused(
        tmp_path, workers=2, runner={"use": "ray", "address": ray_cluster.address}, resources=Resources(cpus=1)
    )


class TestNodes:
    def test_a_node_that_dies_takes_no_trial_along(self, tmp_path, ray_cluster):
        node = ray_cluster.add_node(resources={"place": 1}, **NODE)

        def train(trial, config):
            total = trial.load() or 0.0
            for step in trial.steps(20):
                total += step
                trial.report(step, loss=total)
                trial.save(total)
                time.sleep(0.1)
            return total

        place = Resources(cpus=1, gpus=0, custom={"place": 1})
        runner = Ray(train, "loss", workers=1, resources=place, growing=True)
        study = Study(SPACE, minimize="loss", strategy="random", folder=tmp_path)
        begun = []

        def watch(history):
            if not begun and history.trials and history.trials[0].step >= 5:
                begun.append(history.trials[0].step)
                kill(node)
                ray_cluster.worker_nodes.discard(node)
                begun.append(ray_cluster.add_node(resources={"place": 1}, **NODE))

        try:
            run(study, runner, Trials(2), watch)
        finally:
            if len(begun) > 1:
                ray_cluster.remove_node(begun[1])
        assert [t.status for t in study.trials] == [Status.COMPLETE] * 2
        assert [t.value for t in study.trials] == [210.0, 210.0]
        assert study.trials[0].attempt == 2
        assert study.trials[0].excused == 1
        assert study.trials[0].restarts[0] >= 5
        assert study.verify() == []

    def test_a_node_that_comes_while_the_study_runs_is_used_until_it_is_avoided(self, tmp_path, ray_cluster):
        def train(trial, config):
            time.sleep(0.3)
            return 1.0

        runner = Ray(train, "loss", resources=Resources(cpus=1, gpus=0))
        study = Study(SPACE, minimize="loss", strategy="random", folder=tmp_path)
        added, avoided = [], []

        def watch(history):
            places = [trial.worker.partition(" on ")[2] for trial in history.trials if trial.worker]
            if not added and history.finished:
                added.append(ray_cluster.add_node(**NODE))
            if not avoided and len(set(places)) == 2:
                [come] = set(places) - {places[0]}
                avoided.append((len(history.trials), come))
                runner.avoid(frozenset({come}))

        try:
            run(study, runner, Avoided(avoided, 4), watch)
        finally:
            ray_cluster.remove_node(added[0])
        [(known, place)] = avoided
        assert added[0].node_id.startswith(place.partition("/")[2])
        later = [trial.worker.partition(" on ")[2] for trial in study.trials[known:]]
        assert len(later) >= 4
        assert place not in later

    def test_a_node_that_lacks_what_trials_need_is_avoided(self, tmp_path, ray_cluster):
        node = ray_cluster.add_node(resources={"licence": 8}, **NODE)

        class Needy:
            def __reduce__(self):
                return found_on, (node.node_id,)

        def train(trial, config):
            return float(needy is None)

        needy = Needy()
        each = Resources(cpus=1, gpus=0, custom={"licence": 1})
        study = Study(SPACE, minimize="loss", strategy="random", folder=tmp_path)
        try:
            run(study, Ray(train, "loss", workers=3, resources=each), Trials(4))
        finally:
            ray_cluster.remove_node(node)
        assert [trial.value for trial in study.trials] == [1.0] * 4
        assert {trial.worker.partition("/")[2] for trial in study.trials} == {ray_cluster.head_node.node_id[:6]}
        assert max(trial.excused for trial in study.trials) == 1
        lost = [event.error for entry in study.entries() for event in entry.events if isinstance(event, Lost)]
        assert all("its node can't run trials" in error and "lacking here" in error for error in lost)

    def test_nothing_is_asked_of_the_strategy_before_there_is_a_place(self, tmp_path):
        runner = Ray(lambda trial, config: 1.0, "loss", resources=Resources(custom={"licence": 1}))
        blocker = ray.util.placement_group([{"licence": 1}])
        ray.get(blocker.ready())
        try:
            assert [runner.free() for _ in range(3)] == [0, 0, 0]
        finally:
            ray.util.remove_placement_group(blocker)
        end = time.monotonic() + 10
        while runner.free() == 0 and time.monotonic() < end:
            time.sleep(0.05)
        assert runner.free() == 1
        runner.close()


STRANGER = {"env_vars": {"DANLU_KEY": "a7" * 32}}  # as on a machine with another home


@pytest.mark.usefixtures("ray_cluster")
class TestFiles:
    @pytest.mark.parametrize("storage", [False, True])
    def test_files_come_into_the_study_folder_and_checkpoints_go_to_where_the_trial_goes_on(
        self, tmp_path, monkeypatch, storage
    ):
        monkeypatch.setattr("danlu.runners.transfer.PIECE", 1000)
        fetch = Mirror.fetch
        # while a file is fetched, the other trial goes on, and what the study has given up is tidied away
        monkeypatch.setattr(Mirror, "fetch", lambda mirror, stored: (time.sleep(0.2), fetch(mirror, stored)))
        store = tmp_path / "storage"

        def train(trial, config):
            total, _ = trial.load() or (0.0, b"")
            here = Path(trial.attach("notes.txt", f"{total}")).parent
            (here / "extra").mkdir(exist_ok=True)
            (here / "extra/left.bin").write_bytes(b"x" * 2500)
            print("attempt", trial.attempt, "from", total)
            for step in trial.steps(4):
                total += step
                trial.report(step, loss=total)
                trial.save((total, b"y" * 2500))
                if step == 2 and trial.attempt == 1:
                    os._exit(1)
            return total if not here.is_relative_to(folder) else -1.0

        folder = str(tmp_path / "study")
        url = f"file://{store}" if storage else None
        study = in_ray(train, tmp_path / "study", workers=2, storage=url, runtime_env=STRANGER)
        assert [trial.value for trial in study.trials] == [10.0, 10.0]
        assert [trial.attempt for trial in study.trials] == [2, 2]
        for trial in study.trials:
            assert study.load(trial) == (10.0, b"y" * 2500)
            home = tmp_path / "study" / "trials" / f"{trial.number:04d}"
            assert (home / "notes.txt").read_text() == "3.0"
            assert (home / "extra/left.bin").read_bytes() == b"x" * 2500
            assert (home / "log.txt").read_text().splitlines()[-1] == "attempt 2 from 3.0"
            assert (home / "config.json").exists()
            assert [path.name for path in home.glob("checkpoints/*")] == ["step_000004-2.ckpt"]
        if storage:
            kept = {path.name for path in store.glob("trials/*/checkpoints/*")}
            assert "step_000004-2.ckpt" in kept
            assert not any(name.startswith("step_000001") for name in kept)

    def test_a_checkpoint_that_somebody_changed_in_the_storage_is_not_loaded(self, tmp_path):
        store = tmp_path / "storage"

        def train(trial, config):
            state = trial.load()
            if state is not None:
                return float(state)
            trial.report(1, loss=1.0)
            trial.save(1.0)
            for path in store.glob("trials/*/checkpoints/*"):
                path.write_bytes(pickle.dumps(2.0))
            os._exit(1)

        study = in_ray(train, tmp_path / "study", 1, workers=1, storage=f"file://{store}", runtime_env=STRANGER)
        assert study.trials[0].value == 1.0

    @pytest.mark.usefixtures("elsewhere")
    def test_what_a_trial_prints_is_in_the_study_folder_while_it_runs(self, tmp_path):
        log = tmp_path / "trials/0000/log.txt"

        def train(trial, config):
            print("here I am", flush=True)
            for _ in range(200):
                time.sleep(0.05)
                if log.exists():
                    return 1.0
            return 0.0

        runner = Ray(train, "loss", workers=1, silence=2.0)
        study = Study(SPACE, minimize="loss", strategy="random", folder=tmp_path)
        run(study, runner, Trials(1))
        assert study.trials[0].value == 1.0
        assert log.read_text() == "here I am\n"

    @pytest.mark.usefixtures("elsewhere")
    def test_a_file_that_a_worker_names_outside_of_its_trial_is_refused(self, tmp_path):
        outside = str(tmp_path)

        def train(trial, config):
            from danlu.runners.transfer import Piece

            say = trial.port.send.__self__._say
            for path in (
                "../../evil", "trials/0001/x", f"{outside}/evil", "journal.db", "trials/0000/../../evil", "trials/0000"
            ):  # fmt: skip
                try:
                    say(Piece(path, 0, b"x", last=True))
                except Exception as error:
                    print(type(error).__name__)
            return 1.0

        in_ray(train, tmp_path / "a" / "b", trials=1)
        assert (tmp_path / "a/b/trials/0000/log.txt").read_text().split() == ["ArtifactError"] * 6
        assert not list(tmp_path.rglob("evil"))

    def test_a_checkpoint_that_a_worker_names_outside_of_its_trial_is_refused(self, tmp_path):
        def train(trial, config):
            from danlu.core.event import Saved

            trial.port.send.__self__._say(Saved(trial.number, 1, "../../secret.ckpt", 4))
            return 1.0

        study = in_ray(train, tmp_path, trials=1)
        assert study.trials[0].reason == "artifact"
        assert "nowhere else" in study.trials[0].error


@pytest.mark.usefixtures("ray_cluster")
class TestLife:
    def test_a_trial_that_gives_no_sign_of_life_is_tried_again_and_then_has_failed(self, tmp_path, monkeypatch):
        monkeypatch.setattr("danlu.runners.ray._PATIENCE", 0.2)

        def train(trial, config):
            if trial.number == 0:
                time.sleep(1000)
            for step in trial.steps(3):
                time.sleep(0.4)
                print(step, flush=True)
            return 1.0

        study = in_ray(train, tmp_path, workers=2, silence=3.0)
        assert [trial.reason for trial in study.trials] == ["silent", ""]
        assert study.trials[0].attempt == 2
        assert "no report, file or output for 3 s" in study.trials[0].error

    def test_a_trial_that_takes_more_memory_than_it_was_given_has_failed(self, tmp_path):
        def train(trial, config):
            hoard = np.ones(40_000_000 if trial.number == 1 else 1)  # 320 MB
            time.sleep(20 if trial.number == 1 else 0)
            return hoard[0]

        study = in_ray(train, tmp_path, workers=2, resources=Resources(memory=0.3))
        assert [trial.reason for trial in study.trials] == ["", "out of memory"]
        assert "more than the 0.3 GB of each trial" in study.trials[1].error

    def test_what_a_trial_has_started_ends_with_it(self, tmp_path):
        def train(trial, config):
            left = subprocess.Popen(["sleep", "1000"], start_new_session=True)
            trial.attach("pid.txt", str(left.pid))
            time.sleep(1000 if trial.number == 1 else 0)
            return 1.0

        study = in_ray(train, tmp_path, workers=2, timeout=2.0)
        assert [trial.reason for trial in study.trials] == ["", "timeout"]
        for trial in study.trials:
            gone_by = time.monotonic() + 10  # a busy machine takes its time even to kill
            while lives(int((tmp_path / trial.artifacts[0].path).read_text())):
                assert time.monotonic() < gone_by
                time.sleep(0.05)

    def test_a_function_that_no_node_can_import_stops_the_study_at_once(self, tmp_path):
        class Needy:
            def __reduce__(self):
                return __import__, ("no_such_module",)

        needy = Needy()
        study = Study(SPACE, minimize="loss", strategy="random", folder=tmp_path)
        with pytest.raises(RunnerError, match=r"(?s)no_such_module.*must be installed"):
            run(study, Ray(lambda trial, config: needy, "loss", workers=1), Trials(1))

    def test_a_cluster_that_was_there_before_outlives_the_study(self, tmp_path):
        study = tune(
            lambda trial: 1.0, space=SPACE, minimize="loss", trials=2, strategy="random", workers="auto",
            runner={"use": "ray"}, folder=tmp_path, progress=False,
        )  # fmt: skip
        assert len(study.trials) == 2
        assert ray.is_initialized()
        assert not (tmp_path / ".shared").exists()

    def test_an_address_where_there_is_no_cluster_is_told(self):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ray, "is_initialized", lambda: False)
            patch.setattr(ray, "init", lambda *_, **__: (_ for _ in ()).throw(ConnectionError("nobody there")))
            with pytest.raises(RunnerError, match=r"no Ray cluster at 192\.0\.2\.1:6379: nobody there"):
                Ray(lambda trial, config: 1.0, "loss", address="192.0.2.1:6379")
