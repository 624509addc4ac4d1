"""How the options of a script are read: one framework a file."""
