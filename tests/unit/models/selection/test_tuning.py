"""Search, rolling-origin validation, augmentation and adversarial training behave as chapter 05 says."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import optuna
import pandas as pd
import pytest
import torch

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.evaluation.metrics import evaluate, scored_rows
from salesforecast_lib.models.forecaster.fit import NetworkConfig, fit_network
from salesforecast_lib.models.networks.predictor import SalesPredictor
from salesforecast_lib.models.selection.results import (
    best_values,
    importances,
    promised_gains,
    search_summary,
    trials_table,
    winners,
)
from salesforecast_lib.models.selection.space import Choice, Range, SearchSpace, field_names, with_values
from salesforecast_lib.models.selection.tuning import Objective, Search, run_search
from salesforecast_lib.models.selection.validation import OriginScore, Protocol, rolling_validation
from salesforecast_lib.models.training.loop import TrainingConfig, batch_loss, make_optimizer, train_model
from salesforecast_lib.models.training.regularise import MASK, SEEN, Regularisation, attack, measured
from salesforecast_lib.models.windows.loader import WindowLoader
from salesforecast_lib.models.windows.panel_tensor import PanelTensor
from salesforecast_lib.models.windows.vocabulary import Vocabulary

HORIZON = 7
META = {"horizon": HORIZON, "freq": "D", "season_length": 7, "future": ["plan"], "dataset": "made"}
CUTOFF = pd.Timestamp("2024-06-16")
SPACE = SearchSpace({"hidden_size": Choice((4, 8)), "learning_rate": Range(0.001, 0.1, log=True, points=2)})
BASE = NetworkConfig(
    window=14, hidden_size=6, embedding_size=2, dropout=0.0, batch_size=64, training=TrainingConfig(max_epochs=3)
)


def made_table(series=4, length=130, seed=0) -> FeatureTable:
    """Weekly rhythm, one plan known ahead, some days without stock; it goes on for two weeks after the cutoff."""
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(series):
        ds = pd.date_range(end=CUTOFF + pd.Timedelta(days=14), periods=length - 40 * (number == 1))
        plan = rng.integers(0, 2, len(ds)).astype(float)
        level = 5 * (number + 1) * (1 + 0.5 * (ds.dayofweek >= 5)) * (1 + plan)
        frame = pd.DataFrame({"unique_id": f"s{number}", "ds": ds, "y": rng.poisson(level).astype(float)})
        frame["available"] = (rng.random(len(ds)) > 0.1).astype(float)
        parts.append(frame.assign(lag=frame["y"].shift(7).fillna(0.0), plan=plan, group=f"g{number % 2}"))
    roles = {"static": ["group"], "historical": ["lag"], "future": ["plan"]}
    return FeatureTable(pd.concat(parts, ignore_index=True), roles, {"lags": ["lag"]}, ["lag"])


def made_objective(table=None, **changes) -> Objective:
    return Objective(table or made_table(), META, rolling_validation(CUTOFF, META, origins=2), SPACE, BASE, **changes)


def made_batch(window=14):
    table = made_table()
    vocabulary = Vocabulary.of(table)
    tensor = PanelTensor(table.frame, vocabulary, window, HORIZON, 7)
    rows = tensor.origins(table.frame["ds"].min(), CUTOFF, min_history=3, stride=2)
    torch.manual_seed(0)
    model = SalesPredictor(vocabulary.input_size, 8, HORIZON, future_size=1, static_sizes=(2,), dropout=0.0)
    return model, WindowLoader(tensor, rows, 64), tensor.gather(torch.as_tensor(rows))


# ---------------------------------------------------------------------------------------------- space


def test_every_field_of_the_configuration_can_be_searched_and_set():
    values = {"window": 28, "without": ["lags"], "training.clip": 0.5, "training.regularisation.jitter": 0.1}
    config = with_values(NetworkConfig(), values)
    assert (config.window, config.without, config.training.clip) == (28, ("lags",), 0.5)
    assert config.training.regularisation.jitter == 0.1 and config.hidden_size == NetworkConfig().hidden_size
    assert {"hidden_size", "without", "training.seed", "training.regularisation.warping"} <= set(
        field_names(NetworkConfig())
    )


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: SearchSpace({"hiden_size": Choice((4,))}), "no field 'hiden_size'; expected hidden_size"),
        (lambda: SearchSpace({"training": Choice((4,))}), "no field 'training'"),
        (lambda: SearchSpace({"dropout": (0.1, 0.2)}), "dropout: expected Choice"),
        (lambda: SearchSpace({}), "at least one"),
        (lambda: Range(0.0, 1.0, log=True), "low > 0"),
        (lambda: Range(2, 1), "low < high"),
        (lambda: Choice(()), "at least one value"),
        (lambda: with_values(NetworkConfig(), {"training.clipp": 1.0}), "no field 'training.clipp'"),
        (lambda: Search(sampler="bayes"), "sampler='bayes'"),
        (lambda: Search(trials=0), "at least 1"),
    ],
)
def test_a_bad_declaration_is_refused_by_name(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_ranges_give_whole_numbers_and_grids_with_both_ends():
    assert Range(8, 64, log=True, points=4).grid() == [8, 16, 32, 64]
    assert Range(0.0, 0.4).grid() == pytest.approx([0.0, 0.2, 0.4])
    space = SearchSpace({"without": Choice(((), ("lags",))), "dropout": Range(0.0, 0.5, points=2)})
    assert [space.values(labels) for labels in space.grid()][2] == {"without": ("lags",), "dropout": 0.0}
    trial = optuna.trial.FixedTrial({"without": '["lags"]', "dropout": 0.25})
    assert space.suggest(trial) == {"without": ("lags",), "dropout": 0.25}


# ------------------------------------------------------------------------------------------- protocol


def test_origins_lie_before_the_test_and_leave_a_horizon_to_check_the_choice():
    protocol = rolling_validation(CUTOFF, META, origins=3)
    assert [str(origin.date()) for origin in protocol.origins] == ["2024-05-19", "2024-05-26", "2024-06-02"]
    later = protocol.later()
    assert later.origins == (protocol.last,) and later.last == CUTOFF


def test_an_origin_whose_horizon_passes_the_test_cutoff_is_refused():
    with pytest.raises(ValueError, match="2024-06-10.*after the first test cutoff 2024-06-16.*2024-06-09"):
        Protocol((pd.Timestamp("2024-06-10"),), CUTOFF, HORIZON, "D", 7)


def test_a_short_history_gets_fewer_origins_or_a_reason():
    first = CUTOFF - pd.Timedelta(days=42)  # 7 days of window, two horizons of training and validation, then the origin
    protocol = rolling_validation(CUTOFF, META, origins=3, first=first, window=14)
    assert [str(origin.date()) for origin in protocol.origins] == ["2024-05-26", "2024-06-02"]
    short = rolling_validation(CUTOFF, META, origins=3, first=first + pd.Timedelta(days=15), window=14)
    assert [str(origin.date()) for origin in short.origins] == ["2024-06-02"], "the last one learns from less history"
    with pytest.raises(ValueError, match="history begins 2024-05-30.*fewer cutoffs"):
        rolling_validation(CUTOFF, META, first=first + pd.Timedelta(days=25), window=14)


@pytest.mark.parametrize("changes", [{}, {"forking": False}, {"encoder": "mlp"}, {"encoder": "gru", "steps": 40}])
def test_score_is_the_scaled_quantile_loss_of_chapter_07(changes):
    """The network reads as far back as it does when it forecasts: of a forked one, to the start of its stretch."""
    base = replace(BASE, **changes)
    table, protocol = made_table(), rolling_validation(CUTOFF, META, origins=1)
    origin = protocol.origins[0]
    forecaster = fit_network(table, META, origin, base, refit=False).forecaster
    after = table.frame[(table.frame["ds"] > origin) & (table.frame["ds"] <= protocol.end(origin))]
    forecast = forecaster(table.frame, after, origin)
    expected = evaluate(scored_rows(forecast, table.frame), table.frame, 7)["scaled_quantile_loss"].iloc[0]
    assert OriginScore(table, protocol, origin, base)(forecaster.model) == pytest.approx(expected, rel=1e-5)


def test_all_windows_are_scored_on_the_same_rows():
    table, protocol = made_table(), rolling_validation(CUTOFF, META, origins=1)
    scores = [OriginScore(table, protocol, protocol.origins[0], replace(BASE, window=w)) for w in (7, 14, 120)]
    assert all(list(score.series) == list(scores[0].series) for score in scores)
    assert len({score.naive for score in scores}) == 1 and scores[0].naive > 0


def test_objective_never_sees_what_comes_after_its_last_target():
    table = made_table()
    objective = made_objective(table)
    spoilt = replace(table, frame=table.frame.copy())
    after = spoilt.frame["ds"] > objective.protocol.last
    assert after.sum() > 50
    spoilt.frame.loc[after, ["y", "lag", "plan"]] = 1e6
    spoilt.frame.loc[after, "group"] = "unheard of"
    other = made_objective(spoilt)
    assert other.score(BASE) == objective.score(BASE) and other.key() == objective.key()
    assert objective.table.frame["ds"].max() <= CUTOFF - pd.Timedelta(days=HORIZON)


def test_training_at_an_origin_never_sees_the_horizon_it_is_scored_on():
    table, protocol = made_table(), rolling_validation(CUTOFF, META, origins=1)
    spoilt = replace(table, frame=table.frame.copy())
    spoilt.frame.loc[spoilt.frame["ds"] > protocol.origins[0], ["y", "lag"]] = 1e6
    weights = [fit_network(t, META, protocol.origins[0], BASE).forecaster.model.state_dict() for t in (table, spoilt)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


# --------------------------------------------------------------------------------------------- search


def finished(study):
    return [(t.params, t.value, t.state.name) for t in study.trials if t.state.name in ("COMPLETE", "PRUNED")]


@pytest.mark.parametrize("sampler", ["random", "tpe", "grid"])
def test_same_seed_gives_the_same_search_twice(sampler, tmp_path):
    search = Search(sampler=sampler, trials=5, startup=2, seed=3)
    studies = [run_search(made_objective(), search, tmp_path / f"{k}.db") for k in range(2)]
    assert finished(studies[0]) == finished(studies[1])
    assert len(finished(studies[0])) == (4 if sampler == "grid" else 5)
    if sampler == "grid":
        assert len({tuple(params.items()) for params, *_ in finished(studies[0])}) == 4
    else:
        other = run_search(made_objective(), replace(search, seed=4, trials=1), tmp_path / "0.db")
        assert finished(other)[0][0] != finished(studies[0])[0][0]


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("sampler", ["random", "tpe", "grid"])
def test_a_killed_search_goes_on_to_the_same_trials(sampler, tmp_path, monkeypatch):
    search = Search(sampler=sampler, trials=4, startup=2)
    whole = run_search(made_objective(), search, tmp_path / "whole.db")
    score = Objective.score

    def die(self, config, trial=None):
        if trial is not None and trial.number == 2:
            raise Killed
        return score(self, config, trial)

    monkeypatch.setattr(Objective, "score", die)
    with pytest.raises(Killed):
        run_search(made_objective(), search, tmp_path / "killed.db")
    monkeypatch.setattr(Objective, "score", score)
    resumed = run_search(made_objective(), search, tmp_path / "killed.db")
    if sampler == "grid":
        assert sorted(map(str, finished(resumed))) == sorted(map(str, finished(whole)))
    else:
        assert finished(resumed) == finished(whole)
    assert [t.state.name for t in resumed.trials].count("FAIL") == 1
    assert len(trials_table(run_search(made_objective(), search, tmp_path / "killed.db"))) == 4  # nothing left to do


def test_more_trials_continue_a_finished_search_and_other_data_begin_anew(tmp_path):
    short, long = (Search(sampler="tpe", trials=n, startup=2) for n in (2, 4))
    first = run_search(made_objective(), short, tmp_path / "a.db")
    before = finished(first)
    more = run_search(made_objective(), long, tmp_path / "a.db")
    assert len(before) == 2 and finished(more)[:2] == before and len(finished(more)) == 4
    assert finished(more) == finished(run_search(made_objective(), long, tmp_path / "b.db"))
    other = run_search(made_objective(made_table(seed=1)), short, tmp_path / "a.db")
    assert other.study_name != first.study_name and len(other.trials) == 2


def test_pruned_trials_are_counted_and_report_what_they_saw(tmp_path):
    space = SearchSpace({"learning_rate": Choice((0.003, 1.5))})  # with the second the network diverges
    objective = Objective(made_table(), META, rolling_validation(CUTOFF, META, 2), space, BASE)
    study = run_search(objective, Search(sampler="random", trials=8, startup=2, seed=1), tmp_path / "s.db")
    table = trials_table(study)
    pruned = table[table["state"] == "pruned"]
    assert len(table) == 8 and 0 < len(pruned) < 8 and pruned["score"].isna().all()
    assert (pruned["epochs"] < 6).all() and (table.loc[table["state"] == "complete", "epochs"] <= 6).all()
    assert table["best"].iloc[-1] == table["score"].min() == pytest.approx(study.best_value)
    assert best_values(study, space) == {"learning_rate": 0.003}
    row = search_summary({"random": table}).loc["random"]
    assert (row["trials"], row["pruned"], row["best score"]) == (8, len(pruned), table["score"].min())
    found = winners(BASE, {"random": study, "again": study}, space)
    assert found == {"default": BASE, "best of random": replace(BASE, learning_rate=0.003)}, "the same one counts once"
    assert promised_gains({"random": study, "again": study}, found, 2 * study.best_value) == {"best of random": 50.0}


def test_one_trial_says_nothing_about_which_field_matters(tmp_path):
    assert importances(run_search(made_objective(), Search(trials=1), tmp_path / "s.db")).empty


def test_hyperband_prunes_and_importances_sum_to_one(tmp_path):
    study = run_search(made_objective(), Search(trials=8, startup=3, pruner="hyperband"), tmp_path / "s.db")
    assert len(trials_table(study)) == 8
    shares = importances(study)
    assert set(shares.index) == set(SPACE.ranges) and shares.sum() == pytest.approx(1)


def test_a_configuration_that_cannot_be_trained_stops_the_search_with_its_reason(tmp_path):
    space = SearchSpace({"window": Choice((3,))})
    objective = Objective(made_table(), META, rolling_validation(CUTOFF, META, 1), space, BASE)
    with pytest.raises(ValueError, match="window=3"):
        run_search(objective, Search(trials=1), tmp_path / "s.db")


@pytest.mark.slow
def test_workers_share_one_search(tmp_path):
    search = Search(sampler="random", trials=4, workers=2, pruner="none")
    table = trials_table(run_search(made_objective(), search, tmp_path / "s.db"))
    assert len(table) == 4 and table["learning_rate"].nunique() == 4 and table["score"].notna().all()


# ----------------------------------------------------------------------- augmentation and adversarial training


@pytest.mark.parametrize("switch", [{"jitter": 0.3}, {"scaling": 0.3}, {"warping": 1.0}])
def test_augmentation_disturbs_measurements_only_and_depends_on_its_generator(switch):
    _, _, batch = made_batch()
    once, twice, other = (
        Regularisation(**switch).augment(batch, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(once.history, twice.history) and not torch.equal(once.history, other.history)
    assert once.history.shape == batch.history.shape and torch.isfinite(once.history).all()
    padding = batch.history[:, :, MASK] == 0
    assert padding.any() and (once.history[padding] == 0).all()
    certain = ~measured(batch)
    certain[SEEN] = False  # warping moves availability together with the sales it describes
    assert torch.equal(once.history[:, :, certain], batch.history[:, :, certain])
    assert ((once.history[:, :, SEEN] >= 0) & (once.history[:, :, SEEN] <= 1)).all()
    assert all(getattr(once, n) is getattr(batch, n) for n in ("future", "static", "scale", "target", "weight"))


def test_warping_keeps_both_ends_and_stays_within_the_values_it_interpolates():
    _, _, batch = made_batch()
    warped = Regularisation(warping=1.0).augment(batch, torch.Generator().manual_seed(0)).history[:, :, 0]
    y, whole = batch.history[:, :, 0], (batch.history[:, :, MASK] > 0).all(1)
    assert torch.allclose(warped[whole][:, [0, -1]], y[whole][:, [0, -1]], atol=1e-5)
    assert (warped.amax(1) <= y.amax(1) + 1e-5).all() and (warped >= 0).all()


def test_warping_is_refused_where_a_later_value_would_be_a_target():
    _, _, batch = made_batch()
    several = replace(batch, scale=batch.scale.expand(-1, 3))
    with pytest.raises(ValueError, match="leak its targets"):
        Regularisation(warping=0.5).augment(several, torch.Generator().manual_seed(0))


def test_fast_gradient_sign_raises_the_loss_more_than_random_signs_do():
    model, loader, batch = made_batch()
    train_model(model, loader, make_optimizer("adam", model, 0.01), config=TrainingConfig(max_epochs=5))
    model.eval()
    clean, attacked = attack(lambda b: batch_loss(model, b, TrainingConfig()), batch, 0.3)
    moved = (attacked.history - batch.history).abs()
    assert moved.max() <= 0.3 + 1e-5 and (moved[:, :, ~measured(batch)] == 0).all()
    signs = torch.sign(torch.randn(batch.history.shape, generator=torch.Generator().manual_seed(0)))
    use = measured(batch) & (batch.history[:, :, MASK : MASK + 1] > 0)
    random = replace(batch, history=torch.where(use, batch.history + 0.3 * signs, batch.history))
    losses = [batch_loss(model, b, TrainingConfig()).item() for b in (batch, random, attacked)]
    assert losses[2] > losses[0] and losses[2] > losses[1] and losses[0] == pytest.approx(clean.item())


def test_without_regularisation_training_is_what_it_was():
    runs = []
    for regularisation in (Regularisation(), Regularisation(jitter=1e-12)):
        model, loader, _ = made_batch()
        config = TrainingConfig(max_epochs=2, regularisation=regularisation)
        runs.append(train_model(model, loader, make_optimizer("adam", model, 0.01), config=config).train)
    assert runs[0] == pytest.approx(runs[1], rel=1e-5)


@pytest.mark.parametrize("switch", [{"jitter": 0.3, "scaling": 0.2, "warping": 0.5}, {"adversarial": 0.2}])
def test_a_regularised_training_resumes_to_the_same_weights(switch, tmp_path):
    results = []
    for stops in ([3], [1, 3]):
        folder = tmp_path / str(len(stops))
        for stop in stops:
            model, loader, _ = made_batch()
            config = TrainingConfig(max_epochs=stop, schedule="constant", regularisation=Regularisation(**switch))
            train_model(model, loader, make_optimizer("adam", model, 0.01), config=config, checkpoint=folder)
        results.append(model.state_dict())
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])
    plain, loader, _ = made_batch()
    config = TrainingConfig(max_epochs=3, schedule="constant")
    train_model(plain, loader, make_optimizer("adam", plain, 0.01), config=config)
    assert not torch.equal(plain.state_dict()["local.weight"], results[0]["local.weight"])


def test_regularisation_refuses_impossible_strengths_and_is_stored_with_the_configuration():
    with pytest.raises(ValueError, match="warping=1.5"):
        Regularisation(warping=1.5)
    with pytest.raises(ValueError, match="jitter=-1"):
        Regularisation(jitter=-1)
    assert asdict(NetworkConfig())["training"]["regularisation"]["adversarial"] == 0.0
