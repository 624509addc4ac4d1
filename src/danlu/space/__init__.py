"""What may be tried: dimensions, spaces, configs, and the ways to declare them."""

from danlu.space.dimension import Choice, Dimension, Float, Int, Value
from danlu.space.space import Config, Hyperparameter, Space

__all__ = ["Choice", "Config", "Dimension", "Float", "Hyperparameter", "Int", "Space", "Value"]
