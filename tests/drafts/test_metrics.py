import textwrap

import pytest

from danlu.drafts.metrics import candidates
from danlu.drafts.script import Script


@pytest.fixture
def found(tmp_path):
    def find(text, **settings):
        (tmp_path / "train.py").write_text(textwrap.dedent(text))
        return [(c.metric, c.goal, c.way) for c in candidates(Script(tmp_path / "train.py"), **settings)]

    return find


@pytest.mark.parametrize(
    ("line", "metric", "goal"),
    [
        ('print(f"step {it}: train loss {a:.4f}, val loss {b:.4f}")', "val_loss", "minimize"),
        (r'print("\nTest set: Average loss: {:.4f}, Hits: {}/{}\n".format(a, b, c))', "test_average_loss", "minimize"),
        ('print("epoch %d, val_acc=%.2f%%" % (e, acc))', "val_acc", "maximize"),
        ('print("Epoch", epoch, "val_loss:", loss)', "val_loss", "minimize"),
        ('logging.info("epoch %d: valid ppl %8.2f", e, p)', "valid_ppl", "minimize"),
        ('tqdm.write(f"F1: {f1}")', "f1", "maximize"),
        ('print(json.dumps({"eval_loss": loss}))', "eval_loss", "minimize"),
        ('bar(i, n, "Loss: %.3f | Acc: %.3f%% (%d/%d)" % (l, a, c, t))', "loss", "minimize"),
        ('line = "val acc: {:.2f}".format(acc)', "val_acc", "maximize"),
        ('log.info(f"Test{suffix}: [{i:>4d}/{n}]  Acc@1: {top1:>7.3f}")', "test_acc_1", "maximize"),
        ('print({"psnr": p})', "psnr", "maximize"),
    ],
)
def test_the_metric_of_a_printed_line_is_found(found, line, metric, goal):
    assert found(line)[0] == (metric, goal, "printed")


def test_what_frameworks_print_by_themselves_is_known(found):
    keras = """
    model.compile(optimizer="adam", loss="mse", metrics=["accuracy"])
    model.fit(x, y, validation_split=0.1)
    """
    assert [name for name, _, _ in found(keras)] == ["val_loss", "val_accuracy"]
    assert found("import transformers\ntransformers.Trainer(model)\n")[0] == ("eval_loss", "minimize", "printed")


def test_held_out_metrics_come_before_those_of_training(found):
    text = """
    print(f"train loss: {a}")
    print(f"test accuracy: {b}")
    print(f"val loss: {c}")
    """
    assert [name for name, _, _ in found(text)] == ["val_loss", "test_accuracy", "train_loss"]


def test_where_the_loss_itself_is_tuned_another_metric_is_preferred(found):
    text = 'print(f"val loss: {a:.3f} val acc: {b:.3f}")'
    assert found(text)[0][0] == "val_loss"
    assert found(text, loss_varies=True)[0][0] == "val_acc"


def test_what_is_logged_only_comes_after_what_is_printed(found):
    text = """
    self.log("val_f1", f1)
    writer.add_scalar("Loss/val", loss, step)
    wandb.log({"val/acc": acc})
    print("val_loss:", loss)
    """
    assert found(text)[0] == ("val_loss", "minimize", "printed")
    assert set(found(text)[1:]) == {
        ("val_f1", "maximize", "logged"), ("Loss/val", "minimize", "logged"), ("val/acc", "maximize", "logged"),
    }  # fmt: skip


def test_the_end_of_a_logged_name_says_what_it_is(found):
    text = """
    writer.add_scalar("losses/alpha", a, step)
    writer.add_scalar("losses/td_loss", b, step)
    writer.add_scalar("eval/episodic_return", c, step)
    print(f"episodic_return={c}")
    """
    assert [name for name, _, _ in found(text)] == ["episodic_return", "eval/episodic_return", "losses/td_loss"]


def test_reports_are_believed_first(found):
    text = """
    import danlu
    print(f"val_loss: {a}")
    danlu.report(epoch, val_acc=b)
    """
    assert found(text)[0] == ("val_loss", "minimize", "printed")
    assert ("val_acc", "maximize", "reported") in found(text)


def test_what_is_printed_in_code_that_is_not_reached_does_not_count(found):
    assert found("def other():\n    print(f'val_loss: {x}')\n") == []


def test_what_tells_no_metric_gives_none(found):
    assert found('print("done")\nprint(f"lr: {lr}, time: {t}")\nprint(*args)\nprint("{} {}".format(*x))') == []
