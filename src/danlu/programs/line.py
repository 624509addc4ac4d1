"""Line: what one line of a program's output says, found without being told its format.

Three things are looked for: counts (`Epoch 3/10`, `step 250`, `[640/60000 (1%)]`, the bar of tqdm or Keras), metrics
(`loss: 0.3`, `val_acc=91.2%`, `Acc@1 76.1`, `Accuracy: 9904/10000`, `'eval_loss': 0.5`) and a section, which metrics
without one of their own belong to (`Test set: Average loss: 0.03` is `test_average_loss`).

- A percentage is a fraction: `91.2%` and `912/1000` are 0.912.
- `loss: 2.3 (2.5)` is the last batch and the mean over all; it is read as 2.5.
- What only a space parts from its number must be named like a metric; dates, addresses, durations, sizes, settings
  and what else is surely no metric is left out, unless it is asked for.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from danlu.programs.naming import normal
from danlu.programs.number import number
from danlu.programs.steps import count
from danlu.programs.vocabulary import HELD_OUT, SECTIONS, means_metric, means_other, metric_at_end

_LEVELS = "INFO|DEBUG|WARNING|WARN|CRITICAL|TRACE|FATAL|ERROR(?![ \t]*[:=][ \t]*[-+.\\d])"
_EXTENSIONS = (
    "ckpt|pt|pth|bin|safetensors|h5|hdf5|keras|pkl|npz|npy|csv|jsonl?|ya?ml|toml|txt|log|png|jpe?g|tar|gz|zip|py|cpp|cc"
)
_NOISE = re.compile(
    rf"""
    ^[IWEFDC]\d{{4}}[ ]\d\d:\d\d:\d\d\S*\s+\d+\s+\S+\]              # the prefix of absl and glog
    | (?<![\w.])(?:\d{{4}}[-/.]\d\d?[-/.]\d\d?|\d\d?/\d\d?(?=[ ]\d\d:\d\d))T?  # a date
    | (?<![\w.])\d+:\d\d(?::\d\d)?(?:[.,]\d+)?Z?(?![\w])            # a time of day, a duration
    | (?<![\w.])v?\d+(?:\.\d+){{2,}}(?::\d+)?[\w+]*                 # a version, an address
    | \b0x[0-9a-fA-F]+
    | [^\s'"]*\.(?:{_EXTENSIONS})\b(?::\d+)?                        # a file
    | \b(?:{_LEVELS})\b
    | ^\[\d+,\d+\]<\w+>:? | ^\[default\d+\]:? | \[?\brank[ :=_]?\d+\]?(?=[\s:\]])
    """,
    re.VERBOSE,
)
# settings, and what was found where a training goes on
_SETTINGS = re.compile(
    r"\b\w*(?:Namespace|Config|Configuration|Args|Arguments|Options|Params|Settings|Parameters)\("
    r"|\b(?i:config|configuration|args|arguments|options|hyper-?parameters|settings)\s*[:=]"
    r"|^\W*(?i:load(?:ing|ed)|resum(?:ing|ed)|restor(?:ing|ed)|overriding)\b"
)
_N = (
    r"(?>[-+]?(?:(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d++)(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d+)?"
    r"|[-+]?(?i:nan|inf(?:inity)?)\b)"
)
_WORD = r"(?!(?i:nan|inf|infinity)\b)[^\W\d](?:[\w@/+-]|\.(?=\w)|'(?=\w))*+"
_SHORTENED = r"(?:(?:[Vv]al(?:id)?|[Tt]rain|[Aa]cc|[Aa]vg|[Ss]td|[Ee]val)\.)"
_PAIR = re.compile(
    rf"""
    (?<![\w@/.+'-])['"]?
    (?P<key>(?:{_SHORTENED}|{_WORD})(?:[ ]{{1,2}}(?:{_SHORTENED}|{_WORD})){{0,4}}(?P<in>[ ]?\([^()]{{1,20}}\))?)
    ['"]?
    (?P<sep>\s*(?:[:=]|->)\s*|\s+(?:of|is|was)\s+|\s+|(?=\[))
    (?:(?:tensor|np\.\w+)\(|[\[('"#]\s*)?
    (?P<value>{_N})(?P<percent>\s?%)?(?!\w|\.\w)
    ['"]?
    (?:\s*/\s*(?P<of>\d+)(?![\w.]))?
    (?:\s*\(\s*(?P<mean>{_N}\s?%?)\s*\))?
    """,
    re.VERBOSE,
)
_BATCH = re.compile(r"\[\s*(\d+)\s*/\s*(\d+)\s*(?:\(\s*\d+(?:\.\d+)?%\s*\)\s*)?\]")
_BAR = re.compile(r"(?<![\w/.])(\d+)/(\d+) \[\d+:\d\d|^\s*(\d+)/(\d+)\s+[\[━╸ ]*[=>.━╸]{3,}|^\s*(\d+)/(\d+) - \d+m?s\b")
_COUNTING = re.compile(r"(?<![\w/.])(\d+)it \[\d+:\d\d")  # a bar that doesn't know its end
_INDEX = re.compile(r"^(?:\[(\d+)\]\s+|(\d+):\s+)(?=[^\W\d])")
# an epoch that isn't called so: timm's `Train: 0 [  10/1251`, `[3, 2000] loss`, `[0/25][10/1583]`
_EPOCH = re.compile(
    r"(?<!\w)train(?:ing)?:?\s+(\d+)(?:/\d+)?\s+(?:\(\s*\d+%\)\s+)?(?=\[)"
    r"|^\[(\d+),\s+\d+\]"
    r"|(?:^|(?<!\w)train(?:ing)?:?\s+)\[(\d+)/\d+\]\s?\[\d+/\d+\]",
    re.IGNORECASE,
)
_PHRASE = re.compile(
    rf"(?i:\b(?P<name>accuracy|loss|perplexity|error rate|score))\s+(?:of|on|for|in)\s(?P<of>[^:=|,;]{{1,80}})"
    rf"(?:[:=]|\bis\b)\s*(?P<value>{_N}(?:\s?%)?)(?!\w|\.\w)"
)
_SECTION = re.compile(
    rf"(?<![^\W_])({'|'.join(sorted(SECTIONS, key=len, reverse=True))})(?![^\W_]|[_/])", re.IGNORECASE
)
_HEADING = re.compile(
    rf"[\W_]*(?:epoch\W+\d+\W+)?({'|'.join(SECTIONS)})"
    r"(?:[ ](?:set|error|errors|results?|metrics|phase|loop|stats|performance|summary|scores?))?[\W_]*",
    re.IGNORECASE,
)
_OPENING = re.compile(r"(?:^|[|:>\])*#;=-])\W*$")


@dataclass
class Said:
    """What a line says.

    Attributes:
        counts: that stand on it, by the names of `steps`.
        metrics: that stand on it, by their normal names, with their section.
        section: that it belongs to; empty where it says none.
        is_bar: whether it is the drawing of a progress bar, which may be drawn again with the same values.
        part: how much of its pass over the data is done, in (0, 1); 1 where it is all, or the line doesn't say.
    """

    counts: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    section: str = ""
    is_bar: bool = False
    part: float = 1.0


def heading(line: str) -> str:
    """The section that a line opens which says nothing else, like `--- Validation ---`; empty where it opens none."""
    found = _HEADING.fullmatch(line) if len(line) < 100 else None
    return found[1].lower() if found else ""


def said(line: str, wanted: Collection[str] = (), section: str = "") -> Said:
    """What a line says.

    Args:
        line: without escape codes.
        wanted: normal names that are metrics whatever they are called.
        section: that the lines before have opened.
    """
    if _SETTINGS.search(line):
        return Said()
    result = Said(section=section)
    _passes(line, result)
    text = _NOISE.sub(" ; ", line)
    if found := _EPOCH.search(text):
        result.counts["epoch"] = float(next(filter(None, found.groups())))
    if phrase := _PHRASE.search(text):
        inside = _SECTION.search(phrase["of"])
        name = normal(f"{inside[1] if inside else ''} {phrase['name']}")
        value = number(phrase["value"])
        return Said(result.counts, {name: value} if value is not None else {}, section)
    doubtful: dict[str, float] = {}
    end = 0
    for pair in _PAIR.finditer(text):
        _enter(text[end : pair.start()], result)
        _take(pair, wanted, result, doubtful)
        end = pair.end()
    _enter(text[end:], result, last=True)
    if result.metrics or result.counts:
        result.metrics |= {name: value for name, value in doubtful.items() if name not in result.metrics}
    return result


def _passes(line: str, result: Said) -> None:
    """Progress through the data, and the index at the beginning of a line."""
    if index := _INDEX.match(line):
        result.counts["iteration"] = float(index[1] or index[2])
    if counting := _COUNTING.search(line):
        result.counts["batch"], result.is_bar = float(counting[1]), True
        return
    bar = _BAR.search(line)
    for found in [bar] if bar else reversed(list(_BATCH.finditer(line))):
        done, total = (float(n) for n in found.groups() if n is not None)
        before = line[: found.start()].rstrip().rpartition(" ")[2].lower().strip(":[(")
        if bar or count(before) is None:  # `Epoch [3/10]` is a count, no part of one
            # the index of the last batch is one less than their number
            result.part = 1.0 if done >= total - (bar is None) else done / total
            result.is_bar = bar is not None
            result.counts["batch"] = done
            return


def _enter(gap: str, result: Said, last: bool = False) -> None:
    """Enters the section that stands between two pairs, at the beginning of a phrase: `Test set:`, `| valid on ...`."""
    for word in _SECTION.finditer(gap):
        is_key = re.match(r"\s+\d", gap[word.end() :])  # `train 2.1s` is a duration
        if _OPENING.search(gap[: word.start()]) and not (last and result.metrics) and not is_key:
            result.section = word[1].lower()


def _take(pair: re.Match[str], wanted: Collection[str], result: Said, doubtful: dict[str, float]) -> None:
    """Takes what a key and a number say: a count, a metric, or nothing."""
    key, inside = pair["key"].removesuffix(pair["in"] or ""), (pair["in"] or "").strip(" ()")
    words = key.split(" ")
    unit = count(key) or count(words[-1])
    section = next((w.lower().rstrip(".") for w in reversed(words) if w.lower().rstrip(".") in SECTIONS), "")
    if inside.lower() in SECTIONS and unit:
        section = inside.lower()
    if unit is not None:
        result.section = section or result.section
        value = number(pair["value"])
        if value is not None and not pair["percent"]:
            result.counts.setdefault(unit, value)
        return
    name = normal(f"{key} {inside}" if re.fullmatch(r"[\w@-]{3,}", inside) else key)
    _measure(name, pair, wanted, result, doubtful, section)


def _measure(
    name: str, pair: re.Match[str], wanted: Collection[str], result: Said, doubtful: dict[str, float], section: str
) -> None:
    is_spaced = not re.search(r"[:=>]", pair["sep"])
    asked = next((w for w in wanted if name == w or name.endswith(f"_{w}")), None)
    if asked is not None and is_spaced:
        name = asked if name.endswith(asked) and not metric_at_end(name) else metric_at_end(name)
    elif is_spaced:
        name = metric_at_end(name)
    else:
        name = _sentence_end(name)
    value = _value(pair)
    if not name or value is None or pair["sep"] == "":
        return
    if name in SECTIONS and asked is None:  # `Validation: 100%`
        result.section = name
        return
    if section:
        result.section = section
    elif result.section and not set(name.split("_")) & SECTIONS:
        name = f"{result.section}_{name}"
    if asked is not None or means_metric(name):
        result.metrics.setdefault(name, value)
    elif not means_other(name):
        doubtful.setdefault(name, value)


def _sentence_end(name: str) -> str:
    """A name without the sentence before it: `saved_with_loss` -> `loss`."""
    return re.split(r"(?:^|_)(?:with|and|the|a|an|got|has|had|for|to|at|in|on|after|current)_(?=.)", name)[-1]


def _value(pair: re.Match[str]) -> float | None:
    """The value: a fraction of a whole, the mean in brackets, or the number itself."""
    value = number(pair["value"] + (pair["percent"] or ""))
    if pair["of"]:
        whole = float(pair["of"])
        return value / whole if value is not None and 0 <= value <= whole and whole > 0 else None
    mean = pair["mean"] or ""
    is_mean = number(mean) is not None and ("." in mean or "n" in mean.lower() or "." not in pair["value"])
    return number(mean) if is_mean else value  # `best: 0.68 (0)` is no mean


def is_held_out(section: str) -> bool:
    """Whether a section is of data that is not trained on."""
    return section in HELD_OUT
