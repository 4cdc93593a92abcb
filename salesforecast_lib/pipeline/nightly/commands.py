"""Commands for every day: forecast, build a panel in parts, serve, play the night or undo it, give back own ids."""

from __future__ import annotations

import typer

from salesforecast_lib.pipeline.batch import forecast
from salesforecast_lib.pipeline.customers import customers
from salesforecast_lib.pipeline.engines.build_panel import build_panel
from salesforecast_lib.pipeline.nightly.command import nightly, rollback
from salesforecast_lib.pipeline.serving import export, serve

production = typer.Typer()
for command in (export, serve, forecast, build_panel, nightly, rollback, customers):
    production.command()(command)
