"""The decisions together, against a world that delivers, fails and is killed as hypothesis likes:
the loop always ends, takes batches in order, and a kill changes nothing but the way."""

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


@settings(max_examples=80)
@given(FATES, SETTINGS, KILLS)
def test_kills_change_the_way_but_not_the_end(
    make_use_case: MakeUseCase, fate: Fate, drawn: dict[str, int], kills: list[int | None]
) -> None:
    use_case = use_case_of(make_use_case, drawn)
    undisturbed, killed = World(fate, full_source()), World(fate, full_source())

    undisturbed.tick_until_quiet(use_case, [])
    killed.tick_until_quiet(use_case, kills)

    assert killed.outcome() == undisturbed.outcome()


@settings(max_examples=80)
@given(FATES, SETTINGS)
def test_batches_are_taken_in_once_in_order_and_watched_before_they_are_learned_from(
    make_use_case: MakeUseCase, fate: Fate, drawn: dict[str, int]
) -> None:
    world = World(fate, full_source())

    world.tick_until_quiet(use_case_of(make_use_case, drawn), [])

    assert [batch for batch, _ in world.ingests] == list(BATCHES)
    assert set(world.cleaned) == set(BATCHES) - fate.uncleanable
    first = min((batch for batch, won in world.decisions if won), default=None)
    predicted = {b for b in world.cleaned if first is not None and b > first}
    assert set(world.reports) == predicted - fate.unwatchable
    windows = [batch for batch, _ in world.decisions]
    assert windows == sorted(set(windows))
    assert not fate.untrainable.intersection(windows)


@settings(max_examples=80)
@given(FATES, SETTINGS)
def test_no_window_ends_with_a_batch_that_called_for_nothing(
    make_use_case: MakeUseCase, fate: Fate, drawn: dict[str, int]
) -> None:
    world = World(fate, full_source())

    world.tick_until_quiet(use_case_of(make_use_case, drawn), [])

    had_champion = False
    for batch, won in world.decisions:
        assert not had_champion or batch in fate.alarming
        had_champion = had_champion or won
    if not had_champion and len(world.cleaned) >= drawn["first_batches"]:
        candidates = sorted(world.cleaned)[drawn["first_batches"] - 1 :]
        assert [b for b, _ in world.decisions] == [
            b for b in candidates if b not in fate.untrainable
        ]


@settings(max_examples=60)
@given(
    FATES,
    SETTINGS,
    KILLS,
    st.lists(st.tuples(st.sampled_from(BATCHES), st.sampled_from("xyz")), max_size=8),
)
def test_deliveries_at_any_time_end_with_what_was_delivered_last(
    make_use_case: MakeUseCase,
    fate: Fate,
    drawn: dict[str, int],
    kills: list[int | None],
    deliveries: list[tuple[str, str]],
) -> None:
    use_case = use_case_of(make_use_case, drawn)
    world = World(fate, {BATCHES[0]: BATCHES[0]})

    for batch, suffix in deliveries:
        world.tick(use_case, kills)
        world.source[batch] = batch + suffix
    world.tick_until_quiet(use_case, kills)

    assert world.raw == world.source
    assert world.cleaned == {b: c for b, c in world.source.items() if c not in fate.uncleanable}
