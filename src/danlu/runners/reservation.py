"""Reservations: places for trials in a Ray cluster, each a placement group that is kept from trial to trial.

A place is reserved before a config is suggested for it. So no suggestion grows old in a queue, and what waits (a
reservation that is still pending) is what an autoscaler looks at.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ray.util.placement_group import PlacementGroup, placement_group, placement_group_table, remove_placement_group

from danlu.runners.cluster import Bundle

_LOOK = 0.05  # seconds between looks at what is pending
_UNUSED = 1.0  # seconds after which a place that nobody took says that no more are needed
_IDLE = 10.0  # seconds after which others may have what no trial needs


class Reservations:
    """Places for trials.

    Args:
        bundles: what each trial gets; more than one for a trial that is itself distributed.
        strategy: how the bundles of one trial lie: "PACK", "SPREAD", "STRICT_PACK" or "STRICT_SPREAD".
        limit: how many places to ask for; None for as many as the cluster can give, now and later.
    """

    def __init__(self, bundles: Sequence[Bundle], strategy: str, limit: int | None) -> None:
        self.bundles, self.limit = [dict(bundle) for bundle in bundles], limit
        self._strategy, self._avoided = strategy, frozenset[str]()
        self._nodes: dict[PlacementGroup, list[str]] = {}  # that their bundles lie on
        self._used: list[PlacementGroup] = []
        self._free: list[tuple[float, PlacementGroup]] = []  # since when
        self._pending: list[PlacementGroup] = []
        self._ahead = 1  # how many to ask for at once, where there is no limit
        self._looked, self.pending_since = 0.0, time.monotonic()

    @property
    def free(self) -> int:
        """How many places wait for a trial."""
        return len(self._free)

    @property
    def used(self) -> int:
        """How many places have a trial."""
        return len(self._used)

    def look(self) -> bool:
        """Asks for places, gives back what has long been idle; whether some were granted since the last look."""
        now = time.monotonic()
        if now < self._looked + _LOOK:
            return False
        self._looked = now
        granted = self._granted()
        for group in granted:
            self._pending.remove(group)
            self._free.append((now, group))
        if granted or not self._pending:
            self.pending_since = now
        self._ask(len(granted))
        self._give_up_idle(now)
        return bool(granted)

    def take(self) -> PlacementGroup:
        """A free place."""
        _, group = self._free.pop()
        self._used.append(group)
        return group

    def give_back(self, group: PlacementGroup) -> None:
        """A trial has ended; the next one may have its place."""
        if not self._avoided.isdisjoint(self._nodes.get(group, ())):
            self.give_up(group)
            return
        self._used.remove(group)
        self._free.append((time.monotonic(), group))

    def give_up(self, group: PlacementGroup) -> None:
        """A place is no longer what it was: its node is gone, or avoided."""
        self._used.remove(group)
        self._nodes.pop(group, None)
        remove_placement_group(group)

    def avoid(self, nodes: frozenset[str]) -> None:
        """Reserves nothing more on these nodes, by their ids; trials that are there go on."""
        if nodes == self._avoided:
            return
        self._avoided = nodes
        for group in self._pending:
            remove_placement_group(group)
        self._pending = []
        for place in [place for place in self._free if not nodes.isdisjoint(self._nodes.get(place[1], ()))]:
            self._free.remove(place)
            remove_placement_group(place[1])

    def home(self, group: PlacementGroup) -> str:
        """The id of the node on which a trial's training function runs."""
        return self._nodes[group][0]

    def close(self) -> None:
        """Gives everything back."""
        for group in [*self._used, *self._pending, *(group for _, group in self._free)]:
            remove_placement_group(group)
        self._used, self._pending, self._free = [], [], []

    def _granted(self) -> list[PlacementGroup]:
        if not self._pending:
            return []
        if len(self._pending) == 1:
            states = [placement_group_table(self._pending[0])]
        else:
            table: Mapping[str, Any] = placement_group_table()
            states = [table.get(group.id.hex(), {}) for group in self._pending]
        granted = {
            group: row for group, row in zip(self._pending, states, strict=True) if row.get("state") == "CREATED"
        }
        for group, row in granted.items():
            self._nodes[group] = [node for _, node in sorted(row["bundles_to_node_id"].items())]
        return list(granted)

    def _ask(self, granted: int) -> None:
        if self.limit is not None:
            wanted = self.limit - self.used - self.free
        elif self._free:  # no more than there are; none, if nobody takes what there is
            wanted = 0 if self._free[0][0] < self._looked - _UNUSED else len(self._pending)
        else:  # as TCP does: twice as many as the cluster had at once, one after it had none
            self._ahead = self._ahead * 2 if granted and not self._pending else 1
            wanted = self._ahead
        while len(self._pending) > max(wanted, 0):
            remove_placement_group(self._pending.pop())
        while len(self._pending) < wanted:
            self._pending.append(self._request())

    def _request(self) -> PlacementGroup:
        elsewhere = {"ray.io/node-id": f"!in({','.join(sorted(self._avoided))})"} if self._avoided else {}
        selectors = [elsewhere] * len(self.bundles)
        return placement_group(self.bundles, strategy=self._strategy, bundle_label_selector=selectors)

    def _give_up_idle(self, now: float) -> None:
        while len(self._free) > 1 and self._free[0][0] < now - _IDLE:
            remove_placement_group(self._free.pop(0)[1])
