"""The exam: strikes, reruns, comparisons, and the table of what was found."""

import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.chaos import witness
from tests.chaos.office import DELIVERIES, Office
from tests.chaos.strikes import STEPS, Strike

PAUSED_LEASE_SECONDS = 2


@dataclass(frozen=True)
class Finding:
    """What a strike led to. differing: names of marts and pages that are not as in the undisturbed run."""

    strike: Strike
    was_hit: bool
    state: str
    outcome: str
    differing: Sequence[str]

    @property
    def is_equal(self) -> bool:
        """Whether all ended as if nothing had happened."""
        return not self.differing and self.outcome in ("", "refused to write")


def full_exam(seed: int) -> list[Strike]:
    """All strikes of the exam: boundaries of steps, commits, dbt, the server, pauses, and random moments."""
    chance = random.Random(seed)
    dbt_steps = [step for step in STEPS if "models" in step]
    strikes = [
        *(Strike("run", place, step) for step in STEPS for place in ("start", "end")),
        *(Strike("run", "commit", number=number) for number in range(1, 25, 2)),
        *(Strike("run", "start", chance.choice(STEPS), seconds=chance.uniform(0.02, 1)) for _ in range(10)),
        *(Strike("run", "start", step, seconds=chance.uniform(0.1, 1.5)) for step in dbt_steps for _ in range(3)),
        *(Strike("postgres", "start", step, seconds=chance.uniform(0, 0.8)) for step in STEPS),
        *(Strike("session", "start", step, seconds=chance.uniform(0.1, 0.8)) for step in (STEPS[1], *dbt_steps)),
        Strike("pause", "receiving"),
        Strike("pause", "reading"),
        *(Strike("pause", "commit", number=number) for number in (4, 9)),
        Strike("pause", "start", dbt_steps[0], seconds=0.7),
        Strike("pause", "start", STEPS[-1], seconds=0.5),
    ]
    chance.shuffle(strikes)
    return strikes


def short_exam() -> list[Strike]:
    """A kill within dbt, and a pause."""
    return [
        Strike("run", "start", STEPS[2], seconds=0.5),
        Strike("pause", "receiving"),
    ]


class Exam:
    """An office whose main job is struck; `office.is_naive` for the one that must fail."""

    def __init__(self, home: Path, *, is_naive: bool = False) -> None:
        home.mkdir(parents=True)
        self.office = Office(home, is_naive)
        self.sightings = home / "sightings.txt"
        self._undisturbed: dict[int, dict[str, str]] = {}
        self._reader: int | None = None

    def take(self, strikes: Sequence[Strike]) -> Iterator[Finding]:
        """Strike after strike, each on the next delivery, while a reader watches."""
        office = self.office
        states, sites = [], []
        # The second time, the first delivery finds the second one in the list of received files.
        for students in (*DELIVERIES, DELIVERIES[0]):
            if office.run(students) != 0:
                raise RuntimeError(f"The undisturbed run failed: {(office.home / 'runs.log').read_text()[-2000:]}")
            self._undisturbed[students] = witness.everything(office.settings, office.database.conninfo)
            with psycopg.connect(office.database.conninfo) as connection:
                states.append(witness.quarters_of(connection))
            sites.append(witness.pages(office.settings.site))
        self._reader = witness.watch(office.settings, office.database.conninfo, states[-2:], sites[-2:], self.sightings)
        present, coming = DELIVERIES
        for strike in strikes:
            if strike.victim == "pause":
                yield self._pause(strike, coming, present)
            else:
                yield self._kill(strike, coming)
                present, coming = coming, present

    def seen(self) -> list[str]:
        """What the reader saw and never should have, and end it."""
        if self._reader:
            os.kill(self._reader, signal.SIGTERM)
            os.waitpid(self._reader, 0)
            self._reader = None
        return self.sightings.read_text().splitlines() if self.sightings.exists() else []

    @property
    def read_count(self) -> int:
        """How often the reader has read all marts and pages."""
        return int(self.sightings.with_suffix(".reads").read_text())

    def _kill(self, strike: Strike, students: int) -> Finding:
        office = self.office
        ended = office.run(students, strike)
        office.mend_server()
        state = office.states()
        # A run that outlived its server may have succeeded by its own retries; then there is nothing to repeat.
        outcome = "" if ended == 0 or office.run(students) == 0 else "the run after it failed"
        return Finding(strike, ended != 0, state, outcome, self._differing(students))

    def _pause(self, strike: Strike, students: int, other: int) -> Finding:
        """A run is paused past its lease, another one brings the other delivery meanwhile, and the first goes on."""
        office = self.office
        process = office.start(students, strike, QUARTERDECK_LEASE_SECONDS=str(PAUSED_LEASE_SECONDS))
        stopped = office.wait(process) == -signal.SIGSTOP
        state = office.states()
        if not stopped:
            office.run(other)
            return Finding(strike, False, state, "it was not paused", self._differing(other))
        time.sleep(PAUSED_LEASE_SECONDS + 0.5)
        successor = office.run(other)
        before = self._differing(other)
        os.kill(process, signal.SIGCONT)
        late = office.wait(process)
        outcome = "refused to write"
        if successor != 0:
            outcome = "its successor failed"
        elif late == 0:
            outcome = "it went on and succeeded"
        differing = [*before, *self._differing(other)]
        return Finding(strike, True, state, outcome, sorted(set(differing)))

    def _differing(self, students: int) -> list[str]:
        found = witness.everything(self.office.settings, self.office.database.conninfo)
        expected = self._undisturbed[students]
        return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
