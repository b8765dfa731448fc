"""What should serve, looked up again and again: the release and the traffic plan.

Belongs here: noticing a promotion, a rollback, a test that starts, changes or ends, and loading
what is new before it takes traffic. Does not belong here: what makes a bundle fit to serve
(``served_model.py``), or who answers whom (``router.py``).

Files are polled, not watched: that works on every file system that a cluster mounts.
"""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.router import Router
from mlops_assets.serving.served_model import ReleaseError, ServedModel, load_model
from mlops_assets.serving.traffic_plan import PLAN_FILE, TrafficPlan, TrafficPlanError, read_plan

POLL_SECONDS = 1.0
RETRY_SECONDS = 5.0
"""After which a bundle that was refused is tried again: a copy may have been under way."""
Alert = Callable[[str, str], None]
"""Told the kind of an alert and its text."""


class Watcher:
    """Keeps ``router`` at what ``root`` (the artifacts of one use case) says should serve, or at
    the release ``pinned``, and tells ``changed`` of each change. What cannot be loaded changes
    nothing but ``refused``, and is told to ``alert`` once."""

    def __init__(
        self,
        root: Path,
        router: Router,
        limits: ServerLimits,
        pinned: str | None,
        alert: Alert,
        changed: Callable[[], None],
    ) -> None:
        self.refused = 0
        self.loaded_at = 0.0
        self._root = root
        self._router = router
        self._limits = limits
        self._pinned = pinned
        self._alert = alert
        self._changed = changed
        self._plan: TrafficPlan | None = None
        self._failed: dict[str, float] = {}
        self._told: set[str] = set()

    async def look(self) -> None:
        """Look once, and let serve what should."""
        champion = await self._champion()
        if champion is None:
            return
        plan = self._wanted_plan()
        applies = plan is not None and plan.champion == champion.release
        challenger = await self._challenger(champion, plan) if plan and applies else None
        under_way = plan if challenger is not None else None
        now = self._router.lanes
        serving = [lane.model for lane in now]
        wanted = [model for model in (champion, challenger) if model is not None]
        if serving != wanted or self._router.plan != under_way:
            if not now or now[0].model is not champion:
                self.loaded_at = time.time()
            self._router.use(champion, challenger, under_way)
            self._changed()

    async def _champion(self) -> ServedModel | None:
        """The model that should be champion, else the present one."""
        present = self._router.lanes[0].model if self._router.lanes else None
        wanted = self._pinned or self._pointed_at()
        if wanted is None or (present is not None and present.release == wanted):
            return present
        return await self._load(wanted) or present

    async def _challenger(self, champion: ServedModel, plan: TrafficPlan) -> ServedModel | None:
        model = await self._load(plan.challenger)
        if model is None or model.inputs.can_answer_for(champion.inputs):
            return model
        self._tell(
            "plan_refused",
            f"the challenger {plan.challenger} takes other inputs or gives other outputs than the "
            "champion, so that no request can be answered by both",
        )
        return None

    async def _load(self, release: str) -> ServedModel | None:
        for lane in self._router.lanes:
            if lane.model.release == release:
                return lane.model
        failed = self._failed.get(release)
        if failed is not None and time.monotonic() - failed < RETRY_SECONDS:
            return None
        try:
            model = await asyncio.to_thread(
                load_model, self._root / "releases", release, self._limits
            )
        except ReleaseError as problem:
            if failed is None:
                self.refused += 1
            self._failed[release] = time.monotonic()
            self._tell("release_refused", f"{problem}; what served before goes on")
            return None
        if any(lane.model.name != model.name for lane in self._router.lanes):
            self._tell("release_refused", f"release {release} is of another use case")
            return None
        self._failed.pop(release, None)
        self._told.clear()
        return model

    def _pointed_at(self) -> str | None:
        """The champion's hash, ``None`` where there is none yet or it cannot be read."""
        path = self._root / "release" / "release.json"
        try:
            champion = json.loads(path.read_bytes())["champion"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            self._tell("pointer_unreadable", f"{path.name} cannot be read: the release stays")
            return None
        return champion if isinstance(champion, str) else None

    def _wanted_plan(self) -> TrafficPlan | None:
        try:
            self._plan = read_plan(self._root / PLAN_FILE)
        except (OSError, TrafficPlanError) as problem:
            self._tell("plan_refused", f"{problem}; the last good plan stays")
        return self._plan

    def _tell(self, kind: str, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._alert(kind, text)
