"""What relative gates compare with: versions of the output Model, and what their MLflow runs logged."""

from collections.abc import Mapping

from millwright.api.gates import VersionReference
from millwright.core import gates
from millwright.core.gates import References
from millwright.core.registry import RegisteredVersion
from millwright.core.training_state import Missing, ModelTarget, Observed, Reference
from millwright.ports import Registry
from millwright.reconcilers.together import together


class ReferenceReader:
    """Finds versions by alias or number."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def read(self, known: Observed) -> References:
        """Of a run that ended well, everything that its gates compare with; of any other, nothing."""
        wanted, model = gates.references(known.subject.spec), known.model
        if not wanted or not known.ended_well or isinstance(model, Missing):
            return {}
        registered, versions = await together(
            self._registry.find_model(model.registered_name), self._registry.versions(model.registered_name)
        )
        aliases = registered.aliases if registered else {}
        numbered = {version.number: version for version in versions}
        found = await together(*(self._of(it, model, aliases, numbered) for it in wanted))
        return dict(zip(wanted, found, strict=True))

    async def _of(
        self,
        wanted: VersionReference,
        model: ModelTarget,
        aliases: Mapping[str, str],
        versions: Mapping[str, RegisteredVersion],
    ) -> Reference | Missing:
        number = wanted.version or aliases.get(wanted.alias or "")
        if number is None:
            return _unset(wanted.alias or "", model)
        version = versions.get(number)
        if version is None:
            return Missing("VersionNotFound", f"{model.registered_name} has no version {number}", final=True)
        metrics = await self._registry.metrics(version.run_id)
        if metrics is None:
            return Missing("OriginalGone", f"the MLflow run of version {number} is gone", final=True)
        return Reference(number, metrics)


def _unset(alias: str, model: ModelTarget) -> Missing:
    """An alias that the Model names will come; any other is a slip of the pen."""
    if alias in model.aliases:
        return Missing("AliasNotSet", f"passes, as {alias} points to no version of {model.registered_name} yet")
    there = ", ".join(model.aliases) or "none"
    message = f"the Model has no alias {alias} (it has: {there}); correct the gate, or add it to the Model"
    return Missing("AliasNotSet", message, final=True)
