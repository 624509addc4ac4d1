"""Cluster: the connection to Ray, and what its nodes have for trials."""

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import ray

from danlu.core.resources import Resources
from danlu.errors import RunnerError

Bundle = Mapping[str, float]
"""Amounts of a node's resources by their names in Ray: CPU, GPU, memory (bytes), custom ones."""


_print = ray._private.worker.print_to_stdstream


def connect(address: str | None) -> bool:
    """Connects to a cluster, quietly; whether this call did it."""
    if ray.is_initialized():
        return False
    is_local = address is None and not os.environ.get("RAY_ADDRESS")
    terms: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    if is_local:
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
        terms |= {"include_dashboard": False, "num_cpus": cpus}
    logger = logging.getLogger("ray")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.init("local" if is_local else address, **terms)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise RunnerError(
            f"no Ray cluster at {address or os.environ.get('RAY_ADDRESS') or 'this machine'}: {first_line(error)}. "
            f"Start one with `ray start --head`, or leave the address out for one on this machine."
        ) from error
    finally:
        logger.setLevel(level)
    # what raylets have to say of each dead worker would flood the terminal; there is no setting for it
    ray._private.worker.print_to_stdstream = lambda *_, **__: None
    return True


def disconnect() -> None:
    """Ends a connection that `connect` made, and a cluster that it started."""
    ray.shutdown()
    ray._private.worker.print_to_stdstream = _print


def bundles_of(
    resources: Resources, placement: Sequence[Bundle] | None, workers: int | None, growing: bool
) -> list[dict[str, float]]:
    """What each trial gets, in Ray's terms; checks that the cluster can give it."""
    nodes = node_resources()
    if placement is not None:
        bundles = [dict(bundle) for bundle in placement]
        if not bundles or not all(bundle and all(amount > 0 for amount in bundle.values()) for bundle in bundles):
            raise RunnerError(f"placement must be a list of tables such as {{CPU = 1, GPU = 1}}, got {placement!r}.")
    else:
        bundles = [_bundle(resources, nodes, workers)]
    missing = what_is_missing(bundles, nodes)
    if missing and not growing:
        raise RunnerError(
            f"no node of the Ray cluster can run a trial: {missing}. Ask for less, add a node, or say growing=True if "
            f"the cluster adds such nodes itself."
        )
    return bundles


def _bundle(resources: Resources, nodes: Sequence[Bundle], workers: int | None) -> dict[str, float]:
    devices = [node.get("GPU", 0.0) for node in nodes]
    cpus, gpus = resources.cpus, resources.gpus
    if cpus is None:
        cpus = 1.0 if workers is None else share([node.get("CPU", 0.0) for node in nodes], workers, float("inf"))
    if gpus is None:
        gpus = share(devices, workers or 1, 1.0) if any(devices) else 0.0
    memory = float(int(resources.memory * 1e9)) if resources.memory else 0.0
    every = {"CPU": cpus, "GPU": gpus, "memory": memory, **resources.custom}
    return {name: amount for name, amount in every.items() if amount > 0}


def what_is_missing(bundles: Sequence[Bundle], nodes: Sequence[Bundle]) -> str | None:
    """Why no node, as large as it is, could ever take one of the bundles; None if each has a place."""
    for bundle in bundles:
        if any(all(node.get(name, 0.0) >= amount for name, amount in bundle.items()) for node in nodes):
            continue
        lacks = []
        for name, amount in bundle.items():
            most = max((node.get(name, 0.0) for node in nodes), default=0.0)
            if most < amount:
                lacks.append(f"{_amount(name, amount)}, and the largest node has {_amount(name, most)}")
        return f"it needs {'; '.join(lacks) or 'all of ' + described(bundle) + ' on one node'}"
    return None


def share(amounts: Sequence[float], count: int, most: float) -> float:
    """The largest share, n or 1/n, at most `most`, of which `count` fit on nodes with these amounts."""
    whole = [float(n) for n in range(int(min(most, max(amounts, default=0.0))), 0, -1)]
    parts = [1 / n for n in range(2, count + 1)]
    for size in [*whole, *parts]:
        if sum(int(amount / size + 1e-9) for amount in amounts) >= count:
            return size if size >= 1 else int(size * 10_000) / 10_000  # Ray counts in ten thousandths
    return 1.0


def node_resources(but: frozenset[str] = frozenset()) -> list[dict[str, float]]:
    """What each node that is alive has in all, but for those with these ids."""
    return [dict(node["Resources"]) for node in ray.nodes() if node["Alive"] and node["NodeID"] not in but]


def node_name(address: str, node: str) -> str:
    """What people call a node, from its address and its id; several may be on one machine."""
    return f"{address}/{node[:6]}"


def ids_of(names: frozenset[str]) -> frozenset[str]:
    """The ids of the nodes that have these names."""
    return frozenset(
        node["NodeID"] for node in ray.nodes() if node_name(node["NodeManagerAddress"], node["NodeID"]) in names
    )


def described(bundle: Bundle) -> str:
    """Amounts in words."""
    return ", ".join(_amount(name, amount) for name, amount in bundle.items())


def situation(bundles: Sequence[Bundle]) -> str:
    """Why there is no place for the bundles now, in words."""
    all_, open_ = (_plain(amounts) for amounts in (ray.cluster_resources(), ray.available_resources()))
    missing = what_is_missing(bundles, node_resources())
    hope = f"No node that is there can take one: {missing}." if missing else "They start when some are given back."
    return f"The cluster has {described(all_)}; free are {described(open_) or 'none'}. {hope}"


def first_line(error: BaseException) -> str:
    """What an error says first."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _amount(name: str, amount: float) -> str:
    if name == "memory":
        return f"{amount / 1e9:g} GB of memory"
    return f"{amount:g} {name}{'s' if name in ('CPU', 'GPU') and amount != 1 else ''}"


def _plain(amounts: Mapping[str, float]) -> dict[str, float]:
    """Without Ray's own names for nodes, groups and its object store."""
    return {
        name: amount
        for name, amount in sorted(amounts.items())
        if ":" not in name and "_group_" not in name and name != "object_store_memory"
    }
