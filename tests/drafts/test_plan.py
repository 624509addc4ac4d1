from danlu.drafts.option import Option
from danlu.drafts.plan import plan
from danlu.drafts.readers.reading import Reading, Style


def planned(*options, most=12):
    return plan(Reading("argparse", Style.FLAG, options), most)


def names(items):
    return [item.option.name for item in items]


LR, WIDTH, BIAS = Option("lr", "float", 0.1), Option("width", "int", 64), Option("bias", "bool", True)
SEED = Option("seed", "int", 0)


def test_what_usually_matters_most_is_tuned_and_stays_in_the_order_of_the_script():
    assert names(planned(BIAS, SEED, WIDTH, LR, most=2).tuned) == ["width", "lr"]
    assert names(planned(BIAS, SEED, WIDTH, LR, most=2).offered) == ["bias"]
    assert names(planned(BIAS, SEED, WIDTH, LR, most=2).left) == ["seed"]


def test_a_subcommand_is_chosen_by_its_name_else_by_what_it_has_to_tune():
    fit, other = Option("lr", "float", 0.1, command="fit"), Option("width", "int", 8, command="zoo")
    assert planned(other, fit).command == "fit"
    assert planned(Option("seed", "int", 1, command="a"), other).command == "zoo"
    assert names(planned(SEED, other, fit).tuned) == ["lr"]


def test_what_the_script_asks_for_is_tuned_where_it_is_known_how_else_asked_for():
    made = planned(Option("lr", "float", None, is_required=True), Option("data", "text", None, is_required=True))
    assert names(made.tuned) == ["lr"]
    assert [option.name for option in made.asked] == ["data"]


def test_where_nothing_is_known_what_has_a_default_is_tuned():
    assert names(planned(Option("foo", "int", 8), Option("bar", "int", None)).tuned) == ["foo"]


def test_the_budget_is_that_of_epochs_before_that_of_iterations():
    made = planned(Option("max_iters", "int", 1000), Option("epochs", "int", 20), LR)
    assert made.budget.name == "epochs"
    assert planned(LR, Option("epochs", "int", 1)).budget is None
