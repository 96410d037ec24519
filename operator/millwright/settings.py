"""The operator's settings: one mounted YAML file."""

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from millwright.adapters.node_pools import NodePoolsFile

FILE_VARIABLE = "MILLWRIGHT_SETTINGS_FILE"
DEFAULT_FILE = "/etc/millwright/settings.yaml"
Quantities = dict[str, dict[str, str]]


class Section(BaseModel):
    """camelCase in the file; an unknown field is an error."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class Images(Section):
    """Images of the pods that the operator starts."""

    runner: str = Field(description="Runs pipelines and packaging.")
    serving: str = Field(description="Serves models.")


class Mlflow(Section):
    """Where MLflow is."""

    tracking_uri: str = Field(pattern=r"^https?://[^@]+$", description="What pods and the operator use; names no user.")
    public_url: str | None = Field(None, description="What browsers use, for links in status.")
    secret_name: str | None = Field(None, description="Secret of each namespace with the pods' login.")
    login_folder: Path | None = Field(None, description="Folder with the operator's own, as files.")


class Storage(Section):
    """Where packages are kept."""

    packages: str = Field(pattern=r"^s3://", description="Prefix of packages, for example s3://models.")
    pipelines: tuple[str, ...] = Field(
        (), description="Prefixes, for example s3://pipelines/, below which anybody may name a compiled pipeline."
    )
    secret_name: str = Field("millwright-storage", description="Secret of each namespace with S3 credentials.")


class Prometheus(Section):
    """The Prometheus that scrapes the serving pods."""

    url: str = Field(
        pattern=r"^https?://[^@]+$", description="Of its API, for example http://prometheus.monitoring:9090."
    )


class Lease(Section):
    """What the operator's replicas contend for."""

    namespace: str = Field("millwright", description="Its namespace.")
    name: str = Field("millwright-operator", description="Its name; one for all that watch the same namespaces.")


class UserHeader(Section):
    """The header in which a proxy in front of Kubeflow Pipelines would say who asks."""

    name: str = Field("kubeflow-userid", min_length=1)
    value: str = Field(min_length=1, description="The user that may create runs in the namespaces.")


class Kubeflow(Section):
    """A Kubeflow Pipelines server. Whether it is multi-user, and its version, it says itself."""

    url: str = Field(pattern=r"^https?://", description="Of its API, for example http://ml-pipeline.kubeflow:8888.")
    public_url: str | None = Field(None, description="Of its pages for browsers, for links in status.")
    run_namespace: str = Field("kubeflow", description="Where a server that is not multi-user runs every pod.")
    token_file: str | None = Field(None, description="Projected service account token to authenticate with.")
    user_header: UserHeader | None = Field(None, description="Header to authenticate with.")
    service_account_name: str | None = Field(
        None, description="Service account of pods where the TrainingRun names none; else the server's own choice."
    )
    storage_keys: tuple[str, ...] = Field(
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"),
        description="Keys of the storage Secret that steps get; each must be in it, or their pods do not start.",
    )
    mlflow_keys: tuple[str, ...] = Field(
        ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"),
        description="Keys of mlflow.secretName that steps get, where it is set; each must be in it, too.",
    )


class Settings(BaseSettings):
    """Everything that the platform team decides."""

    model_config = SettingsConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
    )

    images: Images
    mlflow: Mlflow
    storage: Storage
    backend: Literal["embedded", "kubeflow"] = Field("embedded", description="What runs pipelines.")
    namespace_backends: dict[str, Literal["embedded", "kubeflow"]] = Field(
        default_factory=dict, description="Backends of namespaces that do not use `backend`."
    )
    kueue: bool = Field(False, description="Whether the cluster has Kueue, so that TrainingRuns may name a queue.")
    kubeflow: Kubeflow | None = Field(None, description="The server of the kubeflow backend.")
    prometheus: Prometheus | None = Field(None, description="What analysis of roll-outs asks.")
    lease: Lease = Field(Lease(), description="Whose holder, of several replicas, works.")
    namespaces: tuple[str, ...] = Field((), description="Namespaces to watch; all where it is empty.")
    workers: int = Field(8, ge=1, le=128, description="Objects of one kind reconciled at once.")
    runner_resources: Quantities = Field(default_factory=dict, description="Requests and limits of pipeline pods.")
    serving_resources: Quantities = Field(default_factory=dict, description="Requests and limits of serving pods.")
    node_pools_file: Path | None = Field(
        None, description="File with `nodePools`, `defaultNodePool` and `currency`, read again when it changes."
    )
    metrics_port: int = Field(9090, ge=1, le=65535)
    health_port: int = Field(8080, ge=1, le=65535)

    @field_validator("node_pools_file")
    @classmethod
    def _describes_node_pools(cls, path: Path | None) -> Path | None:
        NodePoolsFile(path)
        return path

    @model_validator(mode="after")
    def _kubeflow_is_described_where_it_is_used(self) -> "Settings":
        if self.kubeflow is None and "kubeflow" in (self.backend, *self.namespace_backends.values()):
            raise ValueError("backend kubeflow needs the section `kubeflow` with the server's url")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = Path(os.environ.get(FILE_VARIABLE, DEFAULT_FILE))
        return init_settings, YamlConfigSettingsSource(settings_cls, file)


def load() -> Settings:
    """Reads the settings. Ends the process with a readable list where they are wrong."""
    try:
        values: dict[str, Any] = {}
        return Settings(**values)
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors()]
        raise SystemExit("settings are wrong:\n" + "\n".join(lines)) from None
