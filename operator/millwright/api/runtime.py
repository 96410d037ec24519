"""What serves a version, where it is not the platform's own server."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from millwright.api.common import ApiModel, LongText, cel, rules

MAX_WORDS = 64
Image = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\s]+$")]
Words = Annotated[tuple[LongText, ...], Field(max_length=MAX_WORDS)]
# In rules of a Deployment's spec: it is served by a server that is not ours.
IS_CUSTOM = "has(self.runtime) && self.runtime.type == 'Custom'"


class Runtime(ApiModel):
    """The server of a model that the platform's own cannot load."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "self.type == 'MLflow' || has(self.image)",
                "name the image of your server in runtime.image, or set runtime.type to MLflow",
            ),
            cel(
                "self.type == 'Custom' || !has(self.command) && !has(self.args) && !has(self.port)",
                "command, args and port are for a Custom runtime: with MLflow the platform's own server runs in the "
                "image",
            ),
        )
    )

    type: Literal["Custom", "MLflow"] = Field(
        "Custom",
        description="Custom: the image has a server that speaks V2 (Open Inference Protocol), as those of KServe do; "
        "it finds the package in /mnt/models. MLflow: the platform's server runs in the image, and loads the package "
        "by MLflow, in whose environment the model's libraries must be.",
    )
    image: Image | None = Field(
        None, description="Image of the server; of type MLflow the platform's runner image when left out."
    )
    command: Words | None = Field(None, description="Entrypoint; the image's own when left out.")
    args: Words | None = Field(
        None,
        description="Arguments; the image's own when left out. $(MODEL_NAME), $(MILLWRIGHT_MODEL_VERSION) and other "
        "variables of the container are filled in.",
    )
    port: int | None = Field(None, ge=1024, le=65535, description="Where it listens; 8080 when left out.")
