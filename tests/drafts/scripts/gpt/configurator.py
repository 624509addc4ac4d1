"""Poor man's configurator: turns --key=value into globals, in the style of nanoGPT."""

import sys
from ast import literal_eval

for arg in sys.argv[1:]:
    key, _, val = arg.removeprefix("--").partition("=")
    if key not in globals():
        raise ValueError(f"Unknown config key: {key}")
    try:
        attempt = literal_eval(val)
    except (SyntaxError, ValueError):
        attempt = val
    globals()[key] = attempt
