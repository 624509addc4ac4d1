import pytest

from danlu import Choice, Float, Int
from danlu.drafts.advice import ASKED, NEVER, advice, words
from danlu.drafts.option import Option


def of(name, default, help="", **settings):
    kind = {bool: "bool", int: "int", float: "float"}.get(type(default), "text")
    return advice(Option(name, kind, default, help=help, **settings))


@pytest.mark.parametrize(
    ("name", "same"),
    [("batchSize", "batch_size"), ("weight-decay", "weight_decay"), ("model.netG-lr", "netg_lr"), ("LR", "lr")],
)
def test_names_are_compared_by_their_words(name, same):
    assert words(name) == same


@pytest.mark.parametrize(
    ("name", "default", "dimension"),
    [
        ("lr", 3e-4, Float(3e-6, 0.03, log=True, default=3e-4)),
        ("optimizer.learning_rate", 0.1, Float(1e-3, 1.0, log=True, default=0.1)),
        ("weight_decay", 0.1, Float(1e-3, 0.3, log=True, default=0.1)),
        ("dropout", 0.0, Float(0.0, 0.5, default=0.0)),
        ("attn_pdrop", 0.1, Float(0.0, 0.5, default=0.1)),
        ("label-smoothing", 0.1, Float(0.0, 0.2, default=0.1)),
        ("label_smoothing_factor", 0.0, Float(0.0, 0.2, default=0.0)),
        ("batch_size", 64, Choice(16, 32, 64, 128, 256, ordered=True, default=64)),
        ("per_device_train_batch_size", 8, Choice(2, 4, 8, 16, 32, ordered=True, default=8)),
        ("adam_beta2", 0.98, Choice(0.9, 0.95, 0.98, 0.99, 0.999, ordered=True, default=0.98)),
        ("n_layer", 6, Int(3, 12, default=6)),
        ("n_embd", 384, Choice(96, 192, 384, 768, ordered=True, default=384)),
        ("hidden_channels", 64, Choice(16, 32, 64, 128, ordered=True, default=64)),
        ("lora_rank", 8, Choice(2, 4, 8, 16, ordered=True, default=8)),
        ("warmup_iters", 2000, Int(500, 8000, log=True, default=2000)),
        ("warmup_ratio", 0.03, Float(0.0, 0.2, default=0.03)),
        ("max_grad_norm", 1.0, Float(0.1, 10.0, log=True, default=1.0)),
        ("lambda_l1", 100.0, Float(1.0, 1e4, log=True, default=100.0)),
        ("target_update_interval", 500, Int(125, 2000, log=True, default=500)),
        ("tau", 1.0, Float(0.1, 1.0, log=True, default=1.0)),
        ("amsgrad", False, Choice(True, False, default=False)),
    ],
)
def test_what_is_known_by_its_name_is_tuned_in_its_range(name, default, dimension):
    item = of(name, default, help="target network update rate" if name == "tau" else "")
    assert item.dimension == dimension
    assert item.rank < ASKED


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("epochs", 14), ("num_train_epochs", 3.0), ("max_iters", 600_000), ("total_timesteps", 500_000),
        ("niter", 25), ("seed", 1), ("manualSeed", 3), ("num_workers", 4), ("log_interval", 10),
        ("print-freq", 10), ("gpu", 0), ("local_rank", 0), ("ngpu", 1), ("no-cuda", False), ("dry-run", False),
        ("save-model", False), ("amp", False), ("fp16", False), ("compile", True), ("data_dir", "data"),
        ("output", "out"), ("resume", ""), ("wandb_project", "x"), ("exp_name", "x"), ("vocab_size", 50_257),
        ("num_classes", 10), ("img_size", 224), ("block_size", 1024), ("max_seq_length", 128),
        ("test-batch-size", 1000), ("eval_interval", 100), ("eval_dropout", 0.1), ("pretrained", False),
        ("min_lr", 1e-5), ("lr_decay_iters", 600_000), ("paths.lr", 1.0),
        ("callbacks.early_stopping.patience", 5), ("early_stopping_patience", 5),
        ("gradient_accumulation_steps", 4),
    ],
)  # fmt: skip
def test_what_does_not_belong_into_a_search_is_left_and_the_reason_said(name, default):
    item = of(name, default)
    assert item.rank == NEVER
    assert item.why


def test_gamma_is_a_discount_where_the_help_says_so_else_the_factor_of_a_schedule():
    assert isinstance(of("gamma", 0.99, help="discount factor").dimension, Choice)
    assert of("gamma", 0.7, help="Learning rate step gamma").dimension == Float(0.1, 1.0, default=0.7)


def test_steps_of_a_rollout_are_no_budget():
    assert of("num_steps", 128, help="the number of steps to run in each environment").rank < ASKED
    assert of("num_steps", 10_000, help="training steps").rank == NEVER


def test_what_is_unknown_is_judged_by_kind_and_default():
    assert of("foo", 0.5).dimension == Float(0.005, 50.0, log=True, default=0.5)
    assert of("mask_prob", 0.15).dimension == Float(0.05, 0.95, default=0.15)
    assert of("foo", 8).dimension == Int(2, 32, log=True, default=8)
    assert of("foo", 8).rank == ASKED  # a whole number may mean anything
    assert of("foo", "a", choices=("a", "b")).rank == ASKED
    assert of("foo", "bar").rank == NEVER


def test_without_a_default_the_usual_range_is_only_offered():
    item = advice(Option("clip-grad", "float", None))
    assert (item.rank, item.dimension) == (ASKED, Float(0.1, 10.0, log=True))


def test_a_whole_number_in_yaml_may_be_meant_as_a_float():
    assert of("weight_decay", 0, is_inferred=True).dimension.default == 0.0
    assert of("weight_decay", 0).rank == NEVER
    assert of("n_layer", 4, is_inferred=True).dimension == Int(2, 8, default=4)


@pytest.mark.parametrize(
    "settings", [{"many": "2"}, {"is_positional": True}, {"many": "no effect"}], ids=lambda s: next(iter(s))
)
def test_what_no_single_value_says_is_left(settings):
    assert of("lr", 0.1, **settings).rank == NEVER
