from .config import default_argument_parser

__all__ = ["default_argument_parser"]
