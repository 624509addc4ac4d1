"""Every exception that Danlu raises for what a user can mend.

DanluError
├── SpaceError          a hyperparameter is declared wrongly, or a config does not fit the space
├── ObjectiveError      an objective, a metric name or a metric's value is wrong
├── StrategyError       a strategy's settings do not fit each other or the space
│   └── NotImported     a journal names a strategy of a module that nobody has imported
├── StudyError          a call that the study can't serve: an unknown trial, a trial that has ended, another space
│   ├── StudyBusy       another process runs the trials of this study
│   └── StudyFailed     so many trials failed in the same way that no more were started
├── StoreError          the journal can't be read or written: disk full, read-only, damaged
│   └── Conflict        somebody else appended first; read again, decide again
├── DraftError          a script can't be read, or has no options of which a search could be made
├── ArtifactError       a value can't be kept under that name: an image of the wrong shape, an unsafe name
├── RunnerError         the trials can't be run: a function that can't be sent to a worker, no such device
├── ProgramFailed       the program of a trial ended badly
│   ├── ProgramOutOfMemory  for want of memory
│   ├── ProgramKilled       somebody else ended it
│   └── ProgramMute     it ended well, but never gave the metric that is looked for (an ObjectiveError, too)
└── UnknownName         no strategy, store, runner or picture of that name
"""


class DanluError(Exception):
    """Something that the user of Danlu can mend; the message says what was expected, what came, what to do."""


class SpaceError(DanluError, ValueError):
    """A hyperparameter is declared wrongly, or a config does not fit the space."""


class ObjectiveError(DanluError, ValueError):
    """An objective, a metric name or a metric's value is wrong."""


class StrategyError(DanluError, ValueError):
    """A strategy's settings do not fit each other or the space."""


class NotImported(StrategyError):
    """A journal names a strategy of a module that nobody has imported; it comes from anywhere, so it must not be."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the journal names the strategy {name!r}, and no code is imported because a journal says so. If you trust "
            f"it, import {name.partition(':')[0]} first, or say which strategy is to be used: strategy=, --strategy."
        )


class StudyError(DanluError, RuntimeError):
    """A call that the study can't serve in the state it is in."""


class StudyBusy(StudyError):
    """Another process runs the trials of this study."""


class StudyFailed(StudyError):
    """So many trials failed in the same way that no more were started."""


class StoreError(DanluError, OSError):
    """The journal can't be read or written."""


class Conflict(StoreError):
    """Somebody else appended at this position first: read what is new, then decide again."""


class DraftError(DanluError, ValueError):
    """A script can't be read, or has no options of which a search could be made."""


class ArtifactError(DanluError, ValueError):
    """A value can't be kept under that name."""


class RunnerError(DanluError, RuntimeError):
    """The trials can't be run as asked."""


class ProgramFailed(DanluError, RuntimeError):
    """The program of a trial ended badly; what it printed says more than a traceback of ours.

    Attributes:
        reason: of the trial's failure.
    """

    reason = "exception"


class ProgramOutOfMemory(ProgramFailed):
    """The program of a trial ended for want of memory."""

    reason = "out of memory"


class ProgramKilled(ProgramFailed):
    """Somebody else ended the program of a trial, which is hardly its config's fault."""

    reason = "died"


class ProgramMute(ProgramFailed, ObjectiveError):
    """The program of a trial never gave the metric that is looked for."""


class UnknownName(DanluError, LookupError):
    """No strategy, store, runner or picture has that name."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        import difflib

        close = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        super().__init__(f"no {kind} {name!r}.{hint} Known: {', '.join(sorted(known))}.")
