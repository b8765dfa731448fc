"""Whatever waits is answered, by its own answer, and a batch is never larger than it may be."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from handmade_models import MODELS, SIGNATURES, columns
from hypothesis import given
from hypothesis import strategies as st

from mlops_assets.serving.answered import AnsweredBatch
from mlops_assets.serving.batching import BATCH_ROWS, Batcher, Role, Waiting
from mlops_assets.serving.fast_json import FastJson, Row
from mlops_assets.serving.inputs import bundle_inputs
from mlops_assets.serving.predictor import Predictor
from mlops_assets.serving.refusal import RefusalError

PREDICTOR = Predictor(MODELS["binary"])
INPUTS = bundle_inputs(SIGNATURES["binary"], {}, PREDICTOR.signature, PREDICTOR.outputs)
MESSAGES = FastJson(INPUTS, text_length=100)
ROLE = Role("r1", "champion", None, answered=True)


class Failing(Predictor):
    def score(self, _: Any) -> Any:  # type: ignore[override]
        raise RuntimeError("with a value of the data")


def tensors(amounts: list[float]) -> dict[str, Any]:
    made = columns(len(amounts), amount=np.array(amounts))
    return {name: np.asarray(values).reshape(-1, 1) for name, values in made.items()}


def row(amount: float) -> Row:
    return Row([amount], [1], ["Oslo"], [True])


def waiting(id_: str, amounts: list[float], as_row: bool) -> Waiting:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    if as_row:
        return Waiting(id_, 0.0, 1, row(amounts[0]), None, None, future)
    return Waiting(id_, 0.0, len(amounts), None, tensors(amounts), None, future)


def run(
    use: Callable[[Batcher, list[AnsweredBatch]], Awaitable[None]],
    predictor: Predictor = PREDICTOR,
    **options: Any,
) -> list[AnsweredBatch]:
    seen: list[AnsweredBatch] = []

    async def go() -> None:
        settings = {"pending_rows": 100_000, "loop": asyncio.get_running_loop(), **options}
        role = settings.pop("role", ROLE)
        batcher = Batcher(
            predictor, MESSAGES, role, lambda batch, _: seen.append(batch), **settings
        )
        await use(batcher, seen)
        batcher.close()

    asyncio.run(go())
    return seen


AMOUNTS = st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=400)


@given(asked=st.lists(st.tuples(AMOUNTS, st.booleans()), min_size=1, max_size=12))
def test_each_request_gets_its_own_answer(asked: list[tuple[list[float], bool]]) -> None:
    async def use(batcher: Batcher, _: list[AnsweredBatch]) -> None:
        all_waiting = [
            waiting(str(number), amounts, as_row) for number, (amounts, as_row) in enumerate(asked)
        ]
        for one in all_waiting:
            batcher.submit(one)
        answers = await asyncio.gather(*[one.future for one in all_waiting if one.future])
        for (amounts, as_row), answer in zip(asked, answers, strict=True):
            expected = PREDICTOR.predict(tensors(amounts[:1] if as_row else amounts))
            if as_row:
                assert answer == MESSAGES.write(expected)[0]
            else:
                for name, values in expected.items():
                    np.testing.assert_array_equal(answer[name], values)
        assert batcher.pending_rows == 0

    seen = run(use)

    said = sorted((r.id, r.rows) for batch in seen for r in batch.requests)
    assert said == sorted(
        (str(number), 1 if as_row else len(amounts))
        for number, (amounts, as_row) in enumerate(asked)
    )
    for batch in seen:
        rows = sum(request.rows for request in batch.requests)
        assert all(len(values) == rows for values in [*batch.columns.values()])
        assert rows <= BATCH_ROWS or len(batch.requests) == 1


def test_what_the_log_is_told_is_in_the_order_of_its_rows() -> None:
    async def use(batcher: Batcher, _: list[AnsweredBatch]) -> None:
        mixed = [waiting("a", [1.0, 2.0], False), waiting("b", [3.0], True)]
        for one in mixed:
            batcher.submit(one)
        await asyncio.gather(*[one.future for one in mixed if one.future])

    (batch,) = run(use)

    starts = np.cumsum([0, *(r.rows for r in batch.requests)])
    amounts = batch.columns["amount"][:, 0].tolist()
    by_id = {r.id: amounts[s : s + r.rows] for r, s in zip(batch.requests, starts, strict=False)}
    assert by_id == {"a": [1.0, 2.0], "b": [3.0]}


def test_requests_that_wait_while_another_is_scored_go_together() -> None:
    async def use(batcher: Batcher, _: list[AnsweredBatch]) -> None:
        first = waiting("first", [0.0], True)
        batcher.submit(first)
        later = [waiting(str(number), [1.0], True) for number in range(20)]
        await asyncio.sleep(0)  # the first has been handed over
        for one in later:
            batcher.submit(one)
        await asyncio.gather(*[one.future for one in (first, *later) if one.future])

    seen = run(use)

    assert [len(batch.requests) for batch in seen] == [1, 20]


def test_more_than_may_wait_is_refused_and_the_rest_answered() -> None:
    async def use(batcher: Batcher, _: list[AnsweredBatch]) -> None:
        first = waiting("first", [0.0] * 3, False)
        batcher.submit(first)
        with pytest.raises(RefusalError) as refused:
            batcher.submit(waiting("second", [0.0] * 2, False))
        assert refused.value.status == 503
        assert first.future is not None
        await first.future
        batcher.submit(third := waiting("third", [0.0] * 4, False))
        assert third.future is not None
        await third.future

    run(use, pending_rows=4)


@pytest.mark.parametrize("rows", [1, BATCH_ROWS + 1])
def test_a_failure_is_told_to_those_who_wait_and_to_nobody_else(rows: int) -> None:
    async def use(batcher: Batcher, _: list[AnsweredBatch]) -> None:
        for _ in range(2):
            batcher.submit(one := waiting("a", [0.0] * rows, False))
            assert one.future is not None
            with pytest.raises(RuntimeError):
                await one.future
        assert batcher.pending_rows == 0

    assert run(use, Failing(MODELS["binary"])) == []


def test_an_answer_that_is_no_number_is_refused_to_its_asker_alone() -> None:
    async def use(batcher: Batcher, _: list[AnsweredBatch]) -> None:
        both = [waiting("a", [float("nan")], True), waiting("b", [2.0], True)]
        for one in both:
            batcher.submit(one)
        bad, good = await asyncio.gather(
            *[one.future for one in both if one.future], return_exceptions=True
        )
        assert isinstance(bad, RefusalError) and isinstance(good, bytes)

    run(use)


class Picky(Predictor):
    """Fails where the first amount is negative."""

    def score(self, tensors: Any) -> Any:
        if (tensors["amount"] < 0).any():
            raise RuntimeError("negative")
        return super().score(tensors)


def test_the_trouble_of_one_request_is_not_that_of_its_batch() -> None:
    async def use(batcher: Batcher, _: list[AnsweredBatch]) -> None:
        first = waiting("first", [0.0], True)
        batcher.submit(first)
        await asyncio.sleep(0)
        later = [waiting(str(n), [-1.0 if n == 3 else 1.0], True) for n in range(6)]
        for one in later:
            batcher.submit(one)
        answers = await asyncio.gather(
            *[one.future for one in later if one.future], return_exceptions=True
        )
        assert [isinstance(a, RuntimeError) for a in answers] == [n == 3 for n in range(6)]
        assert first.future is not None and await first.future

    seen = run(use, Picky(MODELS["binary"]))

    assert sum(len(batch.requests) for batch in seen) == 6


def test_a_shadow_is_scored_and_told_to_nobody() -> None:
    async def use(batcher: Batcher, seen: list[AnsweredBatch]) -> None:
        one = waiting("a", [1.0], True)
        one.future = None
        batcher.submit(one)
        while not seen:
            await asyncio.sleep(0.001)

    (batch,) = run(use, role=Role("r2", "challenger", "test-1", answered=False))

    assert (batch.release, batch.variant, batch.experiment) == ("r2", "challenger", "test-1")
    assert batch.answered is False


def test_what_waits_when_it_is_closed_is_answered() -> None:
    async def use(batcher: Batcher, _: list[AnsweredBatch]) -> None:
        all_waiting = [waiting(str(number), [1.0], True) for number in range(5)]
        for one in all_waiting:
            batcher.submit(one)
        batcher.close()
        await asyncio.gather(*[one.future for one in all_waiting if one.future])
        with pytest.raises(RefusalError):
            batcher.submit(waiting("late", [1.0], True))

    run(use)
