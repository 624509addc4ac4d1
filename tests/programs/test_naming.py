import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.programs.naming import find, normal


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("val loss", "val_loss"),
        ("Val. Acc", "val_acc"),
        ("Acc@1", "acc_1"),
        ("valLoss", "val_loss"),
        ("val/loss", "val_loss"),
        ("metrics/mAP50-95(B)", "metrics_map50_95_b"),
        ("F1-score", "f1_score"),
        ("  eval_loss ", "eval_loss"),
        ("1st", "_1st"),
        ("---", ""),
    ],
)
def test_name_becomes_an_identifier(name: str, plain: str) -> None:
    assert normal(name) == plain


@given(st.text(max_size=30))
def test_what_is_normal_stays_so(name: str) -> None:
    assert normal(normal(name)) == normal(name)


@pytest.mark.parametrize(
    ("wanted", "seen", "name"),
    [
        ("val_loss", ["train_loss", "val_loss"], "val_loss"),
        ("val loss", ["train_loss", "val_loss"], "val_loss"),
        ("Acc@1", ["acc_1", "acc_5"], "acc_1"),
        ("acc1", ["acc_1", "acc_5"], "acc_1"),
        ("val_acc", ["validation_accuracy", "loss"], "validation_accuracy"),
        ("validation accuracy", ["val_acc", "loss"], "val_acc"),
        ("test_loss", ["test_average_loss", "train_loss"], "test_average_loss"),
        ("val_acc", ["acc_val", "acc_train"], "acc_val"),
        ("accuracy", ["test_accuracy", "train_loss"], "test_accuracy"),
        ("loss", ["loss", "val_loss"], "loss"),
        ("loss", ["train_loss", "val_loss"], None),
        ("ss", ["loss"], None),
        ("val_loss", ["loss"], None),
        ("", ["loss"], None),
    ],
)
def test_wanted_name_is_found_among_those_seen(wanted: str, seen: list[str], name: str | None) -> None:
    assert find(wanted, seen) == name
