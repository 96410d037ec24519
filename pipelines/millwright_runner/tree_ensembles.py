"""Tree ensembles as ONNX in double precision, equal to scikit-learn to the last bits.

skl2onnx 1.20 writes single precision thresholds, so that rows next to a threshold take the other branch, and leaves the
link function out of gradient boosting's probabilities. These converters write `ai.onnx.ml` 5's TreeEnsemble
(https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html), whose thresholds, leaves and sums are doubles.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, Int64TensorType, StringTensorType
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from millwright_runner.onnx_graphs import Graph, SklearnGraph

ML_DOMAIN, ML_OPSET = "ai.onnx.ml", 5
SKL2ONNX_ML_OPSET = 3  # the newest that skl2onnx writes; `raise_opset` corrects it
BRANCH_LEQ = 0


@dataclass(frozen=True)
class Tree:
    """One tree, of n nodes; the root is node 0. Its leaves add to the ensemble's output number `target`."""

    target: int
    feature: Any  # int[n]
    threshold: Any  # float64[n]
    left: Any  # int[n]: the node taken when value <= threshold
    right: Any  # int[n]
    missing_left: Any  # bool[n]
    is_leaf: Any  # bool[n]
    value: Any  # float64[n]


def register() -> None:
    """Make skl2onnx use these converters (for the process)."""
    for kind in (HistGradientBoostingClassifier, RandomForestClassifier, ExtraTreesClassifier):
        update_registered_converter(
            kind,
            f"Exact{kind.__name__}",
            _classifier_shapes,
            _convert_classifier,
            options={"zipmap": [False], "output_class_labels": [False]},
        )
    for regressor in (HistGradientBoostingRegressor, RandomForestRegressor, ExtraTreesRegressor):
        update_registered_converter(regressor, f"Exact{regressor.__name__}", _regressor_shapes, _convert_regressor)


def raise_opset(model: Any) -> None:
    """Declare the operator set that TreeEnsemble needs, if the converted ONNX model contains one."""
    if any(node.op_type == "TreeEnsemble" for node in model.graph.node):
        for opset in model.opset_import:
            if opset.domain == ML_DOMAIN:
                opset.version = ML_OPSET


def _classifier_shapes(operator: Any) -> None:
    classes = operator.raw_operator.classes_
    label = StringTensorType if classes.dtype.kind in "UO" else Int64TensorType
    rows = operator.inputs[0].get_first_dimension()
    operator.outputs[0].type = label([rows])
    operator.outputs[1].type = DoubleTensorType([rows, len(classes)])


def _regressor_shapes(operator: Any) -> None:
    operator.outputs[0].type = DoubleTensorType([operator.inputs[0].get_first_dimension(), 1])


def _convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    graph = SklearnGraph(scope, container)
    model = operator.raw_operator
    scores = _scores(graph, model, operator.inputs[0].full_name)
    columns = model.n_trees_per_iteration_ if _is_boosting(model) else _targets_of_forest(model)
    link = ("Sigmoid" if columns == 1 else "Softmax") if _is_boosting(model) else None
    positive = graph.add(link, scores) if link else scores
    proba = operator.outputs[1].full_name
    if columns == 1:
        index = two_classes(graph, scores, positive, 0.0 if link else 0.5, proba)
    else:
        graph.add("Identity", positive, output=proba)
        index = graph.add("ArgMax", scores, axis=1, keepdims=0)
    graph.add("Gather", graph.constant(model.classes_), index, output=operator.outputs[0].full_name)


def two_classes(graph: Graph, scores: str, positive: str, border: float, probabilities: str) -> str:
    """Put [1 - positive, positive] into `probabilities`; returns the number of the class, 1 where scores > border."""
    graph.add("Concat", graph.add("Sub", graph.constant([[1.0]]), positive), positive, output=probabilities, axis=1)
    wins = graph.add("Greater", scores, graph.constant([[border]]))
    return graph.add("Squeeze", graph.add("Cast", wins, to=TensorProto.INT64), graph.constant([1]))


def _convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    graph = SklearnGraph(scope, container)
    model = operator.raw_operator
    scores = _scores(graph, model, operator.inputs[0].full_name)
    loss = type(model._loss.link).__name__ if _is_boosting(model) else "IdentityLink"
    if loss not in ("IdentityLink", "LogLink"):
        raise NotImplementedError(f"regression with {loss} has no ONNX form here")
    graph.add("Identity" if loss == "IdentityLink" else "Exp", scores, output=operator.outputs[0].full_name)


def _scores(graph: Graph, model: Any, features: str) -> str:
    """The sum over the trees, float64[rows, targets], with boosting's baseline or divided by the forest's size."""
    if _is_boosting(model):
        _refuse_categories(model)
        total = _ensemble(graph, list(_boosted_trees(model)), model.n_trees_per_iteration_, features)
        return graph.add("Add", total, graph.constant(np.asarray(model._baseline_prediction).reshape(1, -1)))
    # Forests compare in single precision: the values are rounded, the thresholds are not.
    rounded = graph.add("Cast", features, to=TensorProto.FLOAT)
    total = _ensemble(graph, list(_forest_trees(model)), _targets_of_forest(model), rounded)
    return graph.add("Div", total, graph.constant([[float(len(model.estimators_))]]))


def _ensemble(graph: Graph, trees: list[Tree], targets: int, features: str) -> str:
    doubles = graph.add("Cast", features, to=TensorProto.DOUBLE)
    return graph.add("TreeEnsemble", doubles, domain=ML_DOMAIN, version=SKL2ONNX_ML_OPSET, **attributes(trees, targets))


def attributes(trees: list[Tree], targets: int) -> dict[str, Any]:
    """All trees' inner nodes in one numbering, all their leaves in another, as the operator wants them."""
    parts: list[dict[str, Any]] = []
    inner_total = leaf_total = 0
    for tree in map(_with_inner_root, trees):
        inner = ~tree.is_leaf
        inner_number, leaf_number = np.cumsum(inner) - 1 + inner_total, np.cumsum(tree.is_leaf) - 1 + leaf_total
        number = np.where(inner, inner_number, leaf_number)
        left, right = tree.left[inner], tree.right[inner]
        parts.append(
            {
                "tree_roots": [number[0]],
                "nodes_featureids": tree.feature[inner],
                "splits": tree.threshold[inner],
                "nodes_truenodeids": number[left],
                "nodes_trueleafs": tree.is_leaf[left],
                "nodes_falsenodeids": number[right],
                "nodes_falseleafs": tree.is_leaf[right],
                "nodes_missing_value_tracks_true": tree.missing_left[inner],
                "leaf_targetids": np.full(tree.is_leaf.sum(), tree.target),
                "weights": tree.value[tree.is_leaf],
            }
        )
        inner_total, leaf_total = inner_total + inner.sum(), leaf_total + tree.is_leaf.sum()
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    splits, weights = joined.pop("splits"), joined.pop("weights")
    return {
        **{name: values.astype(np.int64).tolist() for name, values in joined.items()},
        "nodes_splits": _tensor("splits", TensorProto.DOUBLE, splits),
        "nodes_modes": _tensor("modes", TensorProto.UINT8, np.full(len(splits), BRANCH_LEQ, np.uint8)),
        "leaf_weights": _tensor("weights", TensorProto.DOUBLE, weights),
        "n_targets": targets,
        "aggregate_function": 1,
        "post_transform": 0,
    }


def _with_inner_root(tree: Tree) -> Tree:
    """The operator has no trees of one leaf: such a tree becomes a question whose both answers are that leaf."""
    if not tree.is_leaf[0]:
        return tree
    value = float(tree.value[0])
    return Tree(
        tree.target,
        np.zeros(3, int),
        np.zeros(3),
        np.array([1, 0, 0]),
        np.array([2, 0, 0]),
        np.zeros(3, bool),
        np.array([False, True, True]),
        np.array([0.0, value, value]),
    )


def _boosted_trees(model: Any) -> Iterable[Tree]:
    for iteration in model._predictors:
        for target, predictor in enumerate(iteration):
            nodes = predictor.nodes
            yield Tree(
                target,
                nodes["feature_idx"],
                nodes["num_threshold"],
                nodes["left"].astype(int),
                nodes["right"].astype(int),
                nodes["missing_go_to_left"].astype(bool),
                nodes["is_leaf"].astype(bool),
                nodes["value"],
            )


def _forest_trees(model: Any) -> Iterable[Tree]:
    targets = _targets_of_forest(model)
    for estimator in model.estimators_:
        tree = estimator.tree_
        values = tree.value[:, 0, :]  # [nodes, classes], or [nodes, 1] in a regression
        values = values[:, 1:] if values.shape[1] == 2 else values
        leaf = tree.children_left < 0
        for target in range(targets):
            yield Tree(
                target,
                tree.feature,
                tree.threshold,
                tree.children_left,
                tree.children_right,
                tree.missing_go_to_left.astype(bool),
                leaf,
                values[:, target],
            )


def _targets_of_forest(model: Any) -> int:
    """Two classes need one number, the second's share; a leaf of the operator adds to one number only."""
    if model.n_outputs_ != 1:
        raise NotImplementedError("forests with several outputs have no ONNX form here")
    classes = getattr(model, "n_classes_", 1)
    return 1 if classes == 2 else int(classes)


def _refuse_categories(model: Any) -> None:
    if model.is_categorical_ is not None and any(model.is_categorical_):
        raise NotImplementedError(
            "gradient boosting's own categorical features have no ONNX form here; encode them in the pipeline"
        )


def _is_boosting(model: Any) -> bool:
    return hasattr(model, "_predictors")


def _tensor(name: str, kind: int, values: Any) -> TensorProto:
    return helper.make_tensor(name, kind, [len(values)], values)
