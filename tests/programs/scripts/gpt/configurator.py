"""Turns arguments into global variables: a file that is executed, or --key=value, whose type must be the variable's."""

import sys
from ast import literal_eval

for arg in sys.argv[1:]:
    if '=' not in arg:
        assert not arg.startswith('--')
        print(f"Overriding config with {arg}:")
        exec(open(arg).read())
        continue
    assert arg.startswith('--')
    key, val = arg[2:].split('=', 1)
    if key not in globals():
        raise ValueError(f"Unknown config key: {key}")
    try:
        attempt = literal_eval(val)
    except (SyntaxError, ValueError):
        attempt = val
    assert type(attempt) == type(globals()[key])
    print(f"Overriding: {key} = {attempt}")
    globals()[key] = attempt
