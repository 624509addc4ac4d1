"""Draft: a study.toml for a script as it is, with a comment on every line, to be read before it is run."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from danlu.drafts.advice import Advice, words
from danlu.drafts.compared import with_compared
from danlu.drafts.divisible import divisions
from danlu.drafts.metrics import Candidate, Goal, candidates
from danlu.drafts.option import Option, Switch
from danlu.drafts.outputs import output_arguments, outputs, resuming
from danlu.drafts.plan import MOST, Plan, plan, space_of
from danlu.drafts.readers.reading import Reading, Style
from danlu.drafts.script import Script
from danlu.space import Choice, Float, Int, Space
from danlu.space.expression import quoted
from danlu.space.text import format_dimension, to_toml

_PATTERNS = {Style.FLAG: "--name value", Style.EQUALS: "--name=value", Style.BARE: "name=value"}
_BOOLEANS = {Switch.ON: "flag", Switch.PAIR: "pair", Switch.VALUE: "value"}
_DOTTED = ("tyro", "LightningCLI", "jsonargparse")  # of which danlu run knows that names are whole
_MONITORS = ("monitor", "optimized_metric", "metric_for_best_model", "eval_metric")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_WIDEST = 48  # of a line before its comment, for comments in one column
_LONGEST = 100  # of a comment
_TRIALS = 50
_LOSS = re.compile(r"smooth|weight|lambda|coeff?|alpha|temperature|margin|focal|mixup|cutmix|loss|penalty|label")
_NUMBER = re.compile(r"(?<!\w)(?<!\w\.)(?:\d+\.\d+(?:e-?\d+)?|\d+e-?\d+)(?!\w)")
_WEIGHT_DECAY = re.compile(r"weight_?decay|decay_weight")


@dataclass(frozen=True)
class Draft:
    """What can be said of a script's search.

    Attributes:
        script: whose it is.
        reading: what it can be told.
        plan: what of that is tuned.
        objectives: what it might be after, the likeliest first.
        folder: in which the study.toml will lie; its command begins there.
    """

    script: Script
    reading: Reading
    plan: Plan
    objectives: tuple[Candidate, ...]
    folder: Path

    @cached_property
    def space(self) -> Space:
        """What is searched over, in the script's own words."""
        return space_of(sorted(self.plan.tuned, key=_opens))  # a table comes after all short texts

    @cached_property
    def where(self) -> tuple[str, ...]:
        """Constraints between what is tuned, and what is not."""
        tuned = {item.option.name for item in self.plan.tuned}
        found = []
        for multiple, divisor in divisions(self.script, self.reading.options):
            if not tuned & {multiple.name, divisor.name}:
                continue
            sides = [_operand(option, option.name in tuned) for option in (multiple, divisor)]
            if "" not in sides and _divides(multiple, divisor):
                found.append(f"{sides[0]} % {sides[1]} == 0")
        return tuple(dict.fromkeys(found))

    @cached_property
    def command(self) -> tuple[str, ...]:
        """How the script is run without a search."""
        path = Path(os.path.relpath(self.script.path.resolve(), self.folder.resolve()))
        words = ["python", path.as_posix()]
        if self.script.is_of_package and ".." not in path.parts:
            words = ["python", "-m", ".".join(path.with_suffix("").parts)]
        words += [self.plan.command] * bool(self.plan.command)
        for item in self.plan.tuned:  # -lr 0.1: the style of the others is not for it
            flag = item.option.flag
            if flag.startswith("-") and not flag.startswith("--") and self.reading.style is Style.FLAG:
                words += [flag, f"{{{item.option.name}}}"]
        return (*words, *output_arguments(self.reading, self.plan.command))

    @cached_property
    def asked(self) -> tuple[Option, ...]:
        """What the script wants to be told, and neither the search nor the command says."""
        said = outputs(self.reading.options, self.plan.command)
        return tuple(option for option in self.plan.asked if option not in said)

    @property
    def text(self) -> str:
        """The study.toml."""
        return "\n".join(_lines(self)) + "\n"


def draft(script: Script, reading: Reading, folder: Path, most: int = MOST) -> Draft:
    """The draft for a script.

    Args:
        script: whose options are read.
        reading: what they are.
        folder: in which the study.toml will lie.
        most: how many hyperparameters are tuned.
    """
    reading = replace(reading, options=with_compared(script, reading.options))
    planned = _above_floor(plan(reading, most), reading)
    names = [words(item.option.name) for item in planned.tuned]
    loss_varies = any(_LOSS.search(name) and not _WEIGHT_DECAY.search(name) for name in names)
    return Draft(script, reading, planned, candidates(script, loss_varies) or _monitored(reading), folder)


def _monitored(reading: Reading) -> tuple[Candidate, ...]:
    """The metric that a checkpoint or early stopping watches, as an option says it."""
    for option in reading.options:
        if words(option.name) in _MONITORS and isinstance(option.default, str) and option.default:
            group = option.name.rpartition(".")[0]
            modes = [o.default for o in reading.options if o.name in (f"{group}.mode", "mode")]
            goal: Goal = "maximize" if "max" in modes else "minimize"
            return (Candidate(option.default, goal, "logged", option.name),)
    return ()


def _above_floor(planned: Plan, reading: Reading) -> Plan:
    """The plan, with no learning rate below the one at which the script's schedule ends: it would have to rise."""
    floors = [
        o.default for o in reading.options if words(o.name) in ("min_lr", "lr_min", "eta_min", "end_lr", "final_lr")
    ]
    floor = next((f for f in floors if isinstance(f, float) and f > 0), None)
    if floor is None:
        return planned
    return replace(planned, tuned=tuple(_raised(item, floor) if item.rank == 0 else item for item in planned.tuned))


def _raised(item: Advice, floor: float) -> Advice:
    d = item.dimension
    if not isinstance(d, Float) or not d.log or not d.low < floor < item.option.default:
        return item
    return replace(item, dimension=Float(floor, d.high, log=True, default=d.default))


def _operand(option: Option, is_tuned: bool) -> str:
    """An option in a constraint: its name, or its default where it is not tuned; "" if that is not known."""
    if is_tuned:
        return quoted(option.name)
    return str(option.default) if isinstance(option.default, int) and option.default > 1 else ""


def _divides(multiple: Option, divisor: Option) -> bool:
    a, b = multiple.default, divisor.default
    return isinstance(a, int) and isinstance(b, int) and b > 0 and a % b == 0


# the text -------------------------------------------------------------------------------------------------------------


def _lines(draft: Draft) -> Iterator[str]:
    name, framework = draft.script.path.name, draft.reading.framework
    yield f"# A search over the options of {name}, as danlu init drafted it; read by the rules of {framework}."
    how = "was run up to its parser" if draft.reading.was_run else "was read, not run"
    yield f"# The script {how}. What is commented out can be tuned as well: remove the #."
    yield ""
    yield f"command = [{', '.join(map(_quoted, draft.command))}]"
    if any("{folder}" in word for word in draft.command):
        yield "# {folder} is the trial's own: what it writes stays apart from that of the others"
    yield from _asked(draft)
    yield from _objectives(draft)
    yield f"trials = {_TRIALS}"
    yield from _budget(draft)
    yield from ("", "[program]", f"style = {_quoted(_PATTERNS[draft.reading.style])}")
    booleans = {_BOOLEANS[i.option.switch] for i in draft.plan.tuned if i.option.switch is not None}
    if len(booleans) == 1:
        yield f"booleans = {_quoted(booleans.pop())}"
    yield from _names(draft)
    if resume := resuming(draft.reading, draft.plan.command):
        yield '# checkpoint = "{folder}/NAME.pt"  # what it saves, a path or a pattern; then trials can be paused:'
        yield f"# resume = {_quoted(resume)}"
    if draft.objectives and draft.objectives[0].way == "logged":
        places = {"LightningCLI": "{folder}/lightning_logs"}.get(draft.reading.framework, "FILE")
        yield f'# csv = "{places}"          # where the metric is written, if not to the screen; or:'
        yield f'# tensorboard = "{places}"'
    yield from ("", "[space]")
    yield from _space_lines(draft)
    yield from _left(draft)


def _names(draft: Draft) -> Iterator[str]:
    """What dotted names are called on the command line, where that is not known of the framework."""
    names = [item.option.name for item in draft.plan.tuned if "." in item.option.name]
    if names and draft.reading.style is not Style.BARE and draft.reading.framework not in _DOTTED:
        yield f"names = {{ {', '.join(f'{_quoted(name)} = {_quoted(name)}' for name in names)} }}"


def _asked(draft: Draft) -> Iterator[str]:
    if draft.reading.framework == "HfArgumentParser" and "do_train" in draft.script.main.text:
        yield "# It trains and evaluates only if told so: add --do_train and --do_eval to the command."
    if draft.asked:
        names = ", ".join(option.flag or option.name for option in draft.asked)
        yield f"# {draft.script.path.name} won't run without {names}: add it to the command."


def _objectives(draft: Draft) -> Iterator[str]:
    if not draft.objectives:
        yield '# minimize = "val_loss"  # no metric was found in what the script prints: say which one it is to be'
        return
    rows = []
    for k, candidate in enumerate(draft.objectives):
        note = ": found if it goes to TensorBoard, CSV or the screen" if candidate.way == "logged" else ""
        said = f"{candidate.way} in {candidate.place}{note}"
        rows.append((f"{'# ' * (k > 0)}{candidate.goal} = {_quoted(candidate.metric)}", said))
    yield from _columns(rows)


def _budget(draft: Draft) -> Iterator[str]:
    budget = draft.plan.budget
    if budget is not None:
        unit = "epoch" if "epoch" in words(budget.name) else "iteration"
        said = f"{budget.flag or budget.name}: if a metric comes with each {unit}, bad trials stop early"
        yield from _columns([(f"# steps = {int(budget.default)}", said)])


def _space_lines(draft: Draft) -> Iterator[str]:
    rows = [(f"{_key(i.option.name)} = {_value(i)}", i.option.help) for i in draft.plan.tuned if not _opens(i)]
    if not draft.plan.tuned:
        yield "# nothing was found that is worth tuning by its name: uncomment, or add, at least one"
    yield from _columns(rows)
    if draft.where:
        yield f"where = [{', '.join(map(_quoted, draft.where))}]"
    by_reason: dict[str, list[Advice]] = {}
    for item in sorted(draft.plan.offered, key=lambda item: item.rank):
        if item.dimension is not None:
            by_reason.setdefault(item.why or "seldom worth it", []).append(item)
    for reason, items in by_reason.items():
        yield from ("", f"# Not tuned, but might be ({reason}):")
        yield from _columns([(f"# {_key(i.option.name)} = {_value(i)}", i.option.help) for i in items])
    for item in draft.plan.tuned:
        if _opens(item) and item.dimension is not None:
            yield ""
            yield to_toml(Space({item.option.name: item.dimension})).strip()


def _left(draft: Draft) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    said = outputs(draft.reading.options, draft.plan.command)
    for item in draft.plan.left:
        if item.option in said:
            continue
        by_reason.setdefault(item.why, []).append(item.option.name)
    if by_reason:
        yield from ("", "# Left as they are:")
    for reason, names in by_reason.items():
        yield from _wrapped(f"#   {', '.join(names)}", f"#     ({reason})")


def _opens(item: Advice) -> bool:
    return isinstance(item.dimension, Choice) and bool(item.dimension.branches)


def _columns(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Lines with their comments in one column."""
    rows = [(line, _comment(comment)) for line, comment in rows]
    width = max((len(line) for line, comment in rows if comment and len(line) <= _WIDEST), default=0)
    for line, comment in rows:
        yield f"{line:{width}}  # {comment}" if comment else line


def _comment(text: str) -> str:
    """A text on one line, without what TOML refuses in a comment."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1].rsplit(' ', 1)[0]} …"


def _wrapped(names: str, reason: str) -> Iterator[str]:
    line = names
    while len(line) > 110 and ", " in line[:110]:
        head, _, _ = line[:110].rpartition(", ")
        yield f"{_comment_line(head)},"
        line = f"#   {line[len(head) + 2 :]}"
    yield _comment_line(f"{line}  {reason.removeprefix('#     ')}")


def _comment_line(line: str) -> str:
    return "".join(c if c.isprintable() else " " for c in line)


def _key(name: str) -> str:
    return ".".join(part if _BARE_KEY.fullmatch(part) else _quoted(part) for part in name.split("."))


def _quoted(text: str) -> str:
    """A text as TOML has it, all of its signs included."""
    signs = {"\\": "\\\\", '"': '\\"'}
    return '"' + "".join(signs.get(c, c if c.isprintable() else f"\\U{ord(c):08x}") for c in text) + '"'


def _value(item: Advice) -> str:
    """A dimension as TOML has it: a short text wherever that can say it."""
    assert item.dimension is not None
    text = format_dimension(item.dimension)
    if text is None:
        return _inline(item.dimension.to_dict())
    is_number = isinstance(item.dimension, Float | Int) or item.dimension.kinds == {"number"}
    return _quoted(_NUMBER.sub(_short, text) if is_number else text)


def _short(match: re.Match[str]) -> str:
    """A number in its shortest form: 100000.0 is 1e5."""
    number = Decimal(match[0])
    if number == 0 or Decimal("0.001") <= abs(number) < 10_000:
        return format(number, "f") if "." in format(number, "f") else f"{number:f}.0"
    digits, exponent = f"{number.normalize():e}".split("e")
    return f"{digits}e{int(exponent)}"


def _inline(table: dict[str, Any]) -> str:
    return "{ " + ", ".join(f"{_key(key)} = {_plain(value)}" for key, value in table.items()) + " }"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    return _inline(value) if isinstance(value, dict) else repr(value)
