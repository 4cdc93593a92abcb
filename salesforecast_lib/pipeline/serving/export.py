"""The command ``salesforecast export``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from salesforecast_lib.files import read_json
from salesforecast_lib.pipeline import runs
from salesforecast_lib.pipeline.runs.given import CHAMPION_STAGE, make_again
from salesforecast_lib.pipeline.runs.messages import ERRORS, console, say, stop
from salesforecast_lib.production import registry
from salesforecast_lib.production.version_log import MODELS


def export(
    run_dir: Annotated[str, typer.Argument(help="folder of a finished run")],
    out: Annotated[str, typer.Option(help="write the model there, and no version of the run")] = "",
    precision: Annotated[str, typer.Option(help="int8, or fp32 to leave the network as it was trained")] = "int8",
    seed: Annotated[int, typer.Option(help="of the live network's training")] = 0,
) -> None:
    """Make a model that answers without torch from a finished run: champion, live network and carried state.

    The live network is trained on the run's sales, held against its gates, and becomes the run's current version.
    """
    folder = Path(run_dir).expanduser().resolve()
    try:
        _check(folder, precision, out)
        if out:
            from salesforecast_lib.production.export import write_model_folder

            place = write_model_folder(folder, Path(out).expanduser().resolve(), precision=precision, seed=seed)
        else:
            with runs.locked(folder):
                place = publish_run(folder, precision=precision, seed=seed)
    except ERRORS as error:
        raise stop(error, folder) from None
    show(read_json(place / "model.json"))
    say(f"model:   {place}")
    if not out:
        say(f"version: {place.name}, from now on the one that answers")


def publish_run(folder: Path, **told: Any) -> Path:
    """Make a run's model folder its next version, which serves from then on; ``told`` as `write_model_folder` has it.

    Where anything fails, the version that answered before goes on to answer; so it does where the new one would be the
    same, file by file.
    """
    from salesforecast_lib.production.export import write_model_folder

    fresh = folder / MODELS / ".export"
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        write_model_folder(folder, fresh, **told)
        if registry.current(folder) is not None:
            before = registry.model_folder(folder)
            if read_json(before / "model.json")["files"] == read_json(fresh / "model.json")["files"]:
                return before
        version = registry.publish(folder, fresh, who="export")
        registry.promote(folder, version, who="export")
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return registry.model_folder(folder, version)


def show(info: dict[str, Any]) -> None:
    """Print the gates of a model, and why a network stayed in 32 bits."""
    for gate in info["gates"]:
        kept = "kept" if gate["passed"] else "not kept"
        line = f"{gate['name']:20s}{gate['figure']:8.3f}  at most {gate['limit']:.3f}  {kept:9s} {gate['words']}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if info["precision_note"]:
        say(f"the network stays in 32 bits: {info['precision_note']}")


def _check(folder: Path, precision: str, out: str) -> None:
    """Raise on what can be seen without reading any data."""
    if precision not in ("int8", "fp32"):
        raise ValueError(f"--precision {precision!r}: expected int8 or fp32")
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; give the folder of a finished run")
    place = Path(out).expanduser().resolve() if out else folder
    if out and place.exists() and not (place / "model.json").is_file():
        raise ValueError(f"--out {place}: is there and is no model folder; give a new folder, or remove it first")
    for file in ("features.parquet", "champion/champion.json"):
        if not (folder / file).is_file():
            raise FileNotFoundError(f"{folder / file}: no such file; {make_again(folder, CHAMPION_STAGE)}")
