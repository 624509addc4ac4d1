"""Parcels: a training function, wherever it was defined, packed for another process.

What a worker can import travels as a name, everything else as itself: functions of `__main__` and of notebooks
(cloudpickle does that), and functions of modules that only this process knows, such as a file loaded by its path.
"""

import functools
import importlib
import io
import sys
import typing
from collections.abc import Callable
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import cloudpickle

from danlu.errors import RunnerError

_CACHED = type(functools.cache(lambda: None))


def packed(train: Callable[..., Any], where: str, otherwise: str = "") -> bytes:
    """A training function as a parcel.

    Args:
        train: the function.
        where: it is sent, in words.
        otherwise: what can be done instead of mending the function, in words.

    Raises:
        RunnerError: it can't be packed.
    """
    try:
        return pack(train)
    except Exception as error:
        raise RunnerError(
            f"the training function can't be sent to {where}: {type(error).__name__}: {error}. "
            f"Open files, models and locks inside the function, not outside{otherwise and f'; or {otherwise}'}."
        ) from error


def pack(function: Any) -> bytes:
    """The function with all that it uses; `cloudpickle.loads` unpacks it."""
    file = io.BytesIO()
    pickler = _Pickler(file)
    try:
        pickler.dump(function)
    finally:
        for module in pickler.private:
            cloudpickle.unregister_pickle_by_value(module)
        for owner, annotations in pickler.resolved:
            owner.__annotations__ = annotations
    return file.getvalue()


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Attributes:
    private: modules that a worker can't import.
    resolved: whose annotations were changed for the journey, and what they were.
    """

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.private: list[ModuleType] = []
        self.resolved: list[tuple[Any, dict[str, Any]]] = []

    def reducer_override(self, obj: Any) -> Any:
        # a module object of a class of its own, as torch.backends.mps is; cloudpickle would take it for an instance
        if isinstance(obj, ModuleType) and type(obj) is not ModuleType and (name := _name_of(obj)):
            return importlib.import_module, (name,)
        if isinstance(obj, _CACHED):  # pickles as its bare name, which only this process knows
            return _cached, (obj.__wrapped__, obj.cache_parameters())
        if isinstance(obj, (FunctionType, type)):
            module = sys.modules.get(obj.__module__ or "")
            self._keep(module)
            if module is not None and (module.__name__ == "__main__" or module in self.private):
                self._resolve(obj, vars(module))
        return super().reducer_override(obj)

    def _keep(self, module: ModuleType | None) -> None:
        if module is None or module.__name__ == "__main__" or _is_importable(module.__name__.partition(".")[0]):
            return
        if module.__name__ not in cloudpickle.list_registry_pickle_by_value():
            cloudpickle.register_pickle_by_value(module)
            self.private.append(module)

    def _resolve(self, owner: Any, names: dict[str, Any]) -> None:
        """Turns annotations that are texts into what they stand for: a worker has no module to look the names up in."""
        annotations = vars(owner).get("__annotations__") if isinstance(owner, type) else owner.__annotations__
        if annotations and any(isinstance(hint, str) for hint in annotations.values()):
            self.resolved.append((owner, annotations))
            owner.__annotations__ = {name: _hint(hint, names) for name, hint in annotations.items()}


def _hint(hint: Any, names: dict[str, Any]) -> Any:
    """What an annotation stands for; itself, if it names what is imported for type checkers only."""
    try:
        return typing.get_type_hints(SimpleNamespace(__annotations__={"it": hint}), names, include_extras=True)["it"]
    except (NameError, AttributeError, TypeError, SyntaxError):
        return hint


def _cached(function: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    return functools.lru_cache(**parameters)(function)


def _name_of(module: ModuleType) -> str | None:
    """The name under which a module can be imported; its own word for it may be another."""
    if sys.modules.get(module.__name__) is module:
        return module.__name__
    return next((name for name, known in list(sys.modules.items()) if known is module), None)


def _is_importable(package: str) -> bool:
    """Whether another process with our path would find the package, loaded here or not."""
    return any(hasattr(finder, "find_spec") and finder.find_spec(package, None) for finder in sys.meta_path)
