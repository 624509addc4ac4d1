"""What may be tried: dimensions, spaces, configs, and the ways to declare them."""

from danlu.space.belief import Likely
from danlu.space.choice import Choice
from danlu.space.constraint import Constraint
from danlu.space.dataclass import dataclass_of
from danlu.space.declare import Declaration, config_of, declare, instance, space_of
from danlu.space.dimension import Dimension
from danlu.space.hyperparameter import Hyperparameter
from danlu.space.numeric import Float, Int
from danlu.space.space import Config, Space
from danlu.space.text import (
    format_dimension,
    from_json,
    from_toml,
    parse_dimension,
    parse_item,
    parse_space,
    space_of_items,
    to_json,
    to_toml,
)
from danlu.space.value import Value

__all__ = [
    "Choice",
    "Config",
    "Constraint",
    "Declaration",
    "Dimension",
    "Float",
    "Hyperparameter",
    "Int",
    "Likely",
    "Space",
    "Value",
    "config_of",
    "dataclass_of",
    "declare",
    "format_dimension",
    "from_json",
    "from_toml",
    "instance",
    "parse_dimension",
    "parse_item",
    "parse_space",
    "space_of",
    "space_of_items",
    "to_json",
    "to_toml",
]
