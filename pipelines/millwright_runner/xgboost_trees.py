"""The trees of an XGBoost model, read from its JSON form (https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html).

That needs no XGBoost. XGBoost compares single precision numbers by `<`, the operator TreeEnsemble by `<=`: a threshold
becomes the single precision number before it, and both agree on every value, infinities included.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from millwright_runner.tree_ensembles import Tree


@dataclass(frozen=True)
class Booster:
    """A binary classifier: the score (log-odds) of a row is `base_score` plus what its leaf in each tree adds.

    `features` are the names of the columns, in the order of training.
    """

    features: tuple[str, ...]
    base_score: float
    trees: tuple[Tree, ...]


def read(text: str | bytes) -> Booster:
    """The booster in a file "….json" of `save_model`. Raises NotImplementedError if it has no exact form here."""
    learner = json.loads(text)["learner"]
    _check(learner)
    model = learner["gradient_booster"]["model"]
    probability = float(learner["learner_model_param"]["base_score"].strip("[]"))
    return Booster(
        tuple(learner["feature_names"]),
        float(np.log(probability / (1 - probability))),
        tuple(map(_tree, model["trees"])),
    )


def _check(learner: dict[str, Any]) -> None:
    objective, kind = learner["objective"]["name"], learner["gradient_booster"]["name"]
    if objective != "binary:logistic" or kind != "gbtree":
        raise NotImplementedError(f"XGBoost's {kind} for {objective} has no form here, only gbtree for binary:logistic")
    if any(any(tree["split_type"]) for tree in learner["gradient_booster"]["model"]["trees"]):
        raise NotImplementedError("XGBoost's own categorical features have no form here; encode them as numbers")
    if not learner["feature_names"]:
        raise NotImplementedError("the booster has no feature names; train it on a table with named columns")


def _tree(stored: dict[str, Any]) -> Tree:
    left = np.array(stored["left_children"])
    condition = np.array(stored["split_conditions"], dtype=np.float32)  # of a leaf: what it adds
    is_leaf = left < 0
    return Tree(
        target=0,
        feature=np.array(stored["split_indices"]),
        threshold=np.nextafter(condition, np.float32(-np.inf)).astype(np.float64),
        left=left,
        right=np.array(stored["right_children"]),
        missing_left=np.array(stored["default_left"]).astype(bool),
        is_leaf=is_leaf,
        value=np.where(is_leaf, condition, 0).astype(np.float64),
    )
