from danlu import Float, Space, Study
from danlu.notifications.news import Reporter, ended


def told(reporter, study):
    return [news.text for news in reporter.news(study.history)]


def test_a_new_best_is_told_with_its_config_and_how_much_better_it_is(study):
    reporter = Reporter("mine", study.history)
    study.tell(study.ask(), loss=0.5)
    assert told(reporter, study) == ["mine: new best loss 0.5 · trial 0 · lr=0.01"]
    study.tell(study.ask(), loss=0.6)
    assert told(reporter, study) == [], "it is no better"
    study.tell(study.ask(), loss=0.4)
    [news] = reporter.news(study.history)
    assert news.text.startswith("mine: new best loss 0.4, 20.0% lower than before · trial 2 · lr=")
    assert news.facts["event"] == "best"
    assert (news.facts["value"], news.facts["previous"], news.facts["trial"]) == (0.4, 0.5, 2)
    assert news.facts["config"] == dict(study.best.config)
    assert news.facts["message"] == news.text


def test_what_was_known_before_is_no_news(study):
    study.tell(study.ask(), loss=0.5)
    reporter = Reporter("mine", study.history)
    study.tell(study.ask(), loss=0.6)
    assert told(reporter, study) == []


def test_of_failures_the_first_of_each_kind_is_told_and_then_ever_fewer(study):
    reporter = Reporter("mine", study.history)
    texts = []
    for _ in range(25):
        study.fail(study.ask(), "ValueError: no [such]\nthing")
        texts += told(reporter, study)
    study.tell(study.ask(), loss=float("nan"))
    texts += told(reporter, study)
    first, tenth, other = texts
    assert first.startswith("mine: trial 0 failed, ")
    assert first.endswith("ValueError: no [such] thing"), "in one line"
    assert tenth.startswith("mine: 10 trials have failed so; the last: trial 9 failed, ")
    assert "diverged" in other


def test_failures_that_come_together_are_one_piece_of_news(study):
    reporter = Reporter("mine", study.history)
    for _ in range(12):
        study.fail(study.ask(), "broken")
    [news] = reporter.news(study.history)
    assert (news.facts["count"], news.facts["trial"]) == (12, 11)


def test_of_several_objectives_it_is_told_who_is_new_on_the_front():
    study = Study(Space({"x": Float(0.0, 1.0)}), minimize=["loss", "size"], strategy="random")
    reporter = Reporter("mine", study.history)
    study.tell(study.ask(), loss=1.0, size=1.0)
    study.tell(study.ask(), loss=2.0, size=2.0)
    [text] = told(reporter, study)
    assert text.startswith("mine: new on the front of now 1: loss 1, size 1 · trial 0")
    study.tell(study.ask(), loss=3.0, size=3.0)
    assert told(reporter, study) == []


def test_the_end_is_told_with_the_best_the_counts_and_the_cost(study):
    study.tell(study.ask(), loss=0.5)
    study.fail(study.ask(), "broken")
    news = ended("mine", study.history, "done", "all 2 trials", price=3600.0)
    assert news.text.startswith("mine: done, all 2 trials · best loss 0.5 · 1 complete, 1 failed · cost 0.0")
    assert news.text.endswith(" · trial 0 · lr=0.01")
    assert news.facts["how"] == "done"
    nothing = ended("mine", Study(study.space, minimize="loss").history, "failed", "no disk")
    assert nothing.text == "mine: failed, no disk"


def test_a_text_is_no_longer_than_a_chat_shows(study):
    reporter = Reporter("mine", study.history)
    study.fail(study.ask(), "x" * 5000)
    [text] = told(reporter, study)
    assert len(text) == 800
    assert text.endswith("…")
