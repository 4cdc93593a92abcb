"""What may be asked, as pydantic models: a wrong request is refused with the field and what is expected there."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST = 1e9  # of any number: above, a feed speaks other units
EARLIEST, LATEST = date(1990, 1, 1), date(2150, 1, 1)

Sales = Annotated[float, Field(ge=0, le=MOST)]
Number = Annotated[float, Field(ge=-MOST, le=MOST)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Column = Annotated[str, Field(min_length=1, max_length=100)]
Day = Annotated[date, Field(ge=EARLIEST, le=LATEST)]
Values = Annotated[list[Number], Field(min_length=1, max_length=20_000)]
Columns = Annotated[dict[Column, Values], Field(max_length=200)]


class Asked(BaseModel):
    """What every request has in common: no field that is not known, no NaN and no infinity, no text for a number."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class Series(Asked):
    """Sales of one product of the last periods, and what is known of it."""

    history: Annotated[list[Sales | None], Field(min_length=1, max_length=20_000)] = Field(
        description="sales by period, oldest first; null where they are not known"
    )
    last_date: Day = Field(description="the period of the last figure")
    available: Annotated[list[Share], Field(max_length=20_000)] | None = Field(
        None, description="share of each period in which the product could be bought; 0: sales say nothing of demand"
    )
    past: Columns = Field({}, description="known-ahead columns of the history: column, one value a period")
    ahead: Columns = Field({}, description="known-ahead columns: one value a period to come")
    static: Annotated[dict[Column, Annotated[str, Field(max_length=200)]], Field(max_length=100)] = Field(
        {}, description="category columns"
    )
    id: Name | None = Field(None, description="given back with the answer; need not be one of the run")

    @model_validator(mode="after")
    def _lengths(self) -> Series:
        long = len(self.history)
        if self.available is not None and len(self.available) != long:
            raise ValueError(f"available: expected {long} values, one for each of history, got {len(self.available)}")
        for name, values in self.past.items():
            if len(values) != long:
                raise ValueError(f"past.{name}: expected {long} values, one for each of history, got {len(values)}")
        return self


class ForecastRequest(Asked):
    """A forecast of the run's products by their ids, or of series that come with the request."""

    ids: Annotated[list[Name], Field(min_length=1)] | None = Field(None, description="products of the run")
    series: Annotated[list[Series], Field(min_length=1)] | None = Field(None, description="histories")
    horizon: Annotated[int, Field(ge=1, le=20_000)] | None = Field(None, description="periods; default: the model's")
    model: Literal["auto", "champion", "live"] = Field(
        "auto", description="auto: the champion's table until a product is observed, then the live model"
    )
    why: bool = Field(False, description="whether the champion's reasons come along, as /why/ID tells them")

    @model_validator(mode="after")
    def _one(self) -> ForecastRequest:
        if (self.ids is None) == (self.series is None):
            raise ValueError("expected either ids or series, and not both")
        if self.series is not None and self.model == "champion":
            raise ValueError("model: the champion answers by ids; a series is answered by live, expected auto or live")
        return self


class Observation(Asked):
    """What one product sold in the period after the last that is known."""

    id: Name
    date: Day
    y: Sales = Field(description="units sold")
    available: Share = Field(1.0, description="share of the period in which the product could be bought")
    told: Annotated[dict[Column, Number], Field(max_length=200)] = Field(
        {}, description="known-ahead columns as they were in that period; default: their usual values"
    )


class ObserveRequest(Asked):
    """Yesterday's sales; the same again changes nothing."""

    observations: Annotated[list[Observation], Field(min_length=1)]
    key: Annotated[str, Field(min_length=8, max_length=100)] | None = Field(
        None, description="the client's own key of this request: sent again, it gets the first answer"
    )


class Item(Asked):
    """One product whose order is asked for."""

    id: Name | None = Field(None, description="a product of the run")
    series: Series | None = Field(None, description="or a history")
    stock: Annotated[float, Field(ge=-MOST, le=MOST)] = Field(description="units on the shelf; below zero: owed")
    on_order: Sales = Field(0.0, description="units that are under way")
    lead_time: Annotated[int, Field(ge=0, le=400)] = Field(description="periods from the order to its arrival")
    review_period: Annotated[int, Field(ge=1, le=400)] = Field(1, description="periods until the next order")
    service_level: Annotated[float, Field(ge=0.01, le=0.999)] | None = Field(
        None, description="probability that demand is covered"
    )
    shortage_cost: Annotated[float, Field(gt=0, le=MOST)] | None = Field(None, description="of a missed unit")
    holding_cost: Annotated[float, Field(gt=0, le=MOST)] | None = Field(None, description="of a unit and period")
    minimum_order: Annotated[int, Field(ge=1, le=1_000_000)] = Field(1, description="smallest order, units")

    @model_validator(mode="after")
    def _complete(self) -> Item:
        if (self.id is None) == (self.series is None):
            raise ValueError("expected either id or series, and not both")
        costs = (self.shortage_cost is None) + (self.holding_cost is None)
        if not ((self.service_level is None and costs == 0) or (self.service_level is not None and costs == 2)):
            raise ValueError("expected either service_level, or both shortage_cost and holding_cost")
        return self


class ReplenishRequest(Asked):
    """What to order today."""

    items: Annotated[list[Item], Field(min_length=1)]


class WhatIfRequest(Asked):
    """What another plan changes of the live model's forecast."""

    ids: Annotated[list[Name], Field(min_length=1)]
    changes: Annotated[dict[Column, Number | Values], Field(min_length=1, max_length=200)] = Field(
        description="known-ahead column: one value for all periods to come, or a list of them"
    )
