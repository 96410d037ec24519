"""Reads what an experiment's versions have counted, and what its guardrails say of its arms."""

from datetime import timedelta

from millwright.api.analysis import Analysis
from millwright.api.deployment import ArmStatus, DeploymentSpec, DeploymentStatus, ExperimentStatus, ServedVersion
from millwright.api.experiment import Experiment
from millwright.core.analysis import queries
from millwright.core.analysis.counting import Window
from millwright.core.analysis.queries import Versions
from millwright.core.analysis.verdict import Verdict
from millwright.core.execution import ObjectKey
from millwright.core.experiments import tally
from millwright.core.experiments.look import attempt
from millwright.core.experiments.tally import Added, Tally
from millwright.core.strategies.walk import Hold
from millwright.ports import Clock, Measurements
from millwright.reconcilers.analyst import Analyst, or_hold
from millwright.reconcilers.together import together


class TallySource:
    """One look at the metrics of a Deployment's experiment."""

    def __init__(self, measurements: Measurements, clock: Clock, analyst: Analyst) -> None:
        self._measurements = measurements
        self._clock = clock
        self._analyst = analyst

    async def read(self, key: ObjectKey, spec: DeploymentSpec, status: DeploymentStatus) -> Tally | Hold | None:
        """None: nothing is new. Hold: why it cannot be read, so that nothing may be decided."""
        experiment, record, control = spec.strategy.experiment, status.experiment, status.stable
        if experiment is None or record is None or control is None:
            return None
        if record.attempt != attempt(experiment, control):
            return None
        reading = self._tally(key, experiment, record, control)
        return await or_hold(reading, "the experiment goes on", "the queries of spec.strategy.experiment")

    async def _tally(
        self, key: ObjectKey, experiment: Experiment, record: ExperimentStatus, control: ServedVersion
    ) -> Tally | None:
        arms = [arm for arm in record.arms if arm.exposed_since and arm.replicas]
        interval = timedelta(seconds=experiment.interval_seconds)
        seen = tally.window(record.began, record.counted_to, self._clock.now(), interval)
        if record.decided_at is not None:
            return Tally(record.counted_to, verdicts=await self._verdicts(key, experiment, control, arms))
        if seen is None:
            return None
        added, verdicts = await together(
            self._added(key, experiment, record, (control, *arms), seen),
            self._verdicts(key, experiment, control, arms),
        )
        return Tally(seen.moments[-1], added, verdicts)

    async def _added(
        self,
        key: ObjectKey,
        experiment: Experiment,
        record: ExperimentStatus,
        versions: tuple[ServedVersion, ...],
        seen: Window,
    ) -> dict[str, tuple[Added, ...]]:
        asked = (experiment.primary.hits, experiment.primary.total)
        counters = [queries.of_version(query, key, version) for version in versions for query in asked]
        found = await self._measurements.series(counters, seen)
        pairs = zip(versions, found[::2], found[1::2], strict=True)
        return {
            version.version_set: tally.added(hits, total, seen, record.counted_to) for version, hits, total in pairs
        }

    async def _verdicts(
        self, key: ObjectKey, experiment: Experiment, control: ServedVersion, arms: list[ArmStatus]
    ) -> dict[str, Verdict]:
        """By version set, of the arms that get requests."""
        if not experiment.guardrails:
            return {}
        guards = Analysis(
            interval_seconds=experiment.interval_seconds,
            confidence=experiment.confidence,
            metrics=experiment.guardrails,
        )
        judged = {arm.version_set: arm.exposed_since for arm in arms if arm.exposed_since}
        pairs = (
            (Versions(key.namespace, key.name, name, control.version_set), since) for name, since in judged.items()
        )
        found = await together(*(self._analyst.verdict(guards, versions, since) for versions, since in pairs))
        return dict(zip(judged, found, strict=True))
