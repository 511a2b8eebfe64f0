"""Row 22: a service under steady traffic; memory, descriptors and the write-ahead log are watched from outside."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.load import optimise_on, simulated_symbols
from bench.served import Served
from bench.soak.result import Result
from bench.traffic import Client, Tally, create, visitor

CLIENTS, PORTFOLIOS, EVERY_S = 20, 100, 5.0


@dataclass(frozen=True)
class Sample:
    """One look at the process."""

    at_s: float
    memory_mib: float
    descriptors: int
    wal_mib: float


@dataclass(frozen=True)
class Steady:
    """What the looks add up to."""

    samples: list[Sample]
    tally: Tally

    @property
    def slope_mib_per_hour(self) -> float:
        """Of a line through the memory of the last half: the first one fills caches."""
        late = self.samples[len(self.samples) // 2 :]
        return float(np.polyfit([s.at_s / 3600 for s in late], [s.memory_mib for s in late], 1)[0])

    @property
    def growth_mib(self) -> float:
        """Memory at the end above that after a fifth of the time."""
        return self.samples[-1].memory_mib - self.samples[len(self.samples) // 5].memory_mib

    @property
    def more_descriptors(self) -> float:
        """How many more are open in the last third than in the middle one, by the median."""
        third = max(1, len(self.samples) // 3)
        counts = [s.descriptors for s in self.samples]
        return statistics.median(counts[-third:]) - statistics.median(counts[third : 2 * third] or counts)

    @property
    def wal_mib(self) -> float:
        return max(s.wal_mib for s in self.samples)


async def steady(seconds: float, every_s: float = EVERY_S) -> Steady:
    """Mixed traffic with an optimisation each half second, watched every `every_s`."""
    symbols, tally, samples = simulated_symbols(), Tally(), []
    with tempfile.TemporaryDirectory() as name, Served(Path(name)) as service:
        async with Client(service.url, tally) as client:
            ids = await create(client, PORTFOLIOS, symbols, 20)
            began = time.perf_counter()
            until = began + seconds
            tasks = [asyncio.create_task(visitor(client, ids, random.Random(k), until, 0.5)) for k in range(CLIENTS)]
            tasks.append(asyncio.create_task(optimise_on(client, ids[0], symbols[:30], until, pause_s=0.5)))
            while time.perf_counter() < until:
                await asyncio.sleep(every_s)
                at = time.perf_counter() - began
                samples.append(Sample(at, service.memory_mib(), service.descriptors(), service.wal_mib()))
            await asyncio.gather(*tasks)
        service.stop()
    return Steady(samples, tally)


def result(minutes: float) -> Result:
    """Row 22."""
    found = asyncio.run(steady(60 * minutes))
    wrong = sum(found.tally.errors.values())
    measured = (
        f"{minutes:g} min, {found.tally.requests} requests, {wrong} errors; "
        f"memory {found.samples[-1].memory_mib:.0f} MiB, "
        f"slope of the last half {found.slope_mib_per_hour:+.2f} MiB/h; descriptors {found.more_descriptors:+.0f}; "
        f"WAL at most {found.wal_mib:.1f} MiB"
    )
    met = found.slope_mib_per_hour < 1 and found.more_descriptors <= 2 and found.wal_mib <= 64 and not wrong
    return Result(
        22,
        "soak: memory slope below 1 MB/h, descriptors constant, WAL at most 64 MB",
        measured,
        met,
        f"./run soak {minutes:g} --only steady",
        "40 s, growth in MiB (a slope needs longer)",
    )
