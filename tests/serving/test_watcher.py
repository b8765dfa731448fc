"""What should serve is picked up, verified first; what is broken changes nothing but the alerts."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from served_bundles import add_release, promote

from mlops_assets.serving import watcher as watcher_module
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.router import Router
from mlops_assets.serving.traffic_plan import TrafficPlan, write_plan
from mlops_assets.serving.watcher import Watcher

LIMITS = ServerLimits()


class World:
    """A watcher of ``root``, what it serves and what it alerts."""

    def __init__(self, root: Path, pinned: str | None = None) -> None:
        self.root = root
        self.alerts: list[tuple[str, str]] = []
        self.changes = 0
        self.router = Router(LIMITS, lambda *_: None, lambda _: None)
        self.watcher = Watcher(
            root,
            self.router,
            LIMITS,
            pinned,
            lambda kind, text: self.alerts.append((kind, text)),
            self.count_change,
        )

    def count_change(self) -> None:
        self.changes += 1

    async def look(self) -> list[str]:
        """The releases that serve after another look, the champion first."""
        await self.watcher.look()
        return [lane.role.release for lane in self.router.lanes]

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.alerts]


def watched(
    root: Path, use: Callable[[World], Awaitable[None]], pinned: str | None = None
) -> World:
    world = World(root, pinned)

    async def go() -> None:
        await use(world)
        world.router.close()

    asyncio.run(go())
    return world


def plan(champion: str, challenger: str, **changed: Any) -> TrafficPlan:
    given = {"experiment": "test-1", "mode": "ab", "share": 0.5, **changed}
    return TrafficPlan(champion=champion, challenger=challenger, **given)


def test_a_promotion_and_a_rollback_are_picked_up(tmp_path: Path) -> None:
    first, second = add_release(tmp_path), add_release(tmp_path, scale=2.0)

    async def use(world: World) -> None:
        assert await world.look() == []
        for release in (first, second, first):
            promote(tmp_path, release)
            assert await world.look() == [release]
            await world.look()

    world = watched(tmp_path, use)
    assert (world.alerts, world.changes) == ([], 3)


def test_a_pinned_release_stays(tmp_path: Path) -> None:
    first, second = add_release(tmp_path), add_release(tmp_path, scale=2.0)
    promote(tmp_path, second)

    async def use(world: World) -> None:
        assert await world.look() == [first]
        assert await world.look() == [first]

    watched(tmp_path, use, pinned=first)


def broken_model(bundle: Path) -> None:
    (bundle / "model.onnx").write_bytes((bundle / "model.onnx").read_bytes()[:-1])


def absent_file(bundle: Path) -> None:
    (bundle / "signature.json").unlink()


def absent(bundle: Path) -> None:
    shutil.rmtree(bundle)


@pytest.mark.parametrize("harm", [broken_model, absent_file, absent])
def test_a_bundle_that_is_not_what_its_hash_says_is_refused_and_the_old_one_stays(
    tmp_path: Path, harm: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher_module, "RETRY_SECONDS", 0.0)
    first, second = add_release(tmp_path), add_release(tmp_path, scale=2.0)
    sound = tmp_path / "sound"
    shutil.copytree(tmp_path / "releases" / second, sound)

    async def use(world: World) -> None:
        promote(tmp_path, first)
        assert await world.look() == [first]
        harm(tmp_path / "releases" / second)
        promote(tmp_path, second)
        for _ in range(3):
            assert await world.look() == [first]
        assert (world.kinds, world.watcher.refused) == (["release_refused"], 1)
        shutil.rmtree(tmp_path / "releases" / second, ignore_errors=True)
        sound.rename(tmp_path / "releases" / second)
        assert await world.look() == [second]

    watched(tmp_path, use)


def test_a_bundle_that_answers_its_golden_rows_otherwise_is_refused(tmp_path: Path) -> None:
    first = add_release(tmp_path)
    wrong = add_release(tmp_path, scale=2.0, golden_of=2.5)

    async def use(world: World) -> None:
        promote(tmp_path, first)
        await world.look()
        promote(tmp_path, wrong)
        assert await world.look() == [first]

    assert "golden rows" in watched(tmp_path, use).alerts[0][1]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"champion"'])
def test_a_pointer_that_cannot_be_read_leaves_the_release(tmp_path: Path, content: bytes) -> None:
    first = add_release(tmp_path)

    async def use(world: World) -> None:
        promote(tmp_path, first)
        await world.look()
        (tmp_path / "release" / "release.json").write_bytes(content)
        assert await world.look() == [first]
        assert await world.look() == [first]

    assert watched(tmp_path, use).kinds == ["pointer_unreadable"]


def test_a_bundle_of_another_use_case_is_refused(tmp_path: Path) -> None:
    first, other = add_release(tmp_path), add_release(tmp_path, name="other", scale=2.0)

    async def use(world: World) -> None:
        promote(tmp_path, first)
        await world.look()
        promote(tmp_path, other)
        assert await world.look() == [first]

    assert "another use case" in watched(tmp_path, use).alerts[0][1]


def test_a_test_starts_changes_and_stops_without_loading_again(tmp_path: Path) -> None:
    first, second = add_release(tmp_path), add_release(tmp_path, scale=2.0)
    path = tmp_path / "traffic.json"

    async def use(world: World) -> None:
        promote(tmp_path, first)
        await world.look()
        write_plan(path, plan(first, second, share=0.25))
        assert await world.look() == [first, second]
        lanes = world.router.lanes
        assert [lane.role.experiment for lane in lanes] == ["test-1", "test-1"]
        write_plan(path, plan(first, second, share=0.75))
        await world.look()
        assert world.router.lanes == lanes
        assert world.router.plan is not None and world.router.plan.share == 0.75
        write_plan(path, plan(first, second, mode="shadow"))
        await world.look()
        assert [lane.role.answered for lane in world.router.lanes] == [True, False]
        assert world.router.lanes[1].model is lanes[1].model
        write_plan(path, None)
        assert await world.look() == [first]
        assert world.router.plan is None

    assert watched(tmp_path, use).alerts == []


def test_a_plan_ends_with_its_champion(tmp_path: Path) -> None:
    first, second = add_release(tmp_path), add_release(tmp_path, scale=2.0)

    async def use(world: World) -> None:
        promote(tmp_path, first)
        write_plan(tmp_path / "traffic.json", plan(first, second))
        assert await world.look() == [first, second]
        promote(tmp_path, second)
        assert await world.look() == [second]
        assert world.router.plan is None

    watched(tmp_path, use)


def test_a_broken_plan_leaves_the_last_good_one(tmp_path: Path) -> None:
    first, second = add_release(tmp_path), add_release(tmp_path, scale=2.0)
    path = tmp_path / "traffic.json"

    async def use(world: World) -> None:
        promote(tmp_path, first)
        write_plan(path, plan(first, second))
        await world.look()
        path.write_text(json.dumps({"mode": "ab", "share": 2}), encoding="utf-8")
        assert await world.look() == [first, second]

    assert watched(tmp_path, use).kinds == ["plan_refused"]


def test_a_challenger_that_cannot_be_served_leaves_the_champion_alone(tmp_path: Path) -> None:
    first = add_release(tmp_path)
    wrong = add_release(tmp_path, scale=2.0, golden_of=3.0)

    async def use(world: World) -> None:
        promote(tmp_path, first)
        write_plan(tmp_path / "traffic.json", plan(first, wrong))
        assert await world.look() == [first]
        assert world.router.plan is None

    assert watched(tmp_path, use).kinds == ["release_refused"]


def test_a_challenger_with_other_outputs_is_no_challenger(tmp_path: Path) -> None:
    first = add_release(tmp_path)
    other = add_release(tmp_path, "regression", name="binary")

    async def use(world: World) -> None:
        promote(tmp_path, first)
        write_plan(tmp_path / "traffic.json", plan(first, other))
        assert await world.look() == [first]

    assert watched(tmp_path, use).kinds == ["plan_refused"]
