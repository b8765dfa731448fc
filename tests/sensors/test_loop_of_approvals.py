"""The loop where a person has to approve each release: it waits for nobody else than that person,
and never releases without."""

from hypothesis import given, settings
from hypothesis import strategies as st
from world import (
    BATCHES,
    FATES,
    KILLS,
    SETTINGS,
    Fate,
    MakeUseCase,
    World,
    full_source,
    use_case_of,
)

MOST_TICKS = 200


def _sign_at_once(world: World, make_use_case: MakeUseCase, drawn: dict[str, int]) -> None:
    use_case = use_case_of(make_use_case, drawn)
    for _ in range(MOST_TICKS):
        acted = world.tick(use_case, [])
        unsigned = world.model is not None and world.model not in world.signed
        if world.model is not None:
            world.signed.add(world.model)
        if not acted and not unsigned:
            return
    raise AssertionError("the loop does not end")


@settings(max_examples=60)
@given(FATES, SETTINGS)
def test_a_person_who_signs_at_once_changes_nothing_but_the_way(
    make_use_case: MakeUseCase, fate: Fate, drawn: dict[str, int]
) -> None:
    without, signed = World(fate, full_source()), World(fate, full_source(), asks_approval=True)

    without.tick_until_quiet(use_case_of(make_use_case, drawn), [])
    _sign_at_once(signed, make_use_case, drawn)

    assert signed.outcome() == without.outcome()


@settings(max_examples=60)
@given(FATES, SETTINGS, KILLS)
def test_while_the_first_release_waits_no_later_batch_is_taken_in(
    make_use_case: MakeUseCase, fate: Fate, drawn: dict[str, int], kills: list[int | None]
) -> None:
    world = World(fate, full_source(), asks_approval=True)

    world.tick_until_quiet(use_case_of(make_use_case, drawn), kills)

    assert not any(won for _, won in world.decisions)
    if world.model in fate.winning and world.model == world.features:
        assert max(world.cleaned) == world.model
        assert world.model not in [batch for batch, _ in world.decisions]
    else:
        assert set(world.cleaned) == set(BATCHES) - fate.uncleanable


@settings(max_examples=60)
@given(FATES, SETTINGS, KILLS, st.lists(st.booleans(), max_size=30))
def test_whenever_people_sign_the_loop_ends_and_takes_in_everything(
    make_use_case: MakeUseCase,
    fate: Fate,
    drawn: dict[str, int],
    kills: list[int | None],
    signs: list[bool],
) -> None:
    use_case = use_case_of(make_use_case, drawn)
    world = World(fate, full_source(), asks_approval=True)

    for sign in signs:
        world.tick(use_case, kills)
        if sign and world.model is not None:
            world.signed.add(world.model)
    for _ in range(len(BATCHES) + 1):
        world.tick_until_quiet(use_case, kills)
        if world.model is not None:
            world.signed.add(world.model)
    world.tick_until_quiet(use_case, kills)

    assert set(world.cleaned) == set(BATCHES) - fate.uncleanable
    first = min((batch for batch, won in world.decisions if won), default=None)
    predicted = {b for b in world.cleaned if first is not None and b > first}
    assert set(world.reports) == predicted - fate.unwatchable
    assert {batch for batch, won in world.decisions if won} <= world.signed
