"""The kubeflow pipelines backend: runs on a Kubeflow Pipelines server, each step a pod on its node pool.

A run's name is the execution's key, looked up before anything is started. A stopped run is archived, so that its
execution can be launched anew; one call for each namespace and interval follows all runs under way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from millwright.adapters import copies, jobs, kubeflow_failures, kubeflow_runs
from millwright.adapters.copies import STEP
from millwright.adapters.jobs import JobSettings
from millwright.adapters.kubeflow_api import Absent, KubeflowApi, WorkflowLost
from millwright.adapters.kubeflow_follower import Follower, Wake
from millwright.adapters.kubeflow_snapshots import RUN_LABEL, Snapshots, Space
from millwright.api.training_run import TrainingRunSpec
from millwright.core import pod_state
from millwright.core.actions import Launch
from millwright.core.caching import without_cache
from millwright.core.environment import SecretEnvironment
from millwright.core.execution import Execution, Phase, PipelineRun, RunReference, Runtime
from millwright.core.ir import Pipeline
from millwright.core.node_pools import NodePools
from millwright.core.placement import Placement, place
from millwright.ports import WORKFLOWS, Cluster, RejectedError

Json = dict[str, Any]
BACKEND = "kubeflow"


@dataclass(frozen=True)
class KubeflowSettings:
    """What the platform team decided for pipelines on Kubeflow."""

    public_url: str
    run_namespace: str
    storage_keys: tuple[str, ...]
    mlflow_keys: tuple[str, ...] = ()
    service_account_name: str | None = None


class KubeflowPipelines:
    """Implements ports.Pipelines."""

    def __init__(
        self,
        api: KubeflowApi,
        cluster: Cluster,
        job_settings: JobSettings,
        settings: KubeflowSettings,
        pools: Callable[[], NodePools],
    ) -> None:
        """`pools`: the platform's node pools as they are now."""
        self._api = api
        self._cluster = cluster
        self._job_settings = job_settings
        self._settings = settings
        self._pools = pools
        self._snapshots = Snapshots(api, cluster)
        self._follower = Follower(self._snapshots)

    async def follow(self, wake: Wake) -> None:
        """Wakes for ever the TrainingRuns whose run under way has changed."""
        await self._follower.run(wake)

    def check(self, namespace: str, pipeline: Pipeline, spec: TrainingRunSpec) -> None:
        place(pipeline, Placement(self._pools(), self._job_settings.image, spec.node_pools))

    async def uploaded(self, namespace: str, name: str, version: str | None) -> str | None:
        space = await self._space(namespace)
        try:
            return kubeflow_runs.ir_text(await self._api.pipeline_spec(space.api_namespace, name, version))
        except Absent:
            return None

    async def runtime(self, namespace: str) -> Runtime:
        return Runtime(BACKEND, (await self._api.server()).version, self._job_settings.image)

    async def find(self, execution: Execution) -> PipelineRun | None:
        space = await self._space(execution.run.namespace)
        snapshot = await self._snapshots.of(space)
        run = snapshot.run(execution.key) or await self._current(space, execution.key)
        if run is None:
            return None
        if kubeflow_runs.under_way(run):
            self._follower.follow(space, execution.key, execution.run, snapshot)
        return await self._read(space, execution, run)

    async def _current(self, space: Space, key: str) -> Json | None:
        """The oldest run that is in sight; else one that was stopped and has not ended. Stops all others.

        Two submissions of one execution are the price of a lost reply, or of two operators at once: whoever sees both
        ends the younger one.
        """
        runs = await self._api.runs_named(space.api_namespace, key)
        in_sight = [run for run in runs if not kubeflow_runs.archived(run)]
        for run in in_sight[1:]:
            await self._end(run)
        if in_sight:
            return in_sight[0]
        return next((run for run in runs if kubeflow_runs.under_way(run)), None)

    async def _read(self, space: Space, execution: Execution, run: Json) -> PipelineRun:
        pods = await self._snapshots.pods(space, run["run_id"])
        phase, cause = kubeflow_runs.phase(run), None
        if phase is Phase.FAILED:
            cause = await kubeflow_failures.cause(self._cluster, space, run)
        elif not pods and await self._has_lost_its_workflow(space, run):
            phase, cause = Phase.FAILED, kubeflow_failures.lost(run)
        return PipelineRun(
            key=execution.key,
            reference=self._reference(run),
            phase=kubeflow_runs.begun(phase, pods),
            started=kubeflow_runs.created(run),
            ending=kubeflow_runs.archived(run) or kubeflow_runs.canceling(run),
            waiting_for=kubeflow_runs.waiting_for(pods),
            blocked=pod_state.blocked(pods),
            cause=cause,
            tasks=kubeflow_runs.tasks(run, pods),
            uses=pod_state.uses(await self._snapshots.step_pods(space, execution.key)),
        )

    async def _has_lost_its_workflow(self, space: Space, run: Json) -> bool:
        """A run under way without a pod is looked at: the server goes on to wait for a Workflow that was deleted."""
        if not kubeflow_runs.under_way(run) or kubeflow_runs.archived(run):
            return False
        selector = f"{RUN_LABEL}={run['run_id']}"
        return not await self._cluster.list(WORKFLOWS, space.pod_namespace, selector)

    def _reference(self, run: Json) -> RunReference:
        run_id = str(run["run_id"])
        return RunReference(BACKEND, run_id, f"{self._settings.public_url.rstrip('/')}/#/runs/details/{run_id}")

    async def strays(self, execution: Execution) -> Sequence[str]:
        """By experiment and name: what people start in the experiment is theirs."""
        space = await self._space(execution.run.namespace)
        active = (await self._snapshots.of(space)).runs
        others = [r for r in active if r["display_name"] != execution.key and execution.is_kin(r["display_name"])]
        experiment = await self._experiment(space, execution) if others else None
        return sorted({run["display_name"] for run in others if run.get("experiment_id") == experiment})

    async def _experiment(self, space: Space, execution: Execution) -> str | None:
        """ID of the TrainingRun's own experiment, or None: one of that name may be somebody else's."""
        found = await self._api.experiment(space.api_namespace, space.experiment(execution.run))
        return str(found["experiment_id"]) if found and found.get("description") == _mark(execution) else None

    async def launch(self, launch: Launch, mlflow_run_id: str) -> None:
        execution = launch.execution
        space = await self._space(execution.run.namespace)
        if await self._current(space, execution.key) is not None:
            return
        experiment = await self._own_experiment(space, execution)
        await copies.keep(self._cluster, launch)
        run = await self._api.create_run(self._body(launch, experiment, mlflow_run_id))
        self._snapshots.add(space, run)

    async def _own_experiment(self, space: Space, execution: Execution) -> str:
        """Makes it where there is none. Raises RejectedError where somebody else has one of that name."""
        name = space.experiment(execution.run)
        created = await self._api.create_experiment(space.api_namespace, name, _mark(execution))
        found = created or await self._experiment(space, execution)
        if found is None:
            raise RejectedError(
                f"the Kubeflow server has an experiment {name} that is not of this TrainingRun; "
                "rename the TrainingRun, or delete that experiment"
            )
        return found

    def _body(self, launch: Launch, experiment: str, mlflow_run_id: str) -> Json:
        spec = launch.spec
        account = spec.service_account_name or self._settings.service_account_name
        pipeline = launch.pipeline if launch.may_use_cache else without_cache(launch.pipeline)
        placed = place(pipeline, self._placement(launch, mlflow_run_id))
        body: Json = {
            "display_name": launch.execution.key,
            "description": spec.message or "",
            "experiment_id": experiment,
            "pipeline_spec": kubeflow_runs.submitted(placed.pipeline),
            "runtime_config": {"parameters": dict(launch.arguments)},
        }
        return body | ({"service_account": account} if account else {})

    def _placement(self, launch: Launch, mlflow_run_id: str) -> Placement:
        return Placement(
            pools=self._pools(),
            image=self._job_settings.image,
            selection=launch.spec.node_pools,
            environment=jobs.environment(launch.execution, self._job_settings, mlflow_run_id),
            secrets=self._secrets(launch.spec),
            labels=jobs.labels(launch.execution, launch.spec, STEP),
        )

    def _secrets(self, spec: TrainingRunSpec) -> tuple[SecretEnvironment, ...]:
        storage = spec.storage.secret_ref if spec.storage else self._job_settings.storage_secret
        found = (SecretEnvironment(storage, self._settings.storage_keys),)
        login = self._job_settings.mlflow_secret
        return (*found, SecretEnvironment(login, self._settings.mlflow_keys)) if login else found

    async def stop(self, execution: Execution, key: str) -> None:
        space = await self._space(execution.run.namespace)
        for run in await self._api.runs_named(space.api_namespace, key):
            if not kubeflow_runs.archived(run):
                await self._end(run)
        await copies.drop(self._cluster, execution, key)
        self._snapshots.forget(space)

    async def _end(self, run: Json) -> None:
        """Archived first: a run that is archived and under way is seen as ending, one that only ended as it did."""
        await self._api.archive(run["run_id"])
        if kubeflow_runs.under_way(run):
            await self._terminate(run["run_id"])

    async def _terminate(self, run_id: str) -> None:
        """A run without a Workflow never ends on the server: there only its record can go."""
        try:
            await self._api.terminate(run_id)
        except WorkflowLost:
            await self._api.delete_run(run_id)

    async def prune(self, execution: Execution, key: str) -> None:
        space = await self._space(execution.run.namespace)
        for run in await self._api.runs_named(space.api_namespace, key):
            await self._delete(run)
        await copies.drop(self._cluster, execution, key)
        self._snapshots.forget(space)

    async def forget(self, execution: Execution) -> None:
        """What people started in the experiment goes with it."""
        space = await self._space(execution.run.namespace)
        experiment = await self._experiment(space, execution)
        if experiment is None:
            return
        for run in await self._api.runs_of(space.api_namespace, experiment):
            await self._delete(run)
        await self._api.delete_experiment(experiment)
        self._snapshots.forget(space)

    async def _delete(self, run: Json) -> None:
        """A run under way is terminated first: with its record its Workflow goes, and with that its pods."""
        if kubeflow_runs.under_way(run):
            await self._terminate(run["run_id"])
        await self._api.delete_run(run["run_id"])

    async def _space(self, namespace: str) -> Space:
        multi_user = (await self._api.server()).multi_user
        return Space(namespace, namespace) if multi_user else Space("", self._settings.run_namespace)


def _mark(execution: Execution) -> str:
    """Description of a TrainingRun's experiment, by which it is known."""
    return f"Runs of TrainingRun {execution.run.name} in namespace {execution.run.namespace}, kept by Millwright"
