from danlu.core.seeds import suggestion_rng, trial_seed


def test_the_same_number_gives_the_same_stream():
    assert suggestion_rng(7, 3).random(4).tolist() == suggestion_rng(7, 3).random(4).tolist()


def test_streams_of_suggestions_trials_and_studies_differ():
    draws = {suggestion_rng(seed, k).random() for seed in range(3) for k in range(50)}
    assert len(draws) == 150
    seeds = {trial_seed(seed, number) for seed in range(3) for number in range(50)}
    assert len(seeds) == 150
    assert all(0 <= seed < 2**32 for seed in seeds)
