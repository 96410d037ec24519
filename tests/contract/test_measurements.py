"""One suite for what answers for Prometheus: a real one that has scraped a server, and the fake of the unit tests."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from tests.contract.processes import free_port
from tests.contract.prometheus_server import prometheus, scraping
from tests.fakes.measurements import Counter, FakeMeasurements

from millwright.adapters.prometheus import PLACE, PrometheusMeasurements
from millwright.core.analysis.counting import Window, window
from millwright.ports import DependencyError, Measurements, RejectedError

INTERVAL = timedelta(seconds=5)
BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=120)
WINDOW = window(BEGAN, BEGAN + 6 * INTERVAL, INTERVAL)
SELECTOR = 'requests_total{pod=~"a|b"}'
SERVERS, NOTHING = 'count(requests_total{pod="a"})', "sum(answers_total)"


def steady(moment: datetime) -> float:
    """Ten a second since it began."""
    return 10 * (moment - BEGAN).total_seconds()


def restarted(moment: datetime) -> float | None:
    """Came after two intervals, and was started again after four."""
    lived = moment - BEGAN - 2 * INTERVAL
    return None if lived < timedelta(0) else (lived % (2 * INTERVAL)).total_seconds()


COUNTERS: dict[str, Counter] = {"a": steady, "b": restarted}


def line(pod: str, counter: Counter, moment: datetime) -> str | None:
    value = counter(moment)
    return None if value is None else f'requests_total{{pod="{pod}"}} {value}'


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a Prometheus that has scraped the two counters."""
    lines = [partial(line, pod, counter) for pod, counter in COUNTERS.items()]
    with prometheus(tmp_path_factory.mktemp("prometheus"), lines, WINDOW.moments) as address:
        yield address


@pytest.fixture(params=["fake", "real"])
async def measurements(request: pytest.FixtureRequest, url: str) -> AsyncIterator[Measurements]:
    if request.param == "fake":
        fake = FakeMeasurements()
        fake.counters[SELECTOR] = [({"pod": pod}, counter) for pod, counter in COUNTERS.items()]
        fake.queries = {SERVERS: 1.0, NOTHING: None}
        yield fake
        return
    real = PrometheusMeasurements(url)
    yield real
    await real.close()


async def test_counters_have_their_values_at_the_moments_that_they_were_there(measurements: Measurements) -> None:
    (series,) = await measurements.series([SELECTOR], WINDOW)
    found = {one.labels["pod"]: one.values for one in series}
    assert all(one.labels.keys() >= {"pod"} and PLACE not in one.labels for one in series)
    assert found["a"] == {moment: steady(moment) for moment in WINDOW.moments}
    assert found["b"] == {moment: restarted(moment) for moment in WINDOW.moments[2:]}


async def test_a_counter_that_nobody_knows_has_no_series(measurements: Measurements) -> None:
    unknown = 'requests_total{pod="c"}'
    assert [len(series) for series in await measurements.series([unknown, SELECTOR], WINDOW)] == [0, 2]


async def test_a_query_has_a_number_at_each_moment_or_none(measurements: Measurements) -> None:
    assert await measurements.numbers(SERVERS, WINDOW) == [1.0] * len(WINDOW.moments)
    assert await measurements.numbers(NOTHING, WINDOW) == [None] * len(WINDOW.moments)


async def test_a_wrong_query_is_refused(measurements: Measurements) -> None:
    with pytest.raises(RejectedError, match="refuses the query"):
        await measurements.numbers("sum(", WINDOW)


@pytest.mark.parametrize("kind", ["fake", "real"])
async def test_one_that_does_not_answer_is_a_dependency_that_is_down(kind: str) -> None:
    fake = FakeMeasurements()
    fake.is_down = True
    real = PrometheusMeasurements(f"http://127.0.0.1:{free_port()}")
    down: Measurements = fake if kind == "fake" else real
    with pytest.raises(DependencyError) as error:
        await down.series([SELECTOR], WINDOW)
    assert error.value.reason == "PrometheusUnavailable"
    await real.close()


STEP = timedelta(milliseconds=10)
PAIR = ("hits_total", "all_total")


def counted(name: str, moment: datetime) -> str:
    """As many as there were moments before."""
    return f"{name} {(moment - BEGAN) / STEP:.0f}"


@pytest.fixture
def scraped_meanwhile(tmp_path: Path) -> Iterator[tuple[str, Event]]:
    """A Prometheus that scrapes a pair of counters, ten times a second, and its end."""
    moments = [BEGAN + number * STEP for number in range(50)]
    with scraping(tmp_path, [partial(counted, name) for name in PAIR], moments, every="100ms") as both:
        yield both


async def test_what_is_compared_is_of_one_scrape(scraped_meanwhile: tuple[str, Event]) -> None:
    url, done = scraped_meanwhile
    newest = BEGAN + 500 * STEP
    real = PrometheusMeasurements(url)
    seen: set[float] = set()
    while not done.is_set():
        found = await real.series(PAIR, Window(BEGAN, (newest - INTERVAL, newest), INTERVAL))
        values = [one.values[newest] for series in found for one in series]
        assert len(set(values)) <= 1, values
        assert len(values) in (0, 2)
        seen.update(values)
    await real.close()
    assert len(seen) > 10
