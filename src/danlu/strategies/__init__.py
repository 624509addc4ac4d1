"""How to search: one file per strategy, each a frozen dataclass with two pure methods."""
