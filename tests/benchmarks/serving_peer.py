"""What a user would do today: mlforecast with LightGBM behind the same FastAPI, as fast as it honestly goes.

``python tests/benchmarks/serving_peer.py RUN PORT``: fits on the run's panel, then serves ``POST /forecast`` with
histories. One model for the mean: no quantiles, no state, no plan; it asks for less than ours does.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

import lightgbm
import orjson
import pandas as pd
import uvicorn
from fastapi import FastAPI, Request, Response
from mlforecast import MLForecast
from mlforecast.lag_transforms import RollingMean
from pydantic import BaseModel, ConfigDict

HORIZON, MOST_ROWS = 28, 365


class Series(BaseModel):
    """As our server's, with what it can read."""

    model_config = ConfigDict(allow_inf_nan=False)
    history: list[float]
    last_date: date


class Asked(BaseModel):
    """A request."""

    series: list[Series]


def fitted(run: Path) -> MLForecast:
    """Lags and rolling means that 56 days of history suffice for, on the last year of the run's panel."""
    panel = pd.read_parquet(run / "panel.parquet", columns=["unique_id", "ds", "y"])
    panel = panel[panel["ds"] > panel["ds"].max() - pd.Timedelta(days=MOST_ROWS)]
    model = lightgbm.LGBMRegressor(n_estimators=100, num_threads=1, verbosity=-1)
    forecaster = MLForecast(
        models={"mean": model}, freq="D", lags=[1, 7, 14, 28], date_features=["dayofweek"], num_threads=1,
        lag_transforms={1: [RollingMean(7), RollingMean(28)]},
    )  # fmt: skip
    return forecaster.fit(panel, static_features=[])


def create(forecaster: MLForecast) -> FastAPI:
    """The application: the same reader and writer of JSON as ours."""
    app = FastAPI()

    def answer(asked: Asked) -> list[list[float]]:
        sizes = [len(each.history) for each in asked.series]
        frame = pd.DataFrame(
            {
                "unique_id": [k for k, size in enumerate(sizes) for _ in range(size)],
                "ds": [
                    day
                    for each, size in zip(asked.series, sizes, strict=True)
                    for day in pd.date_range(end=each.last_date, periods=size)
                ],
                "y": [value for each in asked.series for value in each.history],
            }
        )
        found: Any = forecaster.predict(HORIZON, new_df=frame)
        return found["mean"].to_numpy().reshape(len(sizes), HORIZON).round(4).tolist()

    @app.post("/forecast")
    async def forecast(request: Request) -> Response:
        asked = Asked.model_validate_json(await request.body())
        return Response(orjson.dumps({"mean": answer(asked)}), media_type="application/json")

    @app.get("/ready")
    async def ready() -> dict[str, bool]:
        return {"ready": True}

    return app


if __name__ == "__main__":
    uvicorn.run(
        create(fitted(Path(sys.argv[1]))), port=int(sys.argv[2]), loop="uvloop", http="httptools", log_level="warning"
    )
