"""Number: what programs write for one.

A percent sign divides by 100: `91.2%` is 0.912, as Keras or scikit-learn would give it, so a bound means the same
whichever way a program prints it. Without the sign a number is what is written: `Acc@1 76.1` is 76.1.
"""

import math
import re

_PLAIN = re.compile(r"[-+]?(?:\d[\d,]*(?:\.\d*)?|\.\d+)(?:e[-+]?\d{1,4})?|[-+]?(?:nan|inf(?:inity)?)", re.I | re.A)
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?!\d|,)")


def number(text: str) -> float | None:
    """The number that a text is; None where it is none."""
    text = text.strip()
    plain, percent = text.removesuffix("%").rstrip(), text.endswith("%")
    if "," in plain:
        if not _THOUSANDS.match(plain):
            return None
        plain = plain.replace(",", "")
    if not _PLAIN.fullmatch(plain):
        return None
    value = float(plain)
    # by its digits, so that 91.2% is 0.912 and not 0.9120000000000001
    return (
        float(f"{plain}e-2") if percent and math.isfinite(value) and "e" not in plain.lower() else value / 100**percent
    )
