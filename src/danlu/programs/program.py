"""Program: a training function that runs a command, hands it the config, and follows its metrics.

    tune(Program(["python", "train.py", "--epochs", "5"]), space=space, minimize="val_loss")

It is called as `program(trial, config)` like any other training function, so it runs wherever those do.
"""

import errno
import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from danlu.core.objective import Objective
from danlu.core.trial import Decision, Trial
from danlu.errors import StudyError
from danlu.programs.arguments import Arguments, as_value, paths_of
from danlu.programs.failure import failure, mute, why_not_run
from danlu.programs.guarded import Guarded
from danlu.programs.lines import Lines
from danlu.programs.merge import OUTPUT, Merge, Report
from danlu.programs.output import Output
from danlu.programs.placeholder import filled, placeholders
from danlu.programs.reading import Source
from danlu.programs.resumption import SETTLED, Resumption, Saved, saved_by
from danlu.programs.routes import PLACES, check_placeholders, routes, written_path
from danlu.programs.script import Script, place_of_script, read_script
from danlu.programs.style import written
from danlu.programs.template import read_document
from danlu.programs.watch import Watch
from danlu.space import Space
from danlu.space.value import MISSING, Value

_TICK = 0.1  # seconds between looks at the files that the program writes


@dataclass(frozen=True)
class Launch:
    """What a trial runs.

    Attributes:
        command: with all values.
        environment: variables beside those of this process.
        files: path -> text, of what must be written before.
        places: what placeholders beside hyperparameters stand for.
    """

    command: list[str]
    environment: dict[str, str]
    files: dict[Path, str]
    places: dict[str, str]


@dataclass(frozen=True)
class Program:
    """Runs a command as a trial.

    A value goes in where its placeholder stands ({lr}, in the command, in `environment` or in a template), else where
    the command has it already, else where a template has a key of its name, else as one more argument. {trial}, {seed}
    and {folder} (the trial's own, for outputs) are placeholders too, {config} is the path of the file that was written
    from the first template. The program finds DANLU_TRIAL, DANLU_SEED and DANLU_FOLDER in its environment. There is
    never a shell.

    Attributes:
        command: the program and its arguments.
        arguments: how values become arguments.
        templates: config files that are written for each trial; in the command, the path of what was written stands in
            the place of the template's.
        environment: variables beside those of this process.
        folder: in which the program runs, and where relative paths begin.
        grace: seconds between SIGTERM and SIGKILL.
        watch: where metrics are looked for.
        resumption: how it can be paused and go on; None if it can't.
        objectives: what the study is after; `tune` says it.
    """

    command: Sequence[str]
    arguments: Arguments = field(default_factory=Arguments)
    templates: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = field(default_factory=os.getcwd)
    grace: float = 10.0
    watch: Watch = field(default_factory=Watch)
    resumption: Resumption | None = None
    objectives: tuple[Objective, ...] = ()

    @property
    def can_pause(self) -> bool:
        """Whether a trial can be paused and go on later."""
        return self.resumption is not None

    @property
    def name(self) -> str:
        """What people call it: its script, its module, or itself."""
        word = self.command[place_of_script(self.command)]
        return Path(word).stem if "/" in word or word.endswith((".py", ".sh")) else word.rpartition(".")[2]

    def __call__(self, trial: Trial, config: Mapping[str, Value]) -> dict[str, float]:
        """Runs the program; returns the last values of metrics that no report had.

        Raises:
            ProgramFailed: it ended badly, or never gave the first objective.
        """
        home = Path(trial.folder)
        launch = self.launch(config, trial.number, trial.seed, home)
        for path, text in launch.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        resumption = self.resumption
        if resumption is not None and (checkpoint := resumption.restored(trial, home)) is not None:
            launch.command.extend(resumption.command(checkpoint))
        saved = None if resumption is None else saved_by(resumption, Path(self.folder), launch.places)
        with Output(home / "log.txt") as output:
            output.head(f"$ {shlex.join(launch.command)}")
            merge = self._followed(trial, launch, home, output, saved)
        if resumption is not None and saved is not None:
            time.sleep(SETTLED)
            resumption.keep(trial, saved.newest())
        return {} if merge is None else merge.untold()

    def _followed(self, trial: Trial, launch: Launch, home: Path, output: Output, saved: Saved | None) -> Merge | None:
        """Runs the program to its end, and tells the study what it says; None if it was ended before."""
        merge = Merge(self._metrics(False), trial.step or None, self._metrics(True), bool(self.watch.files))
        lines, channel, files = self.watch.sources(Path(self.folder), home, launch.places, merge.wanted)
        environment = {**os.environ, **launch.environment, **channel.environment}
        with Guarded(launch.command, environment, self.folder, self.grace) as running:
            pieces = _pieces(running, output, lines, [channel, *files], merge)
            for step, metrics in (report for piece in pieces for report in piece):
                decision = trial.report(step, **metrics)
                if decision is Decision.CONTINUE:
                    continue
                if decision is Decision.PAUSE and saved is not None:
                    _await_saved(pieces, saved)
                running.end()
                _drain(running, output)
                return None
        self._check(running, output, merge, launch.command[0])
        return merge

    def launch(self, config: Mapping[str, Value], number: int, seed: int, home: Path) -> Launch:
        """What a trial runs.

        Raises:
            StudyError: a value goes nowhere, or a template can't be read.
        """
        places = {"trial": str(number), "seed": str(seed), "folder": str(home)}
        written_to = {template: written_path(home, template) for template in self.templates}
        if written_to:
            places["config"] = str(next(iter(written_to.values())))
        paths = paths_of(config, {name: [value] for name, value in config.items()})
        documents = [read_document(Path(self.folder, template), config, places) for template in self.templates]
        script = self._script
        ways = routes(paths, self.command, self._texts(), documents, self.arguments, script)
        files = {
            path: document.write({name: config[h] for h, name in keys.items()})
            for path, document, keys in zip(written_to.values(), documents, ways.keys, strict=True)
        }
        command = self.arguments.placed(self.command, {name: config[name] for name in ways.flags}, paths, script)
        texts = places | {name: written(value) for name, value in config.items()}
        filled_in = [filled(self._instead(word, written_to), texts) for word in command]
        said = {name: filled(value, texts) for name, value in self.environment.items()}
        own = {f"DANLU_{name.upper()}": places[name] for name in ("trial", "seed", "folder")}
        environment = {"PYTHONUNBUFFERED": "1", **own, **said}
        return Launch([_found(filled_in[0]) or filled_in[0], *filled_in[1:]], environment, files, places)

    def fitted(self, space: Space, objectives: Iterable[Objective]) -> "tuple[Program, Space]":
        """The program that knows what the study is after, and the space with the script's own values as defaults.

        Raises:
            StudyError: the program can't be executed, a placeholder names no hyperparameter, a hyperparameter goes
                nowhere.
        """
        fitted = replace(self, objectives=tuple(objectives))
        fitted._check_executable()
        if not len(space):
            raise StudyError(
                "there is nothing to tune. Say what may be tried: --space 'lr=1e-5..1e-1 log', or [space] in a "
                "study.toml; danlu init drafts one from the script."
            )
        check_placeholders([*self.command, *self.environment.values()], [*space.names, *PLACES])
        paths = paths_of(space.names, _options(space))
        # a template may be well formed only once its placeholders are filled
        middles = {h.name: h.dimension.middle() for h in space.hyperparameters}
        some = {"trial": "0", "seed": "0", "folder": self.folder, "config": ""}
        documents = [read_document(Path(self.folder, t), middles, some) for t in self.templates]
        script = self._script
        defaults = {}
        for name, path in paths.items():
            way = routes({name: path}, self.command, self._texts(), documents, self.arguments, script)
            keyed = [
                document.values[keys[name]] for document, keys in zip(documents, way.keys, strict=True) if name in keys
            ]
            word = self.arguments.called(self.command, {name: path}, script)[name]
            said = keyed[0] if keyed else self.arguments.said(self.command, word, script)
            dimension = space[name]
            if (
                said is not MISSING
                and dimension.default is MISSING
                and (value := as_value(said, dimension)) is not None
            ):
                defaults[name] = value
        return fitted, space.with_defaults(defaults)

    def check_apart(self) -> None:
        """Raises `StudyError` if trials that run at a time would write to the same files."""
        for path in (*self.watch.files, *([self.resumption.checkpoint] if self.resumption else [])):
            if not {"folder", "trial"}.intersection(placeholders([path])):
                raise StudyError(
                    f"all trials would write to {path!r}, several at a time. Let each write to its own folder: put "
                    f"{{folder}} into the command, and look at {{folder}}/{path} instead; or use workers=1."
                )

    @property
    def _script(self) -> Script:
        return read_script(self.command, Path(self.folder))

    def _texts(self) -> list[str]:
        """Where placeholders may stand."""
        files = [
            Path(self.folder, template).read_text(encoding="utf-8", errors="replace") for template in self.templates
        ]
        return [*self.command, *self.environment.values(), *files]

    def _metrics(self, bound: bool) -> list[str]:
        return [o.metric for o in self.objectives if (o.bound is not None) is bound]

    def _instead(self, word: str, written_to: Mapping[str, Path]) -> str:
        """A word of the command, with the path of what was written in place of a template's."""
        head, equals, path = word.rpartition("=")
        for template, instead in written_to.items():
            if path and os.path.normpath(path) == os.path.normpath(template):
                return f"{head}{equals}{instead}"
        return word

    def _check(self, running: Guarded, output: Output, merge: Merge, program: str) -> None:
        assert running.exit is not None
        if running.exit.status != 0:
            raise failure(self.name, running.exit, output.last(100), program if "python" in program else "")
        missing = next((goal for goal in self._metrics(False) if goal not in merge.last), None)
        if missing is not None:
            raise mute(missing, merge.seen, output.last(5), self.watch.words)

    def _check_executable(self) -> None:
        if not self.command:
            raise StudyError("the command is empty. Say what to run: danlu run ... -- python train.py")
        word = self.command[0]
        path = Path(self.folder, word) if os.sep in word else Path(_found(word) or "")
        if os.sep in word and path.is_file() and not os.access(path, os.X_OK):
            raise StudyError(f"{word!r} {why_not_run(errno.EACCES)}")
        if not path.is_file():
            beside = os.sep not in word and Path(self.folder, word).is_file()
            hint = f" There is ./{word}: name it so, or put its interpreter in front." if beside else ""
            raise StudyError(f"{word!r} {why_not_run(errno.ENOENT)}{hint}")


def _pieces(
    running: Guarded, output: Output, lines: Lines, others: Sequence[Source], merge: Merge
) -> Iterator[list[Report]]:
    """The reports of a program, piece by piece as they are due, ten times a second at least, until it has ended."""
    while running.exit is None:
        yield merge.take(lines.feed(output.write(running.read(_TICK))), OUTPUT)
        for place, source in enumerate(others, 1):
            yield merge.take(source.read(), place)
    while data := running.read(0):  # what it printed last
        yield merge.take(lines.feed(output.write(data)), OUTPUT)
    for place, source in enumerate(others, 1):
        yield merge.take(source.close(), place)
    yield merge.take(lines.end(), OUTPUT)
    yield merge.end()


def _await_saved(pieces: Iterator[list[Report]], saved: Saved) -> None:
    """Lets a program go on until it has saved what it has just reported, or reports again: scripts print, then save."""
    now = time.time()
    for piece in pieces:
        if piece or saved.newest(since=now) is not None:
            return


def _drain(running: Guarded, output: Output) -> None:
    """Takes down what a program says while it is being ended."""
    while running.exit is None:
        output.write(running.read(_TICK))
    output.write(running.read(0))


def _found(word: str) -> str | None:
    """The program of a name; Python itself where there is none that is called so."""
    return shutil.which(word) or (sys.executable if word in ("python", "python3") else None)


def _options(space: Space) -> dict[str, list[Value]]:
    """Choice -> its options that open a branch."""
    options: dict[str, list[Value]] = {}
    for h in space.hyperparameters:
        if h.parent is not None and h.option is not None:
            options.setdefault(h.parent, []).append(h.option)
    return options
