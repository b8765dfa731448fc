"""A world that delivers, fails and is killed as hypothesis likes, for the decisions to act in."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st

from mlops_assets.monitoring.retraining import Verdict
from mlops_assets.use_case import UseCase
from sensors.decisions import (
    Ingest,
    Promote,
    Train,
    Verify,
    Wait,
    on_arrival,
    on_challenger,
    on_evidence,
)
from sensors.situation import Situation

MakeUseCase = Callable[..., UseCase]
Action = Ingest | Train | Verify | Promote
BATCHES = tuple(f"2020-{month:02}" for month in range(1, 8))


@dataclass
class Fate:
    """What happens in this world, by name: contents whose cleaning or watching fails, batches that
    alarm, windows whose training fails, challengers that win. Where a person has to approve, those
    that do not win are rejected without one."""

    uncleanable: frozenset[str] = frozenset()
    unwatchable: frozenset[str] = frozenset()
    alarming: frozenset[str] = frozenset()
    untrainable: frozenset[str] = frozenset()
    winning: frozenset[str] = frozenset()


@dataclass
class World:
    """Everything a tick can see, and what its runs do to it, step by step."""

    fate: Fate
    source: dict[str, str]
    raw: dict[str, str] = field(default_factory=dict)
    cleaned: dict[str, str] = field(default_factory=dict)
    reports: dict[str, str] = field(default_factory=dict)
    features: str | None = None
    model: str | None = None
    decisions: list[tuple[str, bool]] = field(default_factory=list)
    attempts: Counter[str] = field(default_factory=Counter)
    interrupted: Counter[str] = field(default_factory=Counter)
    keys: list[str] = field(default_factory=list)
    ingests: list[tuple[str, str]] = field(default_factory=list)
    asks_approval: bool = False
    signed: set[str] = field(default_factory=set)
    asked: str = ""

    def now(self) -> Situation:
        decided = [batch for batch, _ in self.decisions]
        complete = self.model is not None and self.model == self.features
        latest = self.model if complete else decided[-1] if decided else None
        undecided = f"model of {self.model}" if complete and self.model not in decided else None
        asked = undecided is not None and self.asks_approval
        return Situation(
            delivered=dict(sorted(self.source.items())),
            ingested={
                b: content if content == self.raw[b] else f"what was cleaned: {content}"
                for b, content in self.cleaned.items()
            },
            unprofiled=(),
            unusable=(),
            declaration="d",
            trained_as="d" if complete else None,
            watched=tuple(b for b, c in self.cleaned.items() if self.reports.get(b) == c),
            trained_until=latest,
            undecided=undecided,
            awaits_approval=self._awaited() if asked else None,
            approvals=self.approvals() if asked else None,
            trial=None,
            tried_out=None,
            unverified=self.approvals() if asked and self.asked != self.approvals() else None,
            first_release=min((b for b, won in self.decisions if won), default=None),
            under_way=(),
            attempts=dict(self.attempts),
            interrupted=dict(self.interrupted),
        )

    def approvals(self) -> str:
        return "signed" if self.model in self.signed else "unsigned"

    def _awaited(self) -> str | None:
        awaits = self.asked == "unsigned" == self.approvals() and self.model in self.fate.winning
        return "awaits approval" if awaits else None

    def judge(self, batch: str) -> Verdict:
        return Verdict(batch in self.fate.alarming, "as fate has it")

    def run(self, action: Action, steps: int | None) -> None:
        """Run what was asked for; ``steps`` is how many of its steps happen before it is killed,
        ``None`` where it is not."""
        key = self.now().run_key(action.intent)
        assert key not in self.keys, "Dagster would drop a run key that it has seen"
        self.keys.append(key)
        self.attempts[action.intent] += 1
        work = self._steps(action)
        if steps is not None and steps < len(work):
            self.interrupted[action.intent] += 1
        for step in work[:steps]:
            if not step():
                return

    def _steps(self, action: Action) -> list[Callable[[], bool]]:
        match action:
            case Ingest(batch, watch):
                content = self.source[batch]
                self.ingests.append((batch, content))
                steps = [
                    lambda: self._store(self.raw, batch, content, True),
                    lambda: self._store(
                        self.cleaned, batch, content, content not in self.fate.uncleanable
                    ),
                ]
                if watch:
                    ok = content not in self.fate.unwatchable
                    steps.append(lambda: self._store(self.reports, batch, content, ok))
                return steps
            case Train(last):
                return [lambda: self._set_features(last), lambda: self._set_model(last)]
            case Verify():
                return [self._ask]
            case Promote():
                return [self._decide]

    @staticmethod
    def _store(where: dict[str, str], batch: str, content: str, ok: bool) -> bool:
        if ok:
            where[batch] = content
        return ok

    def _set_features(self, last: str) -> bool:
        self.features = last
        return True

    def _set_model(self, last: str) -> bool:
        if last in self.fate.untrainable:
            return False
        self.model = last
        self.asked = ""
        return True

    def _ask(self) -> bool:
        self.asked = self.approvals()
        return True

    def _decide(self) -> bool:
        assert self.model is not None
        wins = self.model in self.fate.winning
        assert not (wins and self.asks_approval) or self.asked == "signed" == self.approvals()
        self.decisions.append((self.model, wins))
        return True

    def tick(self, use_case: UseCase, kills: list[int | None]) -> bool:
        """Evaluate the three sensors in turn; whether any of them asked for a run."""
        acted = False
        for decide in (
            lambda: on_arrival(self.now(), use_case, self.judge),
            lambda: on_evidence(self.now(), use_case, self.judge),
            lambda: on_challenger(self.now()),
        ):
            decision = decide()
            if isinstance(decision, Wait):
                assert decision.why
                continue
            acted = True
            self.run(decision, kills.pop() if kills else None)
        return acted

    def tick_until_quiet(self, use_case: UseCase, kills: list[int | None]) -> None:
        # Each content is taken in, each window trained and decided at most once, but for kills.
        bound = 4 * len(self.source) + len(self.keys) + len(kills) + 4
        for _ in range(bound):
            if not self.tick(use_case, kills):
                return
        raise AssertionError(f"the loop does not end: {self.keys}")

    def outcome(self) -> tuple[object, ...]:
        return (self.raw, self.cleaned, self.reports, self.features, self.model, self.decisions)


SOME = st.frozensets(st.sampled_from(BATCHES))
FATES = st.builds(
    Fate,
    uncleanable=st.frozensets(st.sampled_from(BATCHES), max_size=2),
    unwatchable=st.frozensets(st.sampled_from(BATCHES), max_size=2),
    alarming=SOME,
    untrainable=st.frozensets(st.sampled_from(BATCHES), max_size=2),
    winning=SOME,
)
SETTINGS = st.fixed_dictionaries(
    {"first_batches": st.integers(1, 3), "cooldown_batches": st.integers(1, 3)}
)
KILLS = st.lists(st.none() | st.integers(0, 2), max_size=8)


def use_case_of(make_use_case: MakeUseCase, drawn: dict[str, int]) -> UseCase:
    return make_use_case(
        training={"first_batches": drawn["first_batches"]},
        retraining={"cooldown_batches": drawn["cooldown_batches"]},
    )


def full_source() -> dict[str, str]:
    return {batch: batch for batch in reversed(BATCHES)}
