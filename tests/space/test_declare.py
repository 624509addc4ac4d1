import copy
import functools
import pickle
from dataclasses import dataclass, field, fields
from typing import Annotated

import cloudpickle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.errors import SpaceError
from danlu.space import Choice, Config, Float, Int, Likely, Space, config_of, dataclass_of, declare, instance, space_of
from danlu.testing.spaces import configs, spaces


class Trial:
    """Stands for `danlu.core.trial.Trial`: the name alone counts."""


@dataclass(frozen=True)
class SGD:
    momentum: Annotated[float, Float(0, 0.99)] = 0.9
    nesterov: bool = True


@dataclass(frozen=True)
class Adam:
    beta2: Annotated[float, Float(0.9, 0.9999)] = 0.999


@dataclass
class Model:
    width: Annotated[int, Int(16, 512, log=True)] = 128
    activation: Annotated[str, Choice("relu", "gelu")] = "relu"
    tags: list[str] = field(default_factory=list)


@dataclass
class Setup:
    lr: Annotated[float, Float(1e-5, 1e-1, log=True)] = 1e-3
    model: Model = field(default_factory=Model)
    optimizer: SGD | Adam | None = SGD()
    epochs: int = 30


SETUP = Space(
    {
        "lr": Float(1e-5, 1e-1, log=True, default=1e-3),
        "model": Space(
            {"width": Int(16, 512, log=True, default=128), "activation": Choice("relu", "gelu", default="relu")}
        ),
        "optimizer": Choice(
            {
                "sgd": Space({"momentum": Float(0, 0.99, default=0.9)}),
                "adam": Space({"beta2": Float(0.9, 0.9999, default=0.999)}),
                "none": None,
            },
            default="sgd",
        ),
    }
)  # fmt: skip


# functions


def test_annotated_parameters_are_the_space_and_their_defaults_its_defaults():
    def train(
        trial, lr: Annotated[float, Float(1e-5, 1e-1, log=True)] = 1e-3, width: Annotated[int, Int(16, 512)] = 128
    ):
        return trial, lr, width

    declared = declare(train)

    assert declared.space == Space(
        {"lr": Float(1e-5, 1e-1, log=True, default=1e-3), "width": Int(16, 512, default=128)}
    )
    assert declared.call("trial", Config({"lr": 0.1, "width": 16})) == ("trial", 0.1, 16)


def test_a_parameter_without_default_has_none():
    def train(lr: Annotated[float, Float(0, 1)], width: Annotated[int, Int(1, 8, default=2)]): ...

    assert declare(train).space == Space({"lr": Float(0, 1), "width": Int(1, 8, default=2)})


def test_a_bare_dimension_is_an_annotation_too():
    def train(lr: Float(1e-5, 1) = 0.1): ...

    assert declare(train).space == Space({"lr": Float(1e-5, 1, default=0.1)})


def test_a_function_need_not_take_a_trial():
    def train(lr: Annotated[float, Float(0, 1)] = 0.1):
        return lr

    assert declare(train).call(object(), {"lr": 0.5}) == 0.5


def test_the_trial_is_known_by_its_class():
    def train(lr: Annotated[float, Float(0, 1)], run: Trial):
        return lr, run

    assert declare(train).call("trial", {"lr": 0.5}) == (0.5, "trial")


def test_the_trial_may_be_positional_only_or_keyword_only():
    def first(trial, /, lr: Annotated[float, Float(0, 1)] = 0.1):
        return trial, lr

    def last(lr: Annotated[float, Float(0, 1)] = 0.1, *, trial):
        return trial, lr

    assert declare(first).call("trial", {"lr": 0.5}) == declare(last).call("trial", {"lr": 0.5}) == ("trial", 0.5)


def test_parameters_with_other_annotations_keep_their_defaults():
    def train(trial, lr: Annotated[float, Float(0, 1)] = 0.1, epochs: int = 3, seed=7, *rest, verbose=False, **more):
        return lr, epochs, seed, rest, verbose, more

    declared = declare(train)

    assert declared.space.names == ("lr",)
    assert declared.arguments({"lr": 0.5}) == {"lr": 0.5}
    assert declared.call(None, {"lr": 0.5}) == (0.5, 3, 7, (), False, {})


def test_a_single_dataclass_is_the_whole_config():
    def train(trial, config: Setup):
        return config

    declared = declare(train)

    assert declared.space == SETUP
    assert declared.call(None, SETUP.default()) == Setup()


def test_a_dataclass_beside_other_hyperparameters_is_a_group():
    def train(trial, model: Model, lr: Annotated[float, Float(0, 1)] = 0.1):
        return model, lr

    declared = declare(train)

    assert declared.space.names == ("model.width", "model.activation", "lr")
    assert declared.call(None, declared.space.config({"model.width": 16})) == (Model(16), 0.1)


def test_a_default_instance_gives_defaults_and_what_is_left_alone():
    def train(trial, config: Setup = Setup(lr=0.01, optimizer=SGD(0.5, nesterov=False), epochs=5)):  # noqa: B008
        return config

    declared = declare(train)

    assert declared.space["lr"].default == 0.01
    assert declared.space["optimizer.sgd.momentum"].default == 0.5
    assert declared.call(None, declared.space.default()) == Setup(lr=0.01, optimizer=SGD(0.5, nesterov=False), epochs=5)


def test_a_union_of_dataclasses_may_be_a_parameter():
    def train(optimizer: SGD | Adam = Adam(0.95)):
        return optimizer

    declared = declare(train)

    assert declared.space.default() == {"optimizer": "adam", "optimizer.adam.beta2": 0.95}
    assert declared.call(None, {"optimizer": "sgd", "optimizer.sgd.momentum": 0.1}) == SGD(0.1)


def test_a_dataclass_that_holds_no_dimension_is_left_alone():
    @dataclass
    class Data:
        root: str

    def train(lr: Annotated[float, Float(0, 1)], data: Data = Data("here"), log: Data | None = None):  # noqa: B008
        return data, log

    assert declare(train).space.names == ("lr",)
    assert declare(train).call(None, {"lr": 0.5}) == (Data("here"), None)


@dataclass
class Trainer:
    scale: float

    def __call__(self, trial, lr: Annotated[float, Float(0, 1)] = 0.1):
        return self.scale * lr

    def method(self, trial, lr: Annotated[float, Float(0, 1)] = 0.1):
        return self.scale * lr


@pytest.mark.parametrize("train", [Trainer(2.0), Trainer(2.0).method, functools.partial(Trainer(2.0))])
def test_callable_objects_methods_and_partials_declare_like_functions(train):
    assert space_of(train) == Space({"lr": Float(0, 1, default=0.1)})
    assert declare(train).call(None, {"lr": 0.5}) == 1.0


def test_what_a_partial_has_bound_is_left_alone():
    def train(
        trial, lr: Annotated[float, Float(0, 1)], width: Annotated[int, Int(1, 8)], depth: Annotated[int, Int(1, 8)]
    ):
        return lr, width, depth

    declared = declare(functools.partial(functools.partial(train, width=2), depth=3))

    assert declared.space.names == ("lr",)
    assert declared.call(None, {"lr": 0.5}) == (0.5, 2, 3)


def test_a_decorated_function_declares_what_it_wraps():
    def train(trial, lr: Annotated[float, Float(0, 1)] = 0.1):
        return lr

    @functools.wraps(train)
    def wrapper(*args, **kwargs):
        return train(*args, **kwargs)

    assert declare(wrapper).call(None, {"lr": 0.5}) == 0.5


def test_a_declaration_can_be_sent_to_another_process():
    def train(trial, config: Setup):
        return config

    again = pickle.loads(cloudpickle.dumps(declare(train)))

    assert again.space == SETUP
    assert again.call(None, SETUP.default()).lr == 1e-3


# annotations written as strings: what `from __future__ import annotations` makes of all of them


def test_annotations_may_be_strings():
    def train(run: "Trial", lr: "Annotated[float, Float(0, 1)]" = 0.1, config: "Setup" = Setup(), n: "Int(1, 8)" = 2):  # noqa: B008
        return run, lr, config, n

    declared = declare(train)

    assert declared.space.names == ("lr", *(f"config.{name}" for name in SETUP.names), "n")
    assert declared.call("trial", declared.space.default()) == ("trial", 0.1, Setup(), 2)


def test_a_trial_imported_for_type_checkers_only_is_known():
    namespace = {"Annotated": Annotated, "Float": Float}
    exec("def train(run: 'Trial', lr: Annotated[float, Float(0, 1)]): return run", namespace)

    assert declare(namespace["train"]).call("trial", {"lr": 0.5}) == "trial"


def test_an_annotation_that_can_not_be_found_is_refused():
    def train(lr: "Annotated[float, Flaot(0, 1)]" = 0.1): ...  # noqa: F821

    with pytest.raises(SpaceError, match=r"train': its annotations can't be read: name 'Flaot' .*Import or define"):
        declare(train)


# dataclasses


def test_a_dataclass_declares_groups_and_branches():
    assert space_of(Setup) == SETUP


def test_an_instance_declares_its_values_as_defaults():
    setup = Setup(lr=0.1, model=Model(16, "gelu"), optimizer=Adam(0.95))

    space = space_of(setup)

    assert space.default() == {
        "lr": 0.1,
        "model.width": 16,
        "model.activation": "gelu",
        "optimizer": "adam",
        "optimizer.adam.beta2": 0.95,
    }
    assert space["optimizer.sgd.momentum"].default == 0.9


@pytest.mark.parametrize("setup", [Setup(), Setup(optimizer=None), Setup(0.1, Model(16), Adam(0.95))])
def test_config_of_and_instance_are_inverse(setup):
    config = config_of(setup)

    assert instance(Setup, config) == setup
    assert space_of(setup).default() == config
    assert SETUP.contains(config)


@given(configs(SETUP))
def test_every_config_is_an_instance_and_back(config):
    assert config_of(instance(Setup, config)) == config


def test_instances_do_not_share_what_their_factories_make():
    config = SETUP.default()

    assert instance(Setup, config).model.tags is not instance(Setup, config).model.tags


def test_an_instance_gives_the_fields_that_are_left_alone():
    assert instance(Setup(epochs=5, model=Model(tags=["a"])), SETUP.config({"lr": 0.1})) == Setup(
        lr=0.1, epochs=5, model=Model(tags=["a"])
    )


def test_fields_that_are_computed_are_left_alone():
    @dataclass
    class Computed:
        n: Annotated[int, Int(1, 8)] = 2
        twice: int = field(init=False)

        def __post_init__(self):
            self.twice = 2 * self.n

    assert instance(Computed, {"n": 3}).twice == 6


def test_a_belief_is_declared_with_the_values_and_survives_a_default():
    def train(lr: Annotated[float, Float(1e-5, 1e-1, log=True, likely=(1e-4, 1e-2))] = 1e-3): ...

    assert space_of(train)["lr"] == Float(1e-5, 1e-1, log=True, default=1e-3, likely=(1e-4, 1e-2))


@pytest.mark.parametrize("likely", [Likely("adam"), Likely(Adam)])
def test_of_a_union_of_dataclasses_some_may_be_likely(likely):
    def train(optimizer: Annotated[SGD | Adam, likely]): ...

    assert space_of(train)["optimizer"].likely == ("adam",)


def test_an_unknown_class_can_not_be_likely():
    def train(optimizer: Annotated[SGD | Adam, Likely("lion")]): ...

    with pytest.raises(SpaceError, match="'optimizer': the likely option 'lion' is not an option"):
        space_of(train)


def test_a_union_of_dataclasses_without_fields_is_a_plain_choice():
    @dataclass(frozen=True)
    class ReLU: ...

    @dataclass(frozen=True)
    class GELU: ...

    @dataclass
    class Net:
        activation: ReLU | GELU = GELU()

    assert space_of(Net) == Space({"activation": Choice("relu", "gelu", default="gelu")})
    assert instance(Net, {"activation": "relu"}).activation == ReLU()


def test_a_config_may_not_lack_a_value():
    with pytest.raises(SpaceError, match=r"the config has no 'model.width', only lr. Complete it"):
        instance(Setup, {"lr": 0.1})


# what else is a space


def test_spaces_and_mappings_are_spaces():
    space = Space({"lr": Float(0, 1)})

    assert space_of(space) is space
    assert space_of({"lr": Float(0, 1)}) == space_of({"lr": "0.0..1.0"}) == space


@pytest.mark.parametrize("declared", [3, "lr=0..1", None])
def test_what_declares_nothing_is_refused(declared):
    with pytest.raises(SpaceError, match="expected a Space, a mapping, a dataclass or a function"):
        space_of(declared)


@pytest.mark.parametrize("read", [config_of, lambda declared: instance(declared, {})])
def test_instances_are_of_dataclasses(read):
    with pytest.raises(SpaceError, match=r"expected a dataclass, got 3. Put @dataclass"):
        read(3)


# space -> dataclass


@given(spaces())
def test_a_dataclass_of_a_space_declares_that_space(space):
    assert space_of(dataclass_of(space)) == space


@given(spaces(labels=st.sampled_from(["sgd", "Adam", 1, 2, True, "none", "a b"])))
def test_branches_that_no_class_can_name_survive_too(space):
    assert space_of(dataclass_of(space)) == space


@given(st.data())
def test_configs_pass_through_a_dataclass_of_their_space(data):
    space = data.draw(spaces())
    config = data.draw(configs(space))

    assert config_of(instance(dataclass_of(space), config)) == config


def test_a_dataclass_of_a_space_can_be_used_like_a_written_one():
    config = dataclass_of(SETUP)(lr=0.1)

    assert (config.lr, config.model.width, config.optimizer.momentum) == (0.1, 128, 0.9)
    assert [f.name for f in fields(config)] == ["lr", "model", "optimizer"]
    assert copy.copy(config) == config


def test_a_space_without_defaults_gives_a_dataclass_without():
    space = Space({"c": Choice({"a": Space({"x": Int(0, 1)}), "b": None}, default="a"), "n": Int(0, 1)})

    cls = dataclass_of(space, "Wanted")

    assert cls.__name__ == "Wanted"
    assert space_of(cls) == space
    with pytest.raises(TypeError, match="'n'"):
        cls()


@pytest.mark.parametrize("name", ["learning rate", "class", "1st"])
def test_a_name_that_no_field_can_have_is_refused(name):
    with pytest.raises(SpaceError, match=f"'{name}' can't name a field of a dataclass. Rename"):
        dataclass_of(Space({name: Int(0, 1)}))


# bad declarations: each error names the hyperparameter, the value and the remedy


def no_default(lr: float): ...
def nothing(trial, epochs: int = 3): ...
def wrong_default(lr: Annotated[float, Float(0, 1)] = 2.0): ...
def none_as_default(lr: Annotated[float | None, Float(0, 1)] = None): ...
def wrong_dimension(lr: Annotated[float, Float(1, 0)] = 0.5): ...
def option_twice(act: Annotated[str, Choice("a", "a")] = "a"): ...
def two_dimensions(lr: Annotated[float, Float(0, 1), Float(0, 2)] = 0.5): ...
def hidden(lr: Annotated[float, Float(0, 1)] | None = None): ...
def mixed_union(optimizer: SGD | str = "sgd"): ...
def wrong_group(model: Model = None): ...
def wrong_option(optimizer: SGD | Adam = None): ...


@dataclass
class Deep:
    model: Model = field(default_factory=lambda: Model(width=4))


@dataclass
class Sgd:
    x: Annotated[int, Int(0, 1)] = 0


@dataclass
class Namesakes:
    optimizer: SGD | Sgd = SGD()


@dataclass
class Untyped:
    root: str
    lr: Annotated[float, Float(0, 1)] = 0.1


BAD = [
    (no_default, "'lr'", "neither values to try nor a default", "Annotated[float"),
    (nothing, "'nothing'", "no hyperparameter", "Annotate a parameter"),
    (wrong_default, "'lr'", "2.0", "choose a default in it"),
    (none_as_default, "'lr'", "None", "choose a default in it"),
    (wrong_dimension, "'lr'", "low=1", "Swap"),
    (option_twice, "'act'", "'a'", "Remove"),
    (two_dimensions, "'lr'", "Float(0, 2)", "Remove"),
    (hidden, "'lr'", "Float(0, 1)", "outermost"),
    (mixed_union, "'optimizer'", "SGD | str", "dataclasses and None only"),
    (wrong_group, "'model'", "None", "Use Model(...)"),
    (wrong_option, "'optimizer'", "None", "expected an instance of SGD | Adam"),
    (Deep, "'model.width'", "4", "choose a default in it"),
    (Namesakes, "'optimizer'", "'sgd'", "Rename"),
    (Untyped, "'root'", "neither values to try nor a default", "give it a default"),
]


@pytest.mark.parametrize(("declared", "name", "value", "remedy"), BAD, ids=lambda bad: getattr(bad, "__name__", ""))
def test_a_bad_declaration_is_refused_with_name_value_and_remedy(declared, name, value, remedy):
    with pytest.raises(SpaceError) as error:
        space_of(declared)

    assert name in str(error.value)
    assert value in str(error.value)
    assert remedy in str(error.value)


# constraints


@dataclass(frozen=True)
class Net:
    layers: Annotated[int, Int(1, 8)] = 2
    width: Annotated[int, Int(8, 64)] = 16

    __where__ = ("layers * width <= 64",)


@dataclass(frozen=True)
class Whole:
    net: Net = field(default_factory=Net)
    lr: Annotated[float, Float(0.0, 1.0)] = 0.5

    __where__ = ("net.layers < 4 or lr < 0.6",)


def test_a_dataclass_says_constraints_between_its_fields():
    def train(trial, config: Whole): ...

    space = declare(train).space

    assert [str(constraint) for constraint in space.constraints] == [
        "'net.layers < 4 or lr < 0.6'", "'layers * width <= 64' of 'net'",
    ]  # fmt: skip
    assert space == space_of(Whole) == space_of(dataclass_of(space))
    with pytest.raises(SpaceError, match=r"violates 'layers \* width <= 64' of 'net': net.layers = 8, net.width = 64"):
        config_of(Whole(Net(8, 64)))


def test_an_instance_whose_values_violate_a_constraint_is_no_default():
    with pytest.raises(SpaceError, match="the default config violates 'layers"):
        space_of(Net(8, 64))
