"""Small real trainings on the data that come with scikit-learn: 37 problems whose loss is noisy, as training is.

The seed of an evaluation draws which rows are trained on and which are validated on, and initialises the model; in the
problems whose name ends in "fixed" the rows stay the same. The loss is the log loss or the error of the validated rows,
or their squared error in units of the target's variance. Tasks are made harder than the data sets are by few rows for
training, by labels that are wrong, and by fewer classes. An evaluation takes 1 to 30 ms.

A problem is in the form that `regret.py` reads: `params` holds ("float" | "int", name, low, high, log) or
("cat", name, options); `when` maps a hyperparameter to the one that switches it on and its options.
"""

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Config = dict[str, Any]

_WORST = 10.0  # of a training that breaks down
_LEAST = 1e-4  # of a probability: a tree that is sure and wrong is not infinitely bad

SET_ASIDE = (
    "svm-wine", "svm-digits", "svr-diabetes", "mlp-cancer-wrong", "mlp-digits-fixed", "linear-iris-wrong",
    "linear-digits", "forest-cancer", "forest-diabetes", "boosting-iris-wrong", "boosting-digits-fixed",
    "neighbours-wine", "kernel-diabetes-few",
)  # fmt: skip
"""Problems that nothing was chosen by; named before the first run."""


@dataclass
class Problem:
    """A search space and what is to be minimised over it."""

    name: str
    params: list[tuple[Any, ...]]
    evaluate: Callable[..., float]
    when: dict[str, tuple[str, tuple[Any, ...]]] = field(default_factory=dict)
    random_sample: int = 200

    def active(self, config: Mapping[str, Any]) -> Config:
        """The config without what its choices switch off."""
        off = {child for child, (parent, values) in self.when.items() if config.get(parent) not in values}
        return {name: value for name, value in config.items() if name not in off}

    def sample(self, rng: np.random.Generator) -> Config:
        """A config, uniform on each hyperparameter's own scale."""
        return self.active({name: _drawn(kind, rest, rng) for kind, name, *rest in self.params})


def _drawn(kind: str, rest: list[Any], rng: np.random.Generator) -> Any:
    if kind == "cat":
        return rest[0][rng.integers(len(rest[0]))]
    low, high, log = rest
    edge = 0.5 if kind == "int" else 0.0
    a, b = (low - edge, high + edge) if not log else (math.log(low - edge), math.log(high + edge))
    value = a + rng.random() * (b - a)
    value = math.exp(value) if log else value
    return min(max(round(value), low), high) if kind == "int" else float(value)


# tasks: what is learned -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """Data, and how many rows of them are trained on and validated on.

    Attributes:
        data: name of a data set of scikit-learn.
        train, test: numbers of rows.
        wrong: share of the labels that are replaced by others.
        classes: how many classes are kept; 0 for all.
        fixed: the rows are the same whatever the seed.
    """

    data: str
    train: int
    test: int
    wrong: float = 0.0
    classes: int = 0
    fixed: bool = False

    @property
    def is_regression(self) -> bool:
        """Whether the target is a number."""
        return self.data == "diabetes"

    def split(self, seed: int) -> tuple[Floats, NDArray[Any], Floats, NDArray[Any]]:
        """Inputs and targets for training, and for validation; inputs in units of the training rows' deviation."""
        X, y = _rows(self)
        order = np.random.default_rng(0 if self.fixed else seed).permutation(len(y))
        if not self.is_regression:  # one row of each class comes first
            first = [int(np.flatnonzero(y[order] == label)[0]) for label in np.unique(y)]
            order = np.concatenate([order[first], np.delete(order, first)])
        a, b = order[: self.train], order[self.train : self.train + self.test]
        middle, scale = X[a].mean(axis=0), X[a].std(axis=0)
        X = (X - middle) / np.where(scale > 0.0, scale, 1.0)
        return X[a], y[a], X[b], y[b]


@lru_cache(maxsize=32)
def _rows(task: Task) -> tuple[Floats, NDArray[Any]]:
    from sklearn import datasets

    X, y = getattr(datasets, f"load_{task.data}")(return_X_y=True)
    X = np.asarray(X, dtype=float)
    if task.is_regression:
        return X, (y - y.mean()) / y.std()
    if task.classes:
        X, y = X[y < task.classes], y[y < task.classes]
    rng = np.random.default_rng(0)
    replaced = rng.random(len(y)) < task.wrong
    others = (y + rng.integers(1, int(y.max()) + 1, len(y))) % (int(y.max()) + 1)
    return X, np.where(replaced, others, y)


IRIS_WRONG = Task("iris", 60, 80, wrong=0.15)
WINE = Task("wine", 40, 130)
CANCER = Task("breast_cancer", 100, 250)
CANCER_WRONG = Task("breast_cancer", 150, 300, wrong=0.15)
DIGITS = Task("digits", 250, 400)
DIGITS_FOUR = Task("digits", 80, 400, classes=4)
DIGITS_FIXED = Task("digits", 250, 400, fixed=True)
DIABETES = Task("diabetes", 200, 240)
DIABETES_FEW = Task("diabetes", 60, 300)
DIABETES_FIXED = Task("diabetes", 200, 240, fixed=True)


# losses ---------------------------------------------------------------------------------------------------------------


def _judged(task: Task, build: Callable[[Config, int], Any], error: bool = False) -> Callable[..., float]:
    """What trains the model that `build` makes of a config and a seed."""

    def evaluate(config: Config, epoch: int | None = None, seed: int = 0) -> float:
        X, y, X_test, y_test = task.split(seed)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                model = build(config, seed % 2**31).fit(X, y)
                if task.is_regression:
                    value = float(np.mean((model.predict(X_test) - y_test) ** 2))
                elif error:
                    value = float(np.mean(model.predict(X_test) != y_test))
                else:
                    p = model.predict_proba(X_test)[np.arange(len(y_test)), np.searchsorted(model.classes_, y_test)]
                    value = float(-np.log(np.clip(p, _LEAST, 1.0)).mean())
            except (ValueError, FloatingPointError, np.linalg.LinAlgError):
                return _WORST
        return min(value, _WORST) if math.isfinite(value) else _WORST

    return evaluate


# models: what is tuned ------------------------------------------------------------------------------------------------


def svm(name: str, task: Task) -> Problem:
    """Support vectors, by error or squared error."""

    def build(config: Config, seed: int) -> Any:
        from sklearn.svm import SVC, SVR

        plain = {key: value for key, value in config.items() if key != "epsilon"}
        if task.is_regression:
            return SVR(epsilon=config["epsilon"], max_iter=5000, **plain)
        return SVC(max_iter=5000, **plain)

    params: list[tuple[Any, ...]] = [
        ("float", "C", 1e-3, 1e3, True), ("cat", "kernel", ("linear", "rbf", "poly", "sigmoid")),
        ("float", "gamma", 1e-5, 10.0, True), ("int", "degree", 1, 5, False), ("float", "coef0", -1.0, 1.0, False),
    ]  # fmt: skip
    if task.is_regression:
        params.append(("float", "epsilon", 1e-3, 1.0, True))
    when = {
        "gamma": ("kernel", ("rbf", "poly", "sigmoid")),
        "degree": ("kernel", ("poly",)),
        "coef0": ("kernel", ("poly", "sigmoid")),
    }
    return Problem(name, params, _judged(task, build, error=True), when)


def mlp(name: str, task: Task) -> Problem:
    """A network of one to three layers, eight epochs."""

    def build(config: Config, seed: int) -> Any:
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        chosen = {"momentum": config["momentum"]} if config["solver"] == "sgd" else {"beta_1": config["beta"]}
        return (MLPRegressor if task.is_regression else MLPClassifier)(
            hidden_layer_sizes=(config["width"],) * config["depth"], activation=config["activation"],
            solver=config["solver"], learning_rate_init=config["lr"], alpha=config["alpha"],
            batch_size=config["batch"], max_iter=8, random_state=seed, **chosen,
        )  # fmt: skip

    return Problem(
        name,
        [
            ("float", "lr", 1e-4, 1.0, True), ("int", "width", 8, 96, True), ("int", "depth", 1, 3, False),
            ("cat", "activation", ("logistic", "tanh", "relu")), ("cat", "solver", ("sgd", "adam")),
            ("float", "alpha", 1e-6, 10.0, True), ("int", "batch", 16, 128, True),
            ("float", "momentum", 0.0, 0.99, False), ("float", "beta", 0.5, 0.99, False),
        ],
        _judged(task, build),
        {"momentum": ("solver", ("sgd",)), "beta": ("solver", ("adam",))},
    )  # fmt: skip


def linear(name: str, task: Task) -> Problem:
    """A linear model by stochastic gradients, after a projection on principal components."""

    def build(config: Config, seed: int) -> Any:
        from sklearn.decomposition import PCA
        from sklearn.linear_model import SGDClassifier, SGDRegressor
        from sklearn.pipeline import make_pipeline

        settings = {
            "alpha": config["alpha"], "penalty": "elasticnet", "l1_ratio": config["l1"], "eta0": config["lr"],
            "learning_rate": config["schedule"], "max_iter": config["epochs"], "tol": None,
            "average": config["average"], "random_state": seed,
        }  # fmt: skip
        kind = SGDRegressor() if task.is_regression else SGDClassifier(loss="log_loss")
        return make_pipeline(PCA(config["components"], random_state=seed), kind.set_params(**settings))

    columns = _rows(task)[0].shape[1]
    # of many columns, the share of the variance that the components are to hold
    components = ("float", 0.5, 0.999, False) if columns > 5 else ("int", 1, columns, False)
    return Problem(
        name,
        [
            ("float", "alpha", 1e-6, 10.0, True), ("float", "l1", 0.0, 1.0, False), ("float", "lr", 1e-4, 1.0, True),
            ("cat", "schedule", ("constant", "invscaling", "adaptive")), ("int", "epochs", 1, 30, True),
            ("cat", "average", (False, True)), (components[0], "components", *components[1:]),
        ],
        _judged(task, build),
    )  # fmt: skip


def forest(name: str, task: Task, extra: bool = False) -> Problem:
    """A small forest, or one of extremely randomised trees."""

    def build(config: Config, seed: int) -> Any:
        from sklearn import ensemble

        kind = f"{'ExtraTrees' if extra else 'RandomForest'}{'Regressor' if task.is_regression else 'Classifier'}"
        return getattr(ensemble, kind)(
            n_estimators=config["trees"], max_depth=config["depth"], min_samples_leaf=config["leaf"],
            max_features=config["features"], bootstrap=config["bootstrap"], min_samples_split=config["split"],
            random_state=seed,
        )  # fmt: skip

    return Problem(
        name,
        [
            ("int", "trees", 2, 20, True), ("int", "depth", 1, 16, True), ("int", "leaf", 1, 20, True),
            ("float", "features", 0.05, 1.0, False), ("int", "split", 2, 20, True), ("cat", "bootstrap", (True, False)),
        ],
        _judged(task, build),
    )  # fmt: skip


def boosting(name: str, task: Task) -> Problem:
    """Gradient boosting."""

    def build(config: Config, seed: int) -> Any:
        from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

        return (GradientBoostingRegressor if task.is_regression else GradientBoostingClassifier)(
            learning_rate=config["lr"], n_estimators=config["trees"], max_depth=config["depth"],
            subsample=config["subsample"], min_samples_leaf=config["leaf"], max_features=config["features"],
            random_state=seed,
        )  # fmt: skip

    most = 40 if task.is_regression else 10 if task.data == "digits" and not task.classes else 25
    return Problem(
        name,
        [
            ("float", "lr", 1e-2, 1.0, True), ("int", "trees", 2, most, True), ("int", "depth", 1, 6, False),
            ("float", "subsample", 0.3, 1.0, False), ("int", "leaf", 1, 20, True),
            ("float", "features", 0.05, 1.0, False),
        ],
        _judged(task, build),
    )  # fmt: skip


def neighbours(name: str, task: Task) -> Problem:
    """Nearest neighbours on principal components, by error or squared error."""

    def build(config: Config, seed: int) -> Any:
        from sklearn.decomposition import PCA
        from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
        from sklearn.pipeline import make_pipeline

        kind = KNeighborsRegressor if task.is_regression else KNeighborsClassifier
        near = kind(config["k"], weights=config["weights"], metric=config["metric"])
        return make_pipeline(PCA(config["components"], whiten=config["whiten"], random_state=seed), near)

    most = min(task.train, _rows(task)[0].shape[1], 30)
    return Problem(
        name,
        [
            ("int", "k", 1, 30, True), ("cat", "weights", ("uniform", "distance")),
            ("cat", "metric", ("euclidean", "manhattan", "chebyshev", "cosine")), ("cat", "whiten", (False, True)),
            ("int", "components", 1, most, True),
        ],
        _judged(task, build, error=True),
    )  # fmt: skip


def kernel(name: str, task: Task) -> Problem:
    """Ridge regression, plain or with a kernel."""

    def build(config: Config, seed: int) -> Any:
        from sklearn.kernel_ridge import KernelRidge

        return KernelRidge(**config)

    return Problem(
        name,
        [
            ("float", "alpha", 1e-4, 1e3, True), ("cat", "kernel", ("linear", "rbf", "laplacian", "polynomial")),
            ("float", "gamma", 1e-5, 1.0, True), ("int", "degree", 1, 4, False), ("float", "coef0", 0.0, 3.0, False),
        ],
        _judged(task, build),
        {
            "gamma": ("kernel", ("rbf", "laplacian", "polynomial")),
            "degree": ("kernel", ("polynomial",)),
            "coef0": ("kernel", ("polynomial",)),
        },
    )  # fmt: skip


def tree(name: str, task: Task) -> Problem:
    """A single tree."""

    def build(config: Config, seed: int) -> Any:
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        return (DecisionTreeRegressor if task.is_regression else DecisionTreeClassifier)(
            max_depth=config["depth"], min_samples_leaf=config["leaf"], ccp_alpha=config["pruned"],
            max_features=config["features"], splitter=config["splitter"], min_samples_split=config["split"],
            random_state=seed,
        )  # fmt: skip

    return Problem(
        name,
        [
            ("int", "depth", 1, 20, True), ("int", "leaf", 1, 40, True), ("float", "pruned", 1e-5, 0.1, True),
            ("float", "features", 0.1, 1.0, False), ("cat", "splitter", ("best", "random")),
            ("int", "split", 2, 40, True),
        ],
        _judged(task, build),
    )  # fmt: skip


def suite() -> list[Problem]:
    """All problems."""
    return [
        svm("svm-wine", WINE), svm("svm-iris-wrong", IRIS_WRONG), svm("svm-cancer", CANCER),
        svm("svm-digits", DIGITS), svm("svm-digits-four", DIGITS_FOUR), svm("svr-diabetes", DIABETES),
        svm("svr-diabetes-few", DIABETES_FEW),
        mlp("mlp-wine", WINE), mlp("mlp-cancer-wrong", CANCER_WRONG), mlp("mlp-digits-four", DIGITS_FOUR),
        mlp("mlp-digits-fixed", DIGITS_FIXED), mlp("mlp-diabetes", DIABETES), mlp("mlp-diabetes-fixed", DIABETES_FIXED),
        linear("linear-iris-wrong", IRIS_WRONG), linear("linear-cancer", CANCER),
        linear("linear-cancer-wrong", CANCER_WRONG), linear("linear-digits", DIGITS),
        linear("linear-diabetes", DIABETES), linear("linear-diabetes-few", DIABETES_FEW),
        forest("forest-wine", WINE), forest("forest-cancer", CANCER), forest("forest-digits-fixed", DIGITS_FIXED),
        forest("forest-diabetes", DIABETES), forest("extra-cancer-wrong", CANCER_WRONG, extra=True),
        forest("extra-digits", DIGITS, extra=True),
        boosting("boosting-iris-wrong", IRIS_WRONG), boosting("boosting-cancer", CANCER),
        boosting("boosting-diabetes", DIABETES), boosting("boosting-diabetes-few", DIABETES_FEW),
        boosting("boosting-digits-fixed", DIGITS_FIXED),
        neighbours("neighbours-wine", WINE), neighbours("neighbours-digits-four", DIGITS_FOUR),
        neighbours("neighbours-diabetes", DIABETES),
        kernel("kernel-diabetes", DIABETES), kernel("kernel-diabetes-few", DIABETES_FEW),
        tree("tree-cancer-wrong", CANCER_WRONG), tree("tree-digits", DIGITS),
    ]  # fmt: skip
