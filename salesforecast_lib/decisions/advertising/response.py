r"""Which advertising channel sells how much: carry-over, saturation and their uncertainty (chapter 11).

Model, channel k, period t, spend x:

    log y_t = X_t beta + log(1 + R_t) + u_t + v_t,   u_t = rho u_(t-1) + noise,   v_t white,
    R_t = sum_k L_k a_kt^s_k / (a_kt^s_k + h_k^s_k),   a_kt = x_kt + lambda_k a_k,t-1

(Jin et al., 2017). u is what moves demand for some days and is in no data, v is chance. Taking both for one AR(1) would
hide u's slow part and make intervals too short. beta has a flat prior, the variance Jeffreys' prior, and rho and the
white share a uniform one on a grid: all are integrated out, only the four parameters of each channel are sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.linalg import cholesky, qr, solve_triangular, toeplitz
from scipy.special import expit, logsumexp

from salesforecast_lib.data.marketplace.demand import adstock, hill
from salesforecast_lib.decisions.advertising.sampling import tempered_draws

RHO = (0.6, 0.8, 0.9, 0.96)  # grid of the autocorrelation of u
WHITE = (0.0, 0.3, 0.6, 0.8, 0.9, 1.0)  # grid of the share of v in the variance
_KEPT = 3  # points of the grid that are integrated over; the others are implausible already without a channel
_LONGEST = 1_100  # periods whose errors are factored once for all fits: three years of days, 200 MB
_TINY = np.float32(1e-20)
_PIECE = 150  # particles evaluated at once: what fits the processor's cache


@dataclass(frozen=True)
class ChannelPrior:
    """Prior of every channel, as centre and spread of a normal on the transformed scale.

    Parameters
    ----------
    decay : logit of lambda; the default holds 0.1 to 0.9.
    half : log of the half saturation over the adstock of the channel's mean spend.
    slope : log of s.
    lift : log of L, the relative gain when saturated; the default holds 0.02 to 0.5.
    """

    decay: tuple[float, float] = (0.0, 1.3)
    half: tuple[float, float] = (0.4, 0.7)
    slope: tuple[float, float] = (0.25, 0.35)
    lift: tuple[float, float] = (-2.3, 1.0)


@dataclass(frozen=True)
class ChannelData:
    """Sales and spend of the same periods.

    Parameters
    ----------
    sales : (periods,) positive sales of the whole shop, at constant prices.
    spend : (channels, periods), money.
    controls : (periods, columns) of what else moves log sales, with a constant; see `calendar_controls`.
    """

    names: tuple[str, ...]
    periods: pd.DatetimeIndex
    sales: np.ndarray
    spend: np.ndarray
    controls: np.ndarray

    def __post_init__(self) -> None:
        length = len(self.periods)
        shapes = (self.sales.shape, self.spend.shape, self.controls.shape[:1])
        if shapes != ((length,), (len(self.names), length), (length,)):
            raise ValueError(f"sales, spend, controls: expected {length} periods each, got shapes {shapes}")
        bad = ~(np.isfinite(self.sales) & (self.sales > 0))
        if bad.any():
            where = self.periods[bad][0].date()
            raise ValueError(f"sales on {where} are {self.sales[bad][0]}: expected above 0; leave closed days out")
        if not (np.isfinite(self.spend) & (self.spend >= 0)).all() or not (self.spend.sum(1) > 0).all():
            raise ValueError(f"spend of {self.names}: expected zero or more, and a sum above zero, for every channel")


@dataclass(frozen=True)
class ChannelFit:
    """Posterior draws, (draws, channels) each; ``half`` in money of adstock."""

    names: tuple[str, ...]
    decay: np.ndarray
    half: np.ndarray
    slope: np.ndarray
    lift: np.ndarray

    def response(self, spend: np.ndarray) -> np.ndarray:
        """Relative gain of each channel, (channels, periods) -> (draws, channels, periods)."""
        parts = zip(self.decay, self.half, self.slope, self.lift, strict=True)
        return np.stack([L[:, None] * hill(adstock(spend, d), h[:, None], s[:, None]) for d, h, s, L in parts])

    def steady(self, spend: np.ndarray) -> np.ndarray:
        """Relative gain of steady spend a period, (draws, channels, levels) for spend (channels, levels)."""
        power = ((spend[None] / (1 - self.decay[..., None])) / self.half[..., None]) ** self.slope[..., None]
        return self.lift[..., None] * power / (1 + power)


def calendar_controls(
    periods: pd.DatetimeIndex, special: Sequence[np.ndarray] = (), knots_every: int = 91, harmonics: int = 2
) -> np.ndarray:
    """Constant, broken-line trend, yearly waves, weekdays and ``special`` columns, (periods, columns).

    A trend with a kink each quarter follows what changes slowly (range, competitors, fashion); flights of two weeks are
    left to the channels. Weekdays are left out where periods are longer than a day.
    """
    days = (periods - periods[0]).days.to_numpy(float)
    knots = np.arange(knots_every, days[-1] - knots_every / 2, knots_every)
    columns = [np.ones_like(days), days / 365.25, *(np.maximum(days - knot, 0) / 365.25 for knot in knots)]
    angle = 2 * np.pi * periods.dayofyear.to_numpy() / 365.25
    for wave in range(1, harmonics + 1):
        columns += [np.cos(wave * angle), np.sin(wave * angle)]
    if periods.dayofweek.nunique() > 1:
        columns += [(periods.dayofweek == day).astype(float) for day in range(6)]
    return np.column_stack([*columns, *special])


class _Likelihood:
    """Log marginal likelihood of the channels' parameters on the standard normal scale."""

    def __init__(self, data: ChannelData, prior: ChannelPrior) -> None:
        self.prior = prior
        self.spend = np.ascontiguousarray(data.spend.T, "float32")  # (periods, channels)
        self.mean_spend = data.spend.mean(1)
        log_sales = np.log(data.sales)
        controls = data.controls[:, np.ptp(data.controls, axis=0) > 0]
        controls = np.column_stack([np.ones(len(log_sales)), (controls - controls.mean(0)) / controls.std(0)])
        self.freedom = len(log_sales) - controls.shape[1]
        # Channels as three rates of decay each, logarithm for saturation: enough to tell what the errors look like.
        rough = np.stack([np.log1p(adstock(x, d) / x.mean()) for x in data.spend for d in (0.1, 0.5, 0.85)], axis=1)
        rough -= controls @ np.linalg.lstsq(controls, rough, rcond=None)[0]
        basis, size, _ = np.linalg.svd(rough, full_matrices=False)
        rough = basis[:, size > 1e-3 * len(rough) ** 0.5]  # channels that run together are one column
        log_sales = log_sales - controls @ np.linalg.lstsq(controls, log_sales, rcond=None)[0]
        self.log_sales = log_sales.astype("float32")
        screened: list[tuple[float, int, np.ndarray, np.ndarray]] = []
        columns = np.column_stack([log_sales, controls, rough])
        grid = [(rho, white) for white in WHITE for rho in (RHO if white < 1 else RHO[:1])]
        for rho, white in grid:
            factor = _factor(len(log_sales), rho, white)
            flat = solve_triangular(factor, columns, lower=True)
            value = _evidence(flat[:, 0], flat[:, 1:], factor)
            screened.append((value, len(screened), factor, flat[:, 1 : 1 + controls.shape[1]]))
        self.weights, constants = [], []
        for _, number, factor, flat in sorted(screened, key=lambda point: -point[0])[:_KEPT]:
            basis, diagonal = _basis(flat)
            inverse = _inverse(len(log_sales), *grid[number])  # (periods, periods)
            left = inverse - basis @ (basis.T @ inverse)
            self.weights.append(np.ascontiguousarray(left.T @ left, "float32"))  # residual sum of squares = r' W r
            constants.append(-np.log(np.diag(factor)).sum() - np.log(np.abs(diagonal)).sum())
        self.constants = np.array(constants)

    def parameters(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """decay, half, slope, lift, each (n, channels), of standard normal ``z`` (n, 4 channels)."""
        decay, half, slope, lift = np.split(z, 4, axis=1)
        p = self.prior
        rate = expit(p.decay[0] + p.decay[1] * decay)
        usual = self.mean_spend / (1 - rate)
        return (
            rate,
            usual * np.exp(p.half[0] + p.half[1] * half),
            np.exp(p.slope[0] + p.slope[1] * slope),
            np.exp(p.lift[0] + p.lift[1] * lift),
        )

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return np.concatenate([self._piece(z[start : start + _PIECE]) for start in range(0, len(z), _PIECE)])

    def _piece(self, z: np.ndarray) -> np.ndarray:
        decay, half, slope, lift = (part.T.astype("float32") for part in self.parameters(z))  # (channels, n)
        stock = np.empty((len(self.spend), *decay.shape), "float32")  # (periods, channels, n)
        stock[0] = self.spend[0][:, None]
        for t in range(1, len(stock)):
            np.multiply(stock[t - 1], decay, out=stock[t])
            stock[t] += self.spend[t][:, None]
        np.log(np.maximum(stock, _TINY, out=stock), out=stock)
        stock -= np.log(half)
        stock *= -slope
        np.exp(np.minimum(stock, 60, out=stock), out=stock)
        gain = (lift / (1 + stock)).sum(1)  # (periods, n)
        left = self.log_sales[:, None] - np.log1p(gain)
        left -= left.mean(0)
        rest = np.stack([((weight @ left) * left).sum(0, dtype="float64") for weight in self.weights])  # (kept, n)
        return logsumexp(self.constants[:, None] - self.freedom / 2 * np.log(np.maximum(rest, 1e-12)), axis=0)


def _factor(length: int, rho: float, white: float) -> np.ndarray:
    """Lower Cholesky factor of the errors' correlations, (length, length): it depends on no data."""
    return (_kept_factor if length <= _LONGEST else _made_factor)(length, rho, white)


def _inverse(length: int, rho: float, white: float) -> np.ndarray:
    """Inverse of `_factor`, by which errors become white."""
    return (_kept_inverse if length <= _LONGEST else _made_inverse)(length, rho, white)


def _made_factor(length: int, rho: float, white: float) -> np.ndarray:
    errors = (1 - white) * toeplitz(rho ** np.arange(length)) + white * np.eye(length)
    return np.asarray(cholesky(errors, lower=True, check_finite=False))


def _made_inverse(length: int, rho: float, white: float) -> np.ndarray:
    return np.asarray(solve_triangular(_factor(length, rho, white), np.eye(length), lower=True))


_kept_factor = lru_cache(maxsize=len(WHITE) * len(RHO))(_made_factor)
_kept_inverse = lru_cache(maxsize=2 * _KEPT)(_made_inverse)


def _evidence(y: np.ndarray, x: np.ndarray, factor: np.ndarray) -> float:
    """Log marginal likelihood of a linear model whose rows are whitened by ``factor``."""
    basis, diagonal = _basis(x)
    rest = max(float(((y - basis @ (basis.T @ y)) ** 2).sum()), 1e-12)
    freedom = len(y) - x.shape[1]
    return float(-np.log(np.diag(factor)).sum() - np.log(np.abs(diagonal)).sum() - freedom / 2 * np.log(rest))


def _basis(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal basis of the columns and the diagonal of R; collinear controls are an error that says so."""
    q, r, pivot = qr(matrix, mode="economic", pivoting=True)
    diagonal = np.diag(r)
    if np.abs(diagonal[-1]) < 1e-8 * np.abs(diagonal[0]):
        raise ValueError(f"controls: column {int(pivot[-1])} is a combination of the others; leave it out")
    return q, diagonal


def fit_channels(
    data: ChannelData, seed: int = 0, prior: ChannelPrior | None = None, particles: int = 600
) -> ChannelFit:
    """Posterior draws of decay, half saturation, slope and lift of every channel.

    Raises
    ------
    ValueError
        When there are fewer periods than twice the columns to be fitted.
    """
    needed = 2 * (data.controls.shape[1] + 4 * len(data.names))
    if len(data.periods) < needed:
        raise ValueError(f"{len(data.periods)} periods: expected at least {needed} for {len(data.names)} channels")
    likelihood = _Likelihood(data, prior or ChannelPrior())
    z, _ = tempered_draws(likelihood, 4 * len(data.names), np.random.default_rng(seed), particles)
    return ChannelFit(data.names, *likelihood.parameters(z))


def extra_sales(response: np.ndarray, sales: np.ndarray) -> np.ndarray:
    """Sales lost without each channel, the others unchanged: (..., channels, periods) -> (..., channels)."""
    total = response.sum(axis=-2, keepdims=True)
    return (sales * response / (1 + total)).sum(axis=-1)


def return_on_spend(fit: ChannelFit, data: ChannelData) -> np.ndarray:
    """Extra sales per unit of money spent over all periods, (draws, channels)."""
    return extra_sales(fit.response(data.spend), data.sales) / data.spend.sum(axis=1)


def summarise(draws: np.ndarray, names: Sequence[str], level: float = 0.9) -> pd.DataFrame:
    """``channel, median, low, high`` of draws (draws, channels) with the central interval of ``level``."""
    low, median, high = np.quantile(draws, [(1 - level) / 2, 0.5, (1 + level) / 2], axis=0)
    return pd.DataFrame({"channel": list(names), "median": median, "low": low, "high": high})
