from danlu.drafts.option import Switch


def test_nested_dataclasses_of_tyro_have_dotted_names(options_of):
    reading, options = options_of("tyro_app.py")
    assert reading.framework == "tyro"
    lr = options["optimizer.lr"]
    assert (lr.default, lr.help, lr.flag) == (
        3e-4,
        "Learning rate.",
        "--optimizer.lr",
    )  # the factory's, not the class's
    assert options["optimizer.weight_decay"].help == "decoupled weight decay"
    assert options["optimizer.betas"].many
    assert options["model.activation"].choices == ("relu", "gelu", "tanh")
    assert options["batch_size"].help == "examples in a step"
    assert options["use_ema"].switch is Switch.PAIR
    assert options["num_steps"].default == 10_000


def test_arguments_of_hugging_face_are_read_with_those_of_its_trainer(options_of):
    _, options = options_of("run_glue.py")
    assert options["classifier_dropout"].help == "dropout of the classification head"
    assert options["model_name_or_path"].is_required
    assert options["learning_rate"].default == 5e-5
    assert options["pad_to_max_length"].switch is Switch.VALUE


def test_a_dataclass_is_found_in_another_module_and_in_bases(reads):
    options = reads(
        "import tyro\nfrom config import Config as C\nconfig = tyro.cli(C)\n",
        config="""
        from dataclasses import dataclass
        import enum
        class Act(enum.Enum):
            RELU = enum.auto()
            GELU = enum.auto()
        @dataclass
        class Base:
            lr: float = 1
        @dataclass
        class Config(Base):
            lr: float = 3e-3
            act: "Act" = Act.GELU
            width: int | None = None
        """,
    )
    assert (options["lr"].kind, options["lr"].default) == ("float", 3e-3)
    assert (options["act"].choices, options["act"].default) == (("RELU", "GELU"), "GELU")
    assert (options["width"].kind, options["width"].default) == ("int", None)


def test_pyrallis_and_tap_are_read_too(reads):
    assert (
        reads("""
        import pyrallis
        from dataclasses import dataclass
        @dataclass
        class Config:
            lr: float = 0.1
        @pyrallis.wrap()
        def main(config: Config): ...
        main()
    """)["lr"].flag
        == "--lr"
    )
    assert (
        reads("""
        from tap import Tap
        class Args(Tap):
            lr: float = 0.1  # learning rate
        Args().parse_args()
    """)["lr"].help
        == "learning rate"
    )
