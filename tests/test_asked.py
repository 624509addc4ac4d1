from danlu import Decision, Float, Space, Study

SPACE = Space({"x": Float(0.0, 1.0)})


def test_what_the_study_was_told_and_what_the_trial_was_told_are_one(tmp_path):
    with Study(SPACE, minimize="loss", strategy="random", folder=tmp_path) as study:
        trial = study.ask()
        study.report(trial, 1, loss=1.0)
        assert trial.step == 1
        assert trial.report(2, loss=0.5) is Decision.CONTINUE
        assert study.trials[0].curve.steps.tolist() == [1, 2]
        assert trial.folder.startswith(str(tmp_path))


def test_what_has_ended_saves_no_more(tmp_path):
    with Study(SPACE, minimize="loss", strategy="random", folder=tmp_path) as study:
        trial = study.ask()
        study.tell(trial, loss=1.0)
        trial.save({"weights": 1})
        assert list(tmp_path.glob("trials/*/checkpoints/*")) == []
        assert trial.report(1, loss=0.1) is Decision.STOP
