"""Building ONNX graphs node by node: inside skl2onnx's containers, and from nothing."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, checker, helper


class Graph(Protocol):
    """Adds nodes to a graph and returns the name of what they put out."""

    def add(
        self,
        kind: str,
        *inputs: str,
        output: str | None = None,
        domain: str = "",
        version: int | None = None,
        **attributes: Any,
    ) -> str:
        """Add a node of one output; without `output` its name is made up."""
        ...

    def constant(self, values: Any) -> str:
        """Add doubles, 64 bit integers or strings, in the shape they have."""
        ...


@dataclass(frozen=True)
class SklearnGraph:
    """The graph that skl2onnx is building."""

    scope: Any
    container: Any

    def add(
        self,
        kind: str,
        *inputs: str,
        output: str | None = None,
        domain: str = "",
        version: int | None = None,
        **attributes: Any,
    ) -> str:
        name = output or str(self.scope.get_unique_variable_name(kind.lower()))
        self.container.add_node(
            kind,
            list(inputs),
            [name],
            op_domain=domain,
            op_version=version,
            name=self.scope.get_unique_operator_name(kind),
            **attributes,
        )
        return name

    def constant(self, values: Any) -> str:
        name = str(self.scope.get_unique_variable_name("constant"))
        self.container.add_initializer(name, *_typed(values))
        return name


@dataclass(frozen=True)
class OwnGraph:
    """A graph of its own, which becomes a model."""

    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)

    def add(
        self,
        kind: str,
        *inputs: str,
        output: str | None = None,
        domain: str = "",
        version: int | None = None,
        **attributes: Any,
    ) -> str:
        name = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], domain=domain, **attributes))
        return name

    def constant(self, values: Any) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(helper.make_tensor(name, *_typed(values)))
        return name

    def model(
        self, name: str, inputs: list[ValueInfoProto], outputs: list[ValueInfoProto], opsets: dict[str, int]
    ) -> ModelProto:
        """The checked model. Raises onnx.checker.ValidationError if the nodes do not fit together."""
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.constants)
        imports = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
        model = helper.make_model_gen_version(graph, opset_imports=imports)
        checker.check_model(model)
        return model


def _typed(values: Any) -> tuple[int, list[int], list[Any]]:
    """The element type, shape and flat values of a constant."""
    array = np.asarray(values)
    kind, flat = _ELEMENT_TYPES[array.dtype.kind], array.ravel().tolist()
    return kind, list(array.shape), [it.encode() for it in flat] if kind == TensorProto.STRING else flat


_ELEMENT_TYPES: dict[str, int] = {
    "f": TensorProto.DOUBLE,
    "i": TensorProto.INT64,
    "b": TensorProto.INT64,
    "U": TensorProto.STRING,
    "O": TensorProto.STRING,
}
