"""Looking after all connections of a server: who has taken too long, and who makes room.

Belongs here: what a connection can be at, its deadlines, and eviction. Does not belong here: what a
connection is told (``connection.py``).

A connection is looked at by a sweep from time to time, not by timers of its own: it is at the same
thing for as long as its request, its phase and what it has taken of its answer are the same as when
it was looked at before.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import Any, NamedTuple, Protocol

from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.refusal import Kind

LINGER_SECONDS = 5.0
"""That a client has to read why it was refused."""
REFUSE_SECONDS = 0.05
"""For which newcomers are refused without looking again, once nobody could be evicted."""
LONGEST_SWEEP, SHORTEST_SWEEP = 1.0, 0.02
SWEEPS_A_DEADLINE = 4
MOST_CANDIDATES = 256
BODIES_HELD = 8
"""How many bodies of the greatest length all unfinished requests may hold together."""


class Phase(IntEnum):
    """What a connection is at, in the order in which they are evicted, but for ``WORK``."""

    LINGER = 0
    """It was refused, and is given time to read that."""
    IDLE = 1
    """It has no request."""
    WRITING = 2
    """Its client does not take the answer."""
    HEADER = 3
    BODY = 4
    WORK = 5
    """The server is at work for it."""


class State(NamedTuple):
    """The phase of a connection, the request it is about, and how much it has yet to take."""

    phase: Phase
    request: Any
    untaken: int

    def is_of_the_same(self, other: "State") -> bool:
        # Requests are told apart by identity: one may look like another.
        return (
            self.phase is other.phase
            and self.request is other.request
            and self.untaken == other.untaken
        )


class Connection(Protocol):
    seen: State
    since: float
    """When ``seen`` was seen first."""
    turn: int
    """How many requests the server had answered when it was used last."""
    held: int
    """Bytes of an unfinished body."""

    def state(self) -> State: ...
    def expire(self, phase: Phase) -> None: ...
    def evict(self, phase: Phase) -> None: ...


class ConnectionWatch:
    """The connections of one server. All methods are for its event loop."""

    def __init__(self, limits: ServerLimits, on_refused: Callable[[Kind], None]) -> None:
        self.limits = limits
        self.refused = 0
        """Refusals by the connections themselves, since the start."""
        self.evicted = 0
        self.held = 0
        """Bytes of all unfinished bodies."""
        self._on_refused = on_refused
        self._connections: set[Connection] = set()
        self._candidates: deque[tuple[Connection, State, float]] = deque()
        self._full_until = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._deadlines: dict[Phase, float] = {
            Phase.LINGER: LINGER_SECONDS,
            Phase.IDLE: limits.idle_seconds,
            Phase.WRITING: limits.body_seconds,
            Phase.HEADER: limits.header_seconds,
            Phase.BODY: limits.body_seconds,
        }
        shortest = min(self._deadlines.values()) / SWEEPS_A_DEADLINE
        self._every = min(LONGEST_SWEEP, max(SHORTEST_SWEEP, shortest))

    @property
    def open(self) -> int:
        return len(self._connections)

    @property
    def in_flight(self) -> int:
        """Connections whose request is being sent, worked on or answered."""
        busy = (Phase.WRITING, Phase.BODY, Phase.WORK)
        return sum(one.state().phase in busy for one in self._connections)

    def add(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> bool:
        """Look after a new connection; whether there is, or could be made, room for it."""
        now = loop.time()
        connection.seen, connection.since = connection.state(), now
        has_room = len(self._connections) < self.limits.connections or self._make_room(now)
        self._connections.add(connection)
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(self._every, self._sweep, loop)
        return has_room

    def discard(self, connection: Connection) -> None:
        self.hold(connection, 0)
        self._connections.discard(connection)

    def hold(self, connection: Connection, size: int) -> None:
        """Take note of the length so far of a body that comes in pieces. Where all together are too
        long, those that have been coming for longest are evicted, which may be this one."""
        if size and not connection.held and self._loop is not None:
            self._look(connection, self._loop.time())
        self.held += size - connection.held
        connection.held = size
        while self.held > BODIES_HELD * self.limits.body_bytes:
            holders = (one for one in self._connections if one.held)
            oldest = min(holders, key=lambda one: one.since)
            self.evicted += 1
            self.discard(oldest)
            oldest.evict(Phase.BODY)

    def count_refusal(self, kind: Kind) -> None:
        self.refused += 1
        self._on_refused(kind)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not loop:
            return
        now = loop.time()
        for connection in [*self._connections]:
            phase = self._look(connection, now)
            if now - connection.since >= self._deadlines.get(phase, float("inf")):
                connection.expire(phase)
        if self._connections:
            loop.call_later(self._every, self._sweep, loop)
        else:
            self._loop = None

    def _look(self, connection: Connection, now: float) -> Phase:
        state = connection.state()
        if not state.is_of_the_same(connection.seen):
            connection.seen, connection.since = state, now
        return state.phase

    def _make_room(self, now: float) -> bool:
        if self._evict_candidate(now):
            return True
        if now < self._full_until:
            return False
        found = [one for one in self._connections if self._look(one, now) is not Phase.WORK]
        found.sort(key=lambda one: (one.seen.phase > Phase.IDLE, one.turn, one.since))
        self._candidates.extend((one, one.seen, one.since) for one in found[:MOST_CANDIDATES])
        if self._evict_candidate(now):
            return True
        self._full_until = now + REFUSE_SECONDS
        return False

    def _evict_candidate(self, now: float) -> bool:
        while self._candidates:
            connection, seen, since = self._candidates.popleft()
            if connection not in self._connections:
                continue
            self._look(connection, now)
            if connection.seen is seen and connection.since == since:
                self.evicted += 1
                self._connections.discard(connection)
                connection.evict(seen.phase)
                return True
        return False
