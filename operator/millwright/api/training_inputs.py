"""What a TrainingRun runs: a compiled pipeline or an earlier execution, and the data and code that belong to it."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from millwright.api.common import ApiModel, DnsName, ModelVersionNumber, ObjectName, ShortText, cel, rules

DEFAULT_TOLERANCE = 1e-6
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$", max_length=71)]
ExecutionKey = Annotated[
    str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
]
Uri = Annotated[str, StringConstraints(min_length=3, max_length=1024, pattern=r"^[a-z][a-z0-9+.-]*:.+$")]


class ConfigMapReference(ApiModel):
    """One key of a ConfigMap in the same namespace."""

    name: ObjectName = Field(description="Name of the ConfigMap.")
    key: ShortText = Field("pipeline.yaml", description="Key that holds the compiled pipeline.")


class PipelineSource(ApiModel):
    """Where the compiled Kubeflow pipeline (IR YAML) comes from: exactly one of configMapRef, uri and name."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "[has(self.configMapRef), has(self.uri), has(self.name)].filter(x, x).size() == 1",
                "name exactly one source of the pipeline: configMapRef, uri with digest, or name",
            ),
            cel("has(self.uri) == has(self.digest)", "uri and digest go together: sha256sum tells the digest"),
            cel("!has(self.version) || has(self.name)", "version is of the pipeline that `name` names"),
        )
    )

    config_map_ref: ConfigMapReference | None = Field(
        None,
        description="A ConfigMap in this namespace, for example made by kustomize's configMapGenerator "
        "from the file that `kfp dsl compile` wrote.",
    )
    uri: Uri | None = Field(
        None, description="An object in S3, below a place that the platform allows, for example s3://pipelines/a.yaml."
    )
    digest: Digest | None = Field(None, description="sha256 of the object's content, so that it stays what it is.")
    name: ShortText | None = Field(
        None, description="A pipeline that was uploaded to the Kubeflow Pipelines server (kubeflow backend)."
    )
    version: ShortText | None = Field(
        None, description="Name of its version; the newest at the time of the launch, when left out."
    )


class ReplayOf(ApiModel):
    """An earlier execution, to be run again exactly as it was: exactly one of modelVersion and execution."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "has(self.modelVersion) != has(self.execution)",
                "name what to replay by exactly one of modelVersion (of the Model in output) and execution",
            ),
        )
    )

    model_version: ModelVersionNumber | None = Field(
        None, description="The version of the Model in `output` whose execution is run again."
    )
    execution: ExecutionKey | None = Field(
        None,
        description="Key of an execution of this namespace, as status.history shows it. It can be run again until its "
        "children are deleted, or for good where it became a model version.",
    )
    tolerance: float = Field(
        DEFAULT_TOLERANCE,
        ge=0,
        le=1,
        description="How far a metric may be from the original one, relative to the larger of both, to count as equal. "
        "Changing it compares again, and trains nothing.",
    )


class Dataset(ApiModel):
    """A data set that the run reads: recorded as lineage of the model version, and in S3 looked at before a launch."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "!self.uri.startsWith('s3://') || self.uri.matches('^s3://[^/]+/')",
                "an s3:// URI names a bucket and an object, or a folder with a slash at its end",
            ),
            cel(
                "!has(self.digest) || self.uri.startsWith('s3://')",
                "a digest is compared before the launch, and that is possible for s3:// only: leave it out",
            ),
        )
    )

    name: DnsName = Field(description="Name of the data set.")
    uri: Uri = Field(
        description="Where it is, for example s3://data/flights/2013-01.parquet, or s3://data/flights/ for a folder. "
        "The run waits until there is something in S3."
    )
    digest: Digest | None = Field(
        None,
        description="sha256 of the object's content, without which nothing is launched. Of a folder: sha256 of what "
        "sha256sum prints for its files, sorted by path.",
    )


class SourceRevision(ApiModel):
    """The code that made the pipeline; recorded, so that a version can be made again."""

    repo_url: ShortText = Field(
        alias="repoURL", description="Repository, for example https://git.example/team/flights."
    )
    revision: ShortText = Field(description="Commit, for example 4f2c1d9.")
