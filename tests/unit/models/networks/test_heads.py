"""Heads: likelihoods against scipy, quantiles against simulation, and what a censored likelihood is for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import integrate, stats

from salesforecast_lib import QUANTILES
from salesforecast_lib.data.features import build_features
from salesforecast_lib.data.marketplace.simulate import latent_demand_bias, simulate_marketplace
from salesforecast_lib.models.forecaster.fit import NetworkConfig, fit_network
from salesforecast_lib.models.networks.encoders import ENCODERS
from salesforecast_lib.models.networks.heads import Observed, QuantileHead, censored_pinball, quantile_mean
from salesforecast_lib.models.networks.parametric import HEADS, GaussianHead, NegativeBinomialHead, TweedieHead
from salesforecast_lib.models.training.loop import TrainingConfig
from salesforecast_lib.models.windows.panel_tensor import PanelTensor
from tests.unit.data.marketplace.test_simulate import FLAT
from tests.unit.models.made import HORIZON, SEASON, WINDOW, made_model, made_table


def numbers(seed=0, count=40, horizon=5):
    torch.manual_seed(seed)
    raw = torch.randn(count, horizon, 2, dtype=torch.float64)
    seasonal = torch.rand(count, horizon, dtype=torch.float64) + 0.3
    scale = 5 + 10 * torch.rand(count, 1, dtype=torch.float64).expand(count, horizon)
    target = torch.poisson(seasonal * scale) / scale
    return raw, seasonal, scale, target


def losses(head, censored):
    raw, seasonal, scale, target = numbers()
    seen = Observed(target, scale, torch.ones_like(target), torch.full_like(target, float(censored)))
    return head.loss(raw, seasonal, seen).numpy(), head, raw, seasonal, scale, target.numpy()


def test_gaussian_likelihood_and_survival_are_those_of_scipy():
    for censored, reference in ((False, stats.norm.logpdf), (True, stats.norm.logsf)):
        loss, head, raw, seasonal, _, target = losses(GaussianHead(QUANTILES), censored)
        mean, spread = (each.numpy() for each in head.parameters_of(raw, seasonal))
        assert loss == pytest.approx(-reference(target, mean, spread), rel=1e-6)


def test_negative_binomial_likelihood_and_survival_are_those_of_scipy():
    for censored in (False, True):
        loss, head, raw, seasonal, scale, target = losses(NegativeBinomialHead(QUANTILES), censored)
        mean, size = (each.numpy() for each in head.parameters_of(raw, seasonal, scale))
        count = np.round(target * scale.numpy())
        known = stats.nbinom(size, size / (size + mean))
        expected = known.logsf(count - 1) if censored else known.logpmf(count)
        assert loss == pytest.approx(-expected, rel=1e-6, abs=1e-9)


def test_negative_binomial_survival_has_the_gradient_of_finite_differences():
    head = NegativeBinomialHead(QUANTILES)
    raw, seasonal, scale, target = numbers(count=4)
    seen = Observed(target, scale, torch.ones_like(target), torch.ones_like(target))
    assert torch.autograd.gradcheck(lambda r: head.loss(r, seasonal, seen), raw.requires_grad_(), atol=1e-4)


def test_tweedie_density_integrates_to_one_and_its_survival_is_the_tail():
    head = TweedieHead(QUANTILES)
    raw = torch.tensor([[[0.2, 0.3]]], dtype=torch.float64)
    seasonal = torch.ones(1, 1, dtype=torch.float64)
    mean = float(torch.exp(raw[0, 0, 0]))

    def density(value: float, censored: float = 0.0) -> float:
        target = torch.full((1, 1), value, dtype=torch.float64)
        seen = Observed(target, torch.ones_like(target), torch.ones_like(target), torch.full_like(target, censored))
        return float(torch.exp(-head.loss(raw, seasonal, seen)))

    nothing = density(0.0)
    assert nothing + integrate.quad(density, 0, 40, limit=200)[0] == pytest.approx(1, abs=1e-5)
    assert integrate.quad(lambda v: v * density(v), 0, 40, limit=200)[0] == pytest.approx(mean, rel=1e-4)
    assert density(1.5, 1.0) == pytest.approx(integrate.quad(density, 1.5, 40, limit=200)[0], rel=1e-4)


@pytest.mark.parametrize("name", HEADS)
def test_quantiles_are_those_of_the_distribution(name):
    from salesforecast_lib.models.networks.parametric import make_head

    head, seasonal = make_head(name, QUANTILES), torch.tensor([[1.3]])
    scale = torch.tensor([[20.0]])
    raw = head.start()[None, None].clone()
    found = head.quantiles(raw, seasonal, scale)[0, 0].numpy()
    again = head.quantiles(raw, seasonal, scale)[0, 0].numpy()
    assert (found == again).all(), "no random numbers"
    rng = np.random.default_rng(0)
    if name == "gaussian":
        mean, spread = (float(each) for each in head.parameters_of(raw, seasonal))
        sample = np.maximum(rng.normal(mean, spread, 400_000), 0)
    elif name == "negative_binomial":
        mean, size = (float(each) for each in head.parameters_of(raw, seasonal, scale))
        sample = rng.negative_binomial(size, size / (size + mean), 400_000) / 20
    elif name == "tweedie":
        rate, purchase = (float(each) for each in head.parameters_of(raw, seasonal))
        count = rng.poisson(rate, 400_000)
        sample = np.where(count > 0, rng.gamma(np.maximum(count, 1), purchase), 0.0)
    else:
        assert found[QUANTILES.index(0.5)] == pytest.approx(1.3) and (np.diff(found) > 0).all()
        return
    assert found == pytest.approx(np.quantile(sample, QUANTILES), rel=0.03, abs=0.05 if name != "tweedie" else 0.02)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_with_every_head_trains_a_step_and_keeps_the_contract(encoder, head):
    table = made_table((60, 50))
    model, vocabulary, _ = made_model(table, encoder=encoder, head=head, hidden_size=8, window=WINDOW)
    tensor = PanelTensor(table.frame, vocabulary, WINDOW, HORIZON, SEASON)
    batch = tensor.gather(torch.tensor([3, 30, 45, 80]))
    for censored in (False, True):
        total, weight = model.loss(batch, 0.5, censored)
        (total / weight).backward()
    assert all(torch.isfinite(each.grad).all() for each in model.parameters() if each.grad is not None)
    quantiles = model.eval()(batch).detach()
    assert quantiles.shape == (4, HORIZON, len(QUANTILES)) and torch.isfinite(quantiles).all()
    assert (quantiles >= 0).all() and (quantiles.diff(dim=2) >= 0).all()


def test_unknown_encoder_and_head_are_refused():
    table = made_table((60, 50))
    with pytest.raises(ValueError, match="encoder='tcn': expected one of"):
        made_model(table, encoder="tcn")
    with pytest.raises(ValueError, match="head='poisson': expected one of"):
        made_model(table, head="poisson")
    with pytest.raises(ValueError, match="needs window="):
        made_model(table, encoder="mlp")


def drawn(head, raw, seasonal, scale, draws=20_000):
    """Random sales of a head in scaled units, (draws, count, horizon)."""
    rng = np.random.default_rng(0)
    if isinstance(head, NegativeBinomialHead):
        mean, size = (each.numpy() for each in head.parameters_of(raw, seasonal, scale))
        return rng.negative_binomial(size, size / (size + mean), (draws, *size.shape)) / scale.numpy()
    first, second = (each.numpy() for each in head.parameters_of(raw, seasonal))
    if isinstance(head, GaussianHead):
        return np.maximum(rng.normal(first, second, (draws, *first.shape)), 0)
    return rng.gamma(np.maximum(rng.poisson(first, (draws, *first.shape)), 1e-9), second)


@pytest.mark.parametrize("kind", [GaussianHead, NegativeBinomialHead, TweedieHead])
def test_the_mean_is_that_of_the_whole_distribution(kind):
    """Tails included: seven quantiles would stay below it where the upper tail is long."""
    raw, seasonal, scale, _ = numbers(count=6)
    head = kind(QUANTILES)
    mean, sample = head.mean(raw, seasonal, scale).numpy(), drawn(head, raw, seasonal, scale)
    np.testing.assert_allclose(sample.mean(0), mean, atol=5 * sample.std(0).max() / np.sqrt(len(sample)))
    seven = quantile_mean(head.quantiles(raw, seasonal, scale), QUANTILES)
    assert kind is GaussianHead or seven.sum() < 0.99 * mean.sum()


def stocked_out(seed=0, days=6000):
    """Demand of one product (negative binomial, mean 20), sales cut by the stock on a third of the days."""
    rng = np.random.default_rng(seed)
    demand = rng.negative_binomial(4, 4 / 24, days).astype(float)
    stock = np.where(rng.random(days) < 0.5, rng.poisson(18, days), 1_000)
    return demand, np.minimum(demand, stock), demand > stock


def fitted(name, target, weight, censored):
    """Median and quantile forecasts of one head with free numbers only, fitted to convergence."""
    from salesforecast_lib.models.networks.parametric import make_head

    head, scale = make_head(name, QUANTILES), float((target * weight).sum() / weight.sum())
    raw = head.start().double().clone().requires_grad_()
    observed = torch.as_tensor(target)[:, None] / scale
    one = torch.ones_like(observed)
    seen = Observed(observed, one * scale, one, torch.as_tensor(censored, dtype=torch.float64)[:, None])
    optimizer = torch.optim.Adam([raw], lr=0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 400)
    for _ in range(400):
        terms = head.loss(raw.expand(len(target), 1, -1), one, seen) * torch.as_tensor(weight)[:, None]
        optimizer.zero_grad()
        (terms.sum() / weight.sum()).backward()
        optimizer.step()
        schedule.step()
    quantiles = head.quantiles(raw.detach()[None, None], one[:1], one[:1] * scale)[0, 0].numpy() * scale
    mean = (
        float(head.parameters_of(raw[None, None], one[:1], one[:1] * scale)[0].detach())
        if name != "quantiles"
        else None
    )
    return mean, quantiles


def test_censored_likelihood_brings_the_bias_of_latent_demand_below_two_percent():
    demand, sales, out = stocked_out()
    hidden, everything = out.astype(float), np.ones(len(sales))
    none = np.zeros(len(sales))
    raw, _ = fitted("negative_binomial", sales, everything, none)
    masked, _ = fitted("negative_binomial", sales, 1 - hidden, none)
    censored, _ = fitted("negative_binomial", sales, everything, hidden)
    bias = {name: value / demand.mean() - 1 for name, value in dict(raw=raw, masked=masked, censored=censored).items()}
    assert abs(bias["censored"]) <= 0.02, bias
    assert bias["raw"] < -0.08 and bias["masked"] < -0.08, bias


def test_censored_pinball_recovers_the_quantiles_of_latent_demand():
    demand, sales, out = stocked_out()
    none, everything = np.zeros(len(sales)), np.ones(len(sales))
    truth = np.quantile(demand, QUANTILES)
    plain = fitted("quantiles", sales, everything, none)[1]
    censored = fitted("quantiles", sales, everything, out.astype(float))[1]
    error = {name: np.abs(value / truth - 1) for name, value in dict(plain=plain, censored=censored).items()}
    middle = QUANTILES.index(0.5)
    assert error["censored"][middle] <= 0.05 < error["plain"][middle], error
    assert error["censored"].max() < error["plain"].max() / 2, error


def network_bias(seed, treatment):
    """Bias of a trained network's latent demand on a market without hidden drift, sold out on a quarter of the days.

    What sold-out days hide of a drift no likelihood can know: with one, the bias is larger.
    """
    config = replace(FLAT, seed=seed, products=60, days=400, units=60 * 400 * 8.0, stock_cover=0.8, dispersion=5.0)
    truth = simulate_marketplace(config).truth
    available = {"raw": truth["available"] * 0 + 1, "masked": (truth["available"] >= 1).astype(float)}
    panel = truth[["unique_id", "ds"]].assign(
        y=truth["sales"].astype(float), available=available.get(treatment, truth["available"])
    )
    meta = {"dataset": "simulated", "freq": "D", "season_length": 7, "country": "US", "horizon": 14}
    meta |= {"static": [], "historical": [], "future": []}
    table, last = build_features(panel, meta), panel["ds"].max() - pd.Timedelta(days=14)
    network = NetworkConfig(
        forking=True,
        learning_rate=0.004,
        head="negative_binomial",
        hidden_size=32,
        dropout=0.0,  # under an exponential link, noise in the states would move the mean
        training=TrainingConfig(volume_weight=0.0, censored=treatment == "censored"),
    )
    forecaster = fit_network(table, meta, last, network, epochs=10).forecaster
    origins = [last - pd.Timedelta(days=14 * back) for back in range(20)]
    parts = [forecaster(table.frame, table.frame[table.frame["ds"] > origin], origin) for origin in origins]
    return latent_demand_bias(pd.concat(parts), truth)


@pytest.mark.slow
def test_a_trained_network_finds_latent_demand_where_raw_sales_and_masking_are_biased():
    censored = [network_bias(seed, "censored") for seed in range(3)]
    assert abs(np.mean(censored)) <= 0.02 and np.abs(censored).max() <= 0.04, censored
    raw, masked = network_bias(0, "raw"), network_bias(0, "masked")
    assert raw < -0.1 and masked < censored[0] - 0.02, (raw, masked, censored[0])


def test_nothing_is_learnt_where_nothing_could_be_bought():
    table = made_table((60, 50))
    model, vocabulary, _ = made_model(table)
    frame = table.frame.assign(available=0.0)
    spoiled = frame.assign(y=frame["y"] + 1e3 * (frame.groupby("unique_id").cumcount() > 40))
    rows = torch.tensor([40, 100])
    for each in (frame, spoiled):
        batch = PanelTensor(each, vocabulary, WINDOW, HORIZON, SEASON).gather(rows)
        total, weight = model.loss(batch, 0.0, censored=True)
        assert total.item() == weight.item() == 0


def test_a_censored_observation_below_every_quantile_pulls_nothing_down():
    forecast = torch.tensor([[[5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]]], requires_grad=True)
    censored_pinball(forecast, torch.tensor([[0.0]]), QUANTILES).sum().backward()
    assert forecast.grad.abs().max() < 1e-6, "demand of at least nothing says nothing"
    forecast.grad = None
    censored_pinball(forecast, torch.tensor([[8.5]]), QUANTILES).sum().backward()
    assert (forecast.grad <= 0).all() and (forecast.grad[0, 0, :4] < 0).all()
    assert isinstance(QuantileHead(QUANTILES), torch.nn.Module)
