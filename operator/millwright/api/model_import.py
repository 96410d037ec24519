"""A Model's import: a model that was trained elsewhere, to become a version through the same packaging."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from millwright.api.common import (
    ApiModel,
    ModelVersionNumber,
    ObjectName,
    ShortText,
    StatusModel,
    StorageReference,
    Time,
    cel,
    rules,
)
from millwright.api.training_inputs import Digest

S3Uri = Annotated[str, StringConstraints(min_length=8, max_length=1024, pattern=r"^s3://[a-z0-9][a-z0-9.-]+/[^?#]+$")]


class ImportSample(ApiModel):
    """Rows to compare predictions on."""

    uri: S3Uri = Field(
        description="A JSON object in S3 with dataframe_split (columns and data) or inputs (an array of rows), and "
        "perhaps predictions: what the model answers where it comes from, as MLflow's server says it."
    )
    digest: Digest | None = Field(None, description="sha256 of its content; another content is refused.")


class ModelImport(ApiModel):
    """A model that was trained elsewhere. Another one makes another version; the same one never makes a second."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "self.format != 'skops' || has(self.sample)",
                "a skops file tells nothing of its inputs: give a sample",
            )
        )
    )

    uri: S3Uri = Field(
        description="Where it is: an object in S3; of format mlflow, the prefix that has the MLmodel. It is read with "
        "the storage Secret of this namespace."
    )
    digest: Digest | None = Field(
        None,
        description="sha256 of its content, as sha256sum tells it, or of the list of all digests below a prefix; "
        "another content is refused before anything opens it.",
    )
    format: Literal["onnx", "skops", "mlflow"] = Field(
        description="onnx or skops: one file. mlflow: a folder as MLflow's save_model writes it; one that is neither "
        "of ONNX nor of scikit-learn, or has a pickle in it, needs allowPickle."
    )
    sample: ImportSample | None = Field(
        None,
        description="Rows to compare predictions on. Needed with skops, and with mlflow where a scikit-learn model was "
        "saved without an input example.",
    )
    service_account_name: ObjectName | None = Field(
        None, description="Service account of the pod that imports; its API token is not mounted."
    )
    storage: StorageReference | None = Field(
        None, description="Object storage credentials; the platform's default Secret name when left out."
    )


class ImportStatus(StatusModel):
    """The import that the Model asks for, as far as it has got."""

    spec_hash: ShortText = Field(description="Hash of what decides the result of the import.")
    execution: ShortText = Field(description="Key of the import: of its MLflow run, its Job and its package.")
    model_version: ModelVersionNumber | None = Field(None, description="The version that it became.")
    failures: int = Field(0, ge=0, description="Failures so far that are tried again.")
    next_attempt_time: Time | None = Field(None, description="When it is tried again.")
