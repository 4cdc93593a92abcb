"""Two small stages of a run, made in a folder; light to import, since many a test begins a process that needs them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from salesforecast_lib.pipeline.stages import Stage


@dataclass(frozen=True)
class MadeStage(Stage):
    """A stage whose notebook lies in a folder of the test."""

    folder: str = ""

    @property
    def source(self) -> Path:
        return Path(self.folder) / f"{self.name}.py"


HEADER = '# %% tags=["parameters"]\n'
FIRST = 'run_dir: str = "."  # folder\nsize: int = 2  # of the result\n\n# %%\n{body}'
SECOND = 'run_dir: str = "."  # folder\n\n# %%\n{body}'
WRITE_ONE = 'from pathlib import Path\n_ = (Path(run_dir) / "one.txt").write_text(str(size))\n'
WRITE_TWO = (
    "from pathlib import Path\n"
    '_ = (Path(run_dir) / "two.txt").write_text((Path(run_dir) / "one.txt").read_text() * 2)\n'
)


def made_stages(folder: Path, first: str = WRITE_ONE, second: str = WRITE_TWO) -> tuple[MadeStage, ...]:
    (folder / "01_one.py").write_text(HEADER + FIRST.format(body=first))
    (folder / "02_two.py").write_text(HEADER + SECOND.format(body=second))
    return (
        MadeStage("01_one", (), ("one.txt",), folder=str(folder)),
        MadeStage("02_two", ("one.txt",), ("two.txt",), folder=str(folder)),
    )
