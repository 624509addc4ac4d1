r"""Pattern: a user's own description of the lines that hold metrics.

Either a regular expression with named groups, `(?P<step>\d+).*val_loss=(?P<val_loss>\S+)`, or a template that looks
like the line: `epoch {epoch}: val {val_loss}`, where spaces stand for any space and each name in braces for a number.
Groups called step, epoch, iter and so on are counts, all others are metrics of that name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from danlu.errors import ObjectiveError
from danlu.programs.naming import normal
from danlu.programs.number import number
from danlu.programs.steps import count

_HOLE = re.compile(r"\{([^{}]*)\}")
_NUMBER = r"[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s?%?|[-+]?(?:nan|inf(?:inity)?)"


@dataclass(frozen=True)
class Pattern:
    """A compiled pattern.

    Attributes:
        expression: what is searched for in each line.
        names: group of the expression -> name of the count or metric.
    """

    expression: re.Pattern[str]
    names: dict[str, str]

    def found(self, line: str) -> Iterator[tuple[dict[str, float], dict[str, float]]]:
        """Counts and metrics of each place that matches; what is no number there is left out."""
        for match in self.expression.finditer(line):
            counts: dict[str, float] = {}
            metrics: dict[str, float] = {}
            for group, name in self.names.items():
                value = number((match[group] or "").strip(" ,;:)]}'\""))
                if value is not None:
                    unit = count(name)
                    (metrics if unit is None else counts)[unit or normal(name) or name] = value
            if metrics:
                yield counts, metrics


def compiled(pattern: str) -> Pattern:
    """The pattern that a user has written, as a regular expression or as a template.

    Raises:
        ObjectiveError: it names no metric, or is no regular expression.
    """
    if "(?P<" in pattern:
        expression = _expression(pattern, pattern)
        names = {group: group for group in expression.groupindex}
    else:
        holes = _HOLE.findall(pattern)
        names = {f"hole{k}": hole.strip() for k, hole in enumerate(holes)}
        expression = _expression(_from_template(pattern), pattern)
    if all(count(name) for name in names.values()) or not all(map(normal, names.values())):
        raise ObjectiveError(
            f"the pattern {pattern!r} names no metric. Name each in braces, as in 'epoch {{epoch}}: val {{val_loss}}', "
            f"or as a group of a regular expression, (?P<val_loss>\\S+)."
        )
    return Pattern(expression, names)


def _from_template(template: str) -> str:
    parts = _HOLE.split(template)  # text, name, text, ..., text
    texts = [r"\s+".join(re.escape(word) for word in re.split(r"\s+", text)) for text in parts[::2]]
    holes = [f"(?P<hole{k}>{_NUMBER})" for k in range(len(parts) // 2)] + [""]
    return "".join(text + hole for text, hole in zip(texts, holes, strict=True))


def _expression(expression: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(expression, re.IGNORECASE)
    except re.error as error:
        raise ObjectiveError(f"the pattern {pattern!r} is no regular expression: {error}.") from None
