"""Which release answers whom, while releases and tests come and go.

Belongs here: the models that serve now, and the choice between them. Does not belong here: reading
what should serve (``watcher.py``), or scoring (``batching.py``).
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cached_property

import orjson

from mlops_assets.serving.batching import Batcher, Observe, Role, Waiting
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.refusal import RefusalError
from mlops_assets.serving.served_model import ServedModel
from mlops_assets.serving.traffic_plan import TrafficPlan, is_challenger

CLOSING_SECONDS = 10.0
"""For which a model that was replaced can still be asked by requests that are being read."""


@dataclass(frozen=True)
class Lane:
    """A model in its role, and those who wait for it."""

    model: ServedModel
    role: Role
    batcher: Batcher

    @cached_property
    def answer_start(self) -> bytes:
        """How each answer of the model begins, as JSON."""
        named = {"model_name": self.model.name, "model_version": self.role.release}
        return orjson.dumps(named)[:-1] + b","


class Router:
    """The champion, and the challenger that is tried out beside it. Everything happens in the event
    loop, so that a change is seen by the next request as a whole; those that were submitted before
    are answered by the model they were submitted to."""

    def __init__(
        self, limits: ServerLimits, observe: Observe, dropped_shadow: Callable[[int], None]
    ) -> None:
        self._limits = limits
        self._observe = observe
        self._dropped_shadow = dropped_shadow
        self._champion: Lane | None = None
        self._challenger: Lane | None = None
        self._plan: TrafficPlan | None = None
        self._asked_for: dict[str, Lane] = {}

    @property
    def champion(self) -> Lane:
        """Raises ``RefusalError`` where no release has been loaded yet."""
        if self._champion is None:
            raise RefusalError("overloaded", "no release is served yet: ask again later")
        return self._champion

    @property
    def is_ready(self) -> bool:
        return self._champion is not None

    @property
    def plan(self) -> TrafficPlan | None:
        """The test that is under way."""
        return self._plan

    @property
    def lanes(self) -> tuple[Lane, ...]:
        return tuple(lane for lane in (self._champion, self._challenger) if lane)

    @property
    def releases(self) -> list[str]:
        """The hashes that may be asked for by name."""
        return list(dict.fromkeys(lane.role.release for lane in self.lanes))

    @property
    def pending_rows(self) -> int:
        return sum(lane.batcher.pending_rows for lane in self._all_lanes)

    @property
    def _all_lanes(self) -> tuple[Lane, ...]:
        return (*self.lanes, *self._asked_for.values())

    def use(
        self,
        champion: ServedModel,
        challenger: ServedModel | None = None,
        plan: TrafficPlan | None = None,
    ) -> None:
        """From now on, let ``champion`` answer, and ``challenger`` as ``plan`` says."""
        under_way = plan if challenger is not None else None
        experiment = under_way.experiment if under_way else None
        before = self._all_lanes
        self._asked_for = {}
        role = Role(champion.release, "champion", experiment, answered=True)
        self._champion = None
        self._champion = self._lane(champion, role, before)
        self._challenger = None
        if challenger is not None and under_way is not None:
            answered = under_way.mode == "ab"
            role = Role(challenger.release, "challenger", experiment, answered)
            self._challenger = self._lane(challenger, role, before)
        self._plan = under_way
        for lane in before:
            if lane not in self._all_lanes:
                # A request may have chosen it, and still be on its way there.
                asyncio.get_running_loop().call_later(CLOSING_SECONDS, lane.batcher.close)

    def lane_of(self, release: str) -> Lane | None:
        """The lane of a release that is asked for by its hash. Who asks so was not divided between
        the variants, and is no part of the test that is under way."""
        found = next((lane for lane in self.lanes if lane.role.release == release), None)
        if found is None or found.role.experiment is None:
            return found
        if release not in self._asked_for:
            role = Role(release, found.role.variant, None, answered=True)
            self._asked_for[release] = self._lane(found.model, role, ())
        return self._asked_for[release]

    def lane_for_all(self, entities: Collection[str]) -> Lane:
        """The lane that answers about all of ``entities`` at once. One release gives one answer, so
        that what is about several entities is no part of a test that divides them: the champion
        answers. Raises as ``champion`` does."""
        distinct = set(entities)
        if len(distinct) == 1:
            return self.lane_for(distinct.pop())
        champion = self.champion
        if self._plan is None or self._plan.mode != "ab":
            return champion
        return self.lane_of(champion.role.release) or champion

    def lane_for(self, entity: str) -> Lane:
        """The lane that answers about ``entity``. Raises as ``champion`` does."""
        plan, challenger = self._plan, self._challenger
        if (
            plan is not None
            and challenger is not None
            and plan.mode == "ab"
            and is_challenger(plan, entity)
        ):
            return challenger
        return self.champion

    def submit(self, lane: Lane, waiting: Waiting) -> None:
        """Have a request scored, and by a shadow as well where there is one. Raises
        ``RefusalError`` where too many wait."""
        lane.batcher.submit(waiting)
        shadow = self._challenger
        if shadow is not None and not shadow.role.answered and lane is self._champion:
            try:
                shadow.batcher.submit(replace(waiting, future=None))
            except RefusalError:
                self._dropped_shadow(waiting.rows)

    def close(self) -> None:
        """Let what waits be answered, and take no more."""
        for lane in self._all_lanes:
            lane.batcher.close()
        self._champion = self._challenger = self._plan = None
        self._asked_for = {}

    def _lane(self, model: ServedModel, role: Role, before: tuple[Lane, ...]) -> Lane:
        for lane in before:
            if lane.model is model and lane.role == role:
                return lane
        # Requests are read as the champion takes them.
        reader = self._champion.model if self._champion else model
        batcher = Batcher(
            model.predictor,
            reader.messages,
            role,
            self._observe,
            pending_rows=self._limits.pending_rows,
            loop=asyncio.get_running_loop(),
        )
        return Lane(model, role, batcher)
