"""Imports: their identity, and the tags that tell what was imported."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from millwright.api.model_import import ModelImport
from millwright.core.execution import ObjectKey, Owner, Package, execution_key, short_hash
from millwright.core.registry import RegisteredVersion

URI_TAG = "millwright.import.uri"
SPEC_HASH_TAG = "millwright.specHash"
# Who may read does not change what is read.
NOT_RELEVANT = {"storage", "service_account_name"}


@dataclass(frozen=True)
class Import:
    """One Model's import of one model; `key` names it everywhere in the outside world."""

    model: ObjectKey
    uid: str
    registered_name: str
    source: ModelImport
    allow_pickle: bool = False

    @property
    def spec_hash(self) -> str:
        """12 hex digits that change when, and only when, another version is wanted."""
        relevant = self.source.model_dump(mode="json", by_alias=True, exclude=NOT_RELEVANT, exclude_none=True)
        return short_hash(relevant, 12)

    @property
    def key(self) -> str:
        """The idempotency key. It covers what packaging may do: what was refused is tried again when it may more."""
        return execution_key(self.model.name, self.uid, self.spec_hash, f"pickle={self.allow_pickle}")

    @property
    def owner(self) -> Owner:
        """The Model."""
        return Owner("Model", self.model, self.uid)

    @property
    def experiment(self) -> str:
        """Name of the MLflow experiment; no TrainingRun has one of three parts."""
        return experiment(self.model)


def experiment(model: ObjectKey) -> str:
    """Name of the MLflow experiment of all imports of a Model."""
    return f"{model.namespace}/{model.name}/import"


def run_tags(wanted: Import) -> dict[str, str]:
    """Tags of the MLflow run."""
    return _lineage(wanted, wanted.source.digest) | {
        "millwright.namespace": wanted.model.namespace,
        "millwright.model": wanted.registered_name,
    }


def version_tags(wanted: Import, package: Package) -> dict[str, str]:
    """Tags of the model version; its digest is what was there, whether the spec names one or not."""
    return _lineage(wanted, package.source_digest) | {
        "millwright.digest": package.digest,
        "millwright.format": package.format,
        "millwright.package": package.uri,
        "millwright.gates": "Passed",
    }


def _lineage(wanted: Import, digest: str | None) -> dict[str, str]:
    return {
        "millwright.execution": wanted.key,
        SPEC_HASH_TAG: wanted.spec_hash,
        URI_TAG: wanted.source.uri,
        "millwright.import.format": wanted.source.format,
        **({"millwright.import.digest": digest} if digest else {}),
    }


def source_of(tags: Mapping[str, str]) -> str | None:
    """Where a version was imported from, by its tags; None where it was trained."""
    return tags.get(URI_TAG)


def version_of(wanted: Import, versions: Iterable[RegisteredVersion]) -> str | None:
    """The version that the import has become, also for an earlier Model of that name, or None."""
    same = (v.number for v in versions if source_of(v.tags) and v.tags.get(SPEC_HASH_TAG) == wanted.spec_hash)
    return min(same, key=int, default=None)
