from danlu import Float, Int, Space, Study


def warm():
    """A study whose earlier one found larger x better."""
    old = Study(Space({"x": Float(0.0, 1.0)}), minimize="loss", strategy="sobol")
    for _ in range(12):
        trial = old.ask()
        old.tell(trial, loss=1.0 - trial.config["x"])
    return Study(Space({"x": Float(0.0, 1.0)}), minimize="loss", strategy="gp", warm_start=[old])


def test_in_a_changed_space_only_what_has_a_place_there_is_remembered():
    study = warm()
    count = len(study.history.earlier[0])
    study.change(Space({"x": Float(0.0, 0.5), "depth": Int(1, 4, default=2)}))
    [earlier] = study.history.earlier
    assert 0 < len(earlier) < count
    assert all(config["x"] <= 0.5 and config["depth"] == 2 for config in earlier.configs)
    assert earlier.u.shape == (len(earlier), 2)
    assert [1.0 - config["x"] for config in earlier.configs] == earlier.losses.tolist()
    assert study.ask().origin == "default"
    assert study.ask().config == earlier.configs[int(earlier.losses.argmin())]
    assert study.verify() == []


def test_where_nothing_has_a_place_the_search_goes_on_without():
    study = warm()
    study.change(Space({"x": Float(2.0, 3.0)}))
    assert len(study.history.earlier[0]) == 0
    for _ in range(12):
        trial = study.ask()
        assert 2.0 <= trial.config["x"] <= 3.0
        study.tell(trial, loss=trial.config["x"])
    assert study.verify() == []
