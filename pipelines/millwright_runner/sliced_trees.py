"""Boosters of slices of the data, joined into one ONNX model that asks each row's own slice.

The trees of one boosting round become one tree: a binary search for the slice's number on top, the slices' trees below.
So a row walks as many trees as one booster has, however many slices there are. Rows of no known slice are answered by
the pooled booster. Inputs are one column each; strings become their position in `categories`, unknown ones -1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np
from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from millwright_runner import tree_ensembles
from millwright_runner.onnx_graphs import OwnGraph
from millwright_runner.tree_ensembles import ML_DOMAIN, ML_OPSET, Tree
from millwright_runner.xgboost_trees import Booster

OPSET = 21
UNKNOWN = -1.0
ARRAYS = ("feature", "threshold", "left", "right", "missing_left", "is_leaf", "value")  # of a Tree


def to_onnx(
    pooled: Booster, slices: Mapping[str, Booster], by: str, categories: Mapping[str, Sequence[str]]
) -> ModelProto:
    """A classifier with `label` int64[rows] (0 or 1) and `probabilities` float64[rows, 2].

    `slices` are the boosters by their value of the string column `by`. `categories` names the string columns. All
    boosters have the same features. Raises ValueError if they have not.
    """
    _check_features(pooled, slices, by, categories)
    graph = OwnGraph()
    number = {value: float(position) for position, value in enumerate(slices, start=1)}
    columns = [_number_of(graph, name, categories.get(name)) for name in pooled.features]
    columns.append(_position(graph, by, number, otherwise=0.0))
    # Each value is rounded to single precision, as XGBoost does, and compared in double precision.
    features = graph.add("Cast", graph.add("Concat", *columns, axis=1), to=TensorProto.DOUBLE)
    trees = _joined([pooled, *slices.values()])
    scores = graph.add("TreeEnsemble", features, domain=ML_DOMAIN, **tree_ensembles.attributes(trees, targets=1))
    label = tree_ensembles.two_classes(graph, scores, graph.add("Sigmoid", scores), 0.0, "probabilities")
    graph.add("Identity", label, output="label")
    inputs = [_value(name, "STRING" if name in categories else "DOUBLE", 1) for name in pooled.features]
    outputs = [_value("label", "INT64"), _value("probabilities", "DOUBLE", 2)]
    return graph.model("sliced_trees", inputs, outputs, {"": OPSET, ML_DOMAIN: ML_OPSET})


def _joined(boosters: Sequence[Booster]) -> list[Tree]:
    """One tree per round; booster i answers rows whose number, the last feature, is i."""
    number = len(boosters[0].features)
    rounds = zip_longest(*map(_with_base_score, boosters), fillvalue=_leaf(0.0))
    return [_choice(number, trees) for trees in rounds]


def _with_base_score(booster: Booster) -> tuple[Tree, ...]:
    return (_leaf(booster.base_score), *booster.trees)


def _choice(feature: int, trees: Sequence[Tree], first: int = 0) -> Tree:
    """One tree that asks for `feature`, and goes on with trees[i] if it is first + i."""
    if all(_same(trees[0], tree) for tree in trees[1:]):
        return trees[0]  # nothing to ask: boosters that continue the same one share its trees
    half = len(trees) // 2
    left, right = _choice(feature, trees[:half], first), _choice(feature, trees[half:], first + half)
    return _beneath(_question(feature, first + half - 1, 1, 1 + len(left.feature)), left, right)


def _question(feature: int, threshold: float, left: int, right: int) -> Tree:
    one = np.array
    return Tree(0, one([feature]), one([threshold]), one([left]), one([right]), one([False]), one([False]), one([0.0]))


def _beneath(root: Tree, left: Tree, right: Tree) -> Tree:
    parts = (root, _moved(left, 1), _moved(right, 1 + len(left.feature)))
    return Tree(0, *(np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS))


def _same(one: Tree, other: Tree) -> bool:
    return one is other or all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ARRAYS)


def _moved(tree: Tree, offset: int) -> Tree:
    return replace(tree, left=tree.left + offset, right=tree.right + offset)


def _leaf(value: float) -> Tree:
    return replace(_question(0, 0.0, 0, 0), is_leaf=np.array([True]), value=np.array([value]))


def _number_of(graph: OwnGraph, column: str, known: Sequence[str] | None) -> str:
    if known is None:
        return graph.add("Cast", column, to=TensorProto.FLOAT)
    return _position(graph, column, {value: float(position) for position, value in enumerate(known)}, UNKNOWN)


def _position(graph: OwnGraph, column: str, positions: Mapping[str, float], otherwise: float) -> str:
    """The strings' numbers, float32[rows, 1]."""
    return graph.add(
        "LabelEncoder",
        column,
        domain=ML_DOMAIN,
        keys_strings=list(positions) or [""],  # ONNX has no empty lists
        values_floats=list(positions.values()) or [otherwise],
        default_float=otherwise,
    )


def _value(name: str, kind: str, *width: int) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, getattr(TensorProto, kind), [None, *width])


def _check_features(
    pooled: Booster, slices: Mapping[str, Booster], by: str, categories: Mapping[str, Sequence[str]]
) -> None:
    if by not in pooled.features or by not in categories:
        raise ValueError(f"{by} is no string column among the features {', '.join(pooled.features)}")
    for value, booster in slices.items():
        if booster.features != pooled.features:
            raise ValueError(f"the booster of {by} {value} has other features than the pooled one")
