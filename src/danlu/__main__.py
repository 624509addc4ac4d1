"""`python -m danlu`, where the command `danlu` is not on the path."""

from danlu.cli.main import main

main()
