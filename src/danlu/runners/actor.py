"""Actor: the process that a trial is in a Ray cluster: its class, what it is asked for, and what it died of."""

import os
import sys
from collections.abc import Mapping
from typing import Any

from danlu.core.runner import Failed
from danlu.runners.cluster import Bundle

_REMEDY = (
    "Danlu and what the training function imports must be installed there too; the runner's setting "
    "runtime_env = {'pip': [...]} does that"
)
_CAUSES = "of SIGKILL (as when memory runs out), of a crash in C code (SIGSEGV), or because it called os._exit"


def actor_class() -> type:
    """The class of the actors. It is local so that it travels by value: only it can say where Danlu is to be found."""

    class Trial:
        def __init__(self, path, folder, *settings):  # type: ignore[no-untyped-def]
            import os
            import sys

            sys.path[:] = [*path, *(entry for entry in sys.path if entry not in path)]
            if os.path.isdir(folder):
                os.chdir(folder)
            import ray

            from danlu.runners.cluster import node_name
            from danlu.runners.station import Station

            node = ray.get_runtime_context().get_node_id()
            self.station = Station(node_name(ray.util.get_node_ip_address(), node), *settings)

        def begin(self, *order):  # type: ignore[no-untyped-def]
            return self.station.begin(*order)

        def answer(self, reply):  # type: ignore[no-untyped-def]
            return self.station.answer(reply)

        def listen(self):  # type: ignore[no-untyped-def]
            return self.station.listen()

        def end(self):  # type: ignore[no-untyped-def]
            return self.station.end()

    return Trial


def search_path() -> list[str]:
    """Where this process finds modules; an actor looks there first."""
    return [entry or os.getcwd() for entry in sys.path]


def options_of(bundle: Bundle, runtime_env: Mapping[str, Any] | None) -> dict[str, Any]:
    """What an actor is asked for that fills a bundle."""
    amounts = dict(bundle)
    options: dict[str, Any] = {
        "num_cpus": amounts.pop("CPU", 0),
        "num_gpus": amounts.pop("GPU", 0),
        "max_restarts": 0,
        "max_task_retries": 0,
        # a call that waits for a message must not keep others out
        "max_concurrency": 2,
    }
    if "memory" in amounts:
        options["memory"] = int(amounts.pop("memory"))
    if amounts:
        options["resources"] = amounts
    if runtime_env is not None:
        options["runtime_env"] = dict(runtime_env)
    return options


def obituary(number: int, error: Exception) -> Failed:
    """What a trial died of."""
    text = str(error)
    if never_began(error):
        return Failed(number, "lost", f"its node can't run trials: {_last(text)}. {_REMEDY}")
    if "memory" in text and "Ray killed this worker" in text:
        return Failed(number, "out of memory", f"the node ran out of memory, and Ray killed the trial: {_last(text)}")
    if "its node has died" in text:
        return Failed(number, "lost", f"its node died: {_last(text)}")
    # Ray doesn't know the exit status
    return Failed(number, "died", f"its worker process died, {_CAUSES}")


def never_began(error: Exception) -> bool:
    """Whether a trial's process could not even begin: others couldn't on that node either."""
    return bool(getattr(error, "actor_init_failed", False))


def _last(text: str) -> str:
    return text.strip().splitlines()[-1].strip()
