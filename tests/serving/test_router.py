"""Who is answered by which release, and as part of which test."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from handmade_models import TYPES, binary_model
from served_bundles import add_release

from mlops_assets.serving.answered import AnsweredBatch
from mlops_assets.serving.batching import Waiting
from mlops_assets.serving.fast_json import Row
from mlops_assets.serving.limits import ServerLimits
from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.refusal import RefusalError
from mlops_assets.serving.router import Router
from mlops_assets.serving.served_model import ServedModel, load_model
from mlops_assets.serving.traffic_plan import TrafficPlan, is_challenger

LIMITS = ServerLimits(pending_rows=4)


@pytest.fixture
def models(tmp_path: Path) -> tuple[ServedModel, ServedModel]:
    first, second = add_release(tmp_path), add_release(tmp_path, scale=2.0)
    return tuple(  # type: ignore[return-value]
        load_model(tmp_path / "releases", release, LIMITS) for release in (first, second)
    )


def plan_of(models: tuple[ServedModel, ServedModel], **changed: Any) -> TrafficPlan:
    champion, challenger = models
    plan = TrafficPlan("test-1", challenger.release, champion.release, "ab", 0.5)
    return replace(plan, **changed)


def routed(use: Callable[[Router, list[AnsweredBatch], list[int]], Awaitable[None]]) -> Any:
    seen: list[AnsweredBatch] = []
    dropped: list[int] = []

    async def go() -> None:
        router = Router(LIMITS, lambda batch, _: seen.append(batch), dropped.append)
        await use(router, seen, dropped)
        router.close()

    asyncio.run(go())
    return seen


def waiting(amount: float = 1.0) -> Waiting:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    return Waiting("r", 0.0, 1, Row([amount], [1], ["Oslo"], [True]), None, None, future)


def test_without_a_release_nobody_is_answered() -> None:
    async def use(router: Router, *_: Any) -> None:
        with pytest.raises(RefusalError) as refused:
            router.lane_for("anybody")
        assert refused.value.status == 503
        assert not router.is_ready

    routed(use)


def test_entities_are_divided_as_the_plan_says(models: tuple[ServedModel, ServedModel]) -> None:
    plan = plan_of(models)

    async def use(router: Router, *_: Any) -> None:
        router.use(*models, plan)
        for number in range(200):
            variant = router.lane_for(f"c-{number}").role.variant
            assert (variant == "challenger") == is_challenger(plan, f"c-{number}")
        router.use(*models, replace(plan, mode="shadow"))
        assert {router.lane_for(f"c-{n}").role.variant for n in range(200)} == {"champion"}

    routed(use)


def test_who_asks_about_several_entities_is_no_part_of_the_test(
    models: tuple[ServedModel, ServedModel],
) -> None:
    plan = plan_of(models)

    async def use(router: Router, *_: Any) -> None:
        router.use(*models, plan)
        for number in range(20):
            alone = router.lane_for(f"c-{number}")
            assert router.lane_for_all([f"c-{number}"] * 3) is alone
        both = router.lane_for_all([f"c-{number}" for number in range(20)])
        assert (both.role.variant, both.role.experiment) == ("champion", None)
        router.use(*models, replace(plan, mode="shadow"))
        assert router.lane_for_all(["c-1", "c-2"]) is router.champion

    routed(use)


def test_who_asks_for_a_version_is_no_part_of_the_test(
    models: tuple[ServedModel, ServedModel],
) -> None:
    champion, challenger = models

    async def use(router: Router, *_: Any) -> None:
        router.use(champion)
        assert router.lane_of(champion.release) is router.champion
        assert router.lane_of(challenger.release) is None
        router.use(champion, challenger, plan_of(models))
        for model in models:
            lane = router.lane_of(model.release)
            assert lane is not None and lane.role.experiment is None
            assert lane is router.lane_of(model.release)
            router.submit(lane, one := waiting())
            assert one.future is not None and await one.future

    seen = routed(use)

    assert [(batch.release, batch.experiment) for batch in seen] == [
        (champion.release, None),
        (challenger.release, None),
    ]


def test_a_challenger_may_need_fewer_columns(models: tuple[ServedModel, ServedModel]) -> None:
    champion, challenger = models
    fewer = {name: kind for name, kind in TYPES.items() if name != "seen"}
    predictor = Predictor(binary_model(fewer, scale=2.0))
    columns = {n: c for n, c in challenger.inputs.columns.items() if n in fewer}
    smaller = replace(
        challenger, predictor=predictor, inputs=replace(challenger.inputs, columns=columns)
    )
    assert smaller.inputs.can_answer_for(champion.inputs)
    assert not champion.inputs.can_answer_for(smaller.inputs)

    async def use(router: Router, seen: list[AnsweredBatch], _: Any) -> None:
        router.use(champion, smaller, plan_of(models, mode="shadow"))
        router.submit(router.lane_for("c"), one := waiting())
        assert one.future is not None and await one.future
        while len(seen) < 2:
            await asyncio.sleep(0.001)

    by_variant = {batch.variant: batch for batch in routed(use)}

    assert set(by_variant["champion"].columns) == set(TYPES)
    assert set(by_variant["challenger"].columns) == set(fewer)


def test_a_shadow_that_is_too_slow_is_left_out_and_counted(
    models: tuple[ServedModel, ServedModel],
) -> None:
    async def use(router: Router, _: Any, dropped: list[int]) -> None:
        router.use(*models, plan_of(models, mode="shadow"))
        shadow = router.lanes[1]
        shadow.batcher.pending_rows = LIMITS.pending_rows
        router.submit(router.champion, one := waiting())
        assert one.future is not None and await one.future
        assert dropped == [1]

    routed(use)
