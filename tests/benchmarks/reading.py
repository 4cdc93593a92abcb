"""How sure the reading layer is: thousands of files in random dialects, and its own rules broken one at a time.

``python -m tests.benchmarks.reading dialects [N]`` writes N files (2,000) from known tables and counts those that come
back, are read in part with the rest in the quarantine, or are refused; another table is an error that stops it.
``python -m tests.benchmarks.reading mutations`` breaks each rule of `RULES` in turn, in a copy, and runs the tests of the
reading layer: a rule whose breaking no test notices is named, and the command fails.
"""
# ruff: noqa: E501  (rules are quoted as they stand in the source)

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from tests.unit.data.reading.dialects import Written, read_back, written

ROOT = Path(__file__).resolve().parents[2]
READING = "salesforecast_lib/data/reading"
RULES = {  # name: file, text of the rule, what breaks it
    "ids keep their outer blanks": ("cells/ids.py", "text.strip().strip(_INVISIBLE)", "text"),
    "invisible marks stay": ("cells/ids.py", ".strip(_INVISIBLE)", ""),
    "apostrophes stay": ("cells/ids.py", 'text.startswith("\'") and len(text) > 1', "False"),
    "100200.0 stays": ("cells/ids.py", "text[:-2] if _FLOAT.fullmatch(text) else text", "text"),
    "float ids keep .0": ("cells/ids.py", "str(int(value)) if float(value).is_integer() else repr(float(value))", "repr(float(value))"),
    "4E+12 is an id": ("cells/ids.py", "SCIENTIFIC.fullmatch(id_text(value))", "False"),
    "dates are ids": ("cells/ids.py", "isinstance(value, (date, np.datetime64))", "False"),
    "look-alikes are not said": ("cells/ids.py", "len(names) > 1", "len(names) > 9"),
    "errors of a workbook are ids": ("cells/ids.py", "values.isin(_EXCEL_ERRORS).to_numpy()", "values.isin([]).to_numpy()"),
    "NA is missing": ("text.py", 'na_values=[""]', 'na_values=["", "NA", "NULL", "None", "null", "nan"]'),
    "long numbers of a workbook are exact": ("workbooks.py", "abs(value) >= _DIGITS", "False"),
    "formats of cells are not looked at": ("workbooks.py", "any(_ZEROS.fullmatch(text) for text", "any(False for text"),
    "marks are swapped": ("cells/numbers.py", '_OTHER = {".": ",", ",": "."}', '_OTHER = {".": ".", ",": ","}'),
    "three decimals are thousands": ("cells/numbers.py", "len(right) == 3 and 1 <= len(left) <= 3", "False"),
    "0.500 is open": ("cells/numbers.py", 'and not left.startswith("0")', ""),
    "open cells are decimals": ("cells/numbers.py", "            _refuse_open(column, report)", '            decimal = "."'),
    "other columns do not decide": ("cells/numbers.py", "len(everywhere) == 1", "False"),
    "the minority is read": ("cells/numbers.py", "sure = fewer == 0", "sure = True"),
    "a mixture is read": ("cells/numbers.py", "                _refuse_mixture(column, report)", "                pass"),
    "brackets are positive": ("cells/numbers.py", "sign, text = -1, text[1:-1].strip()", "sign, text = 1, text[1:-1].strip()"),
    "a trailing minus is positive": ("cells/numbers.py", 'sign = -sign if mark == "-" else sign', "pass"),
    "letters are units": ("cells/numbers.py", "_CODES}|", "_CODES}|[A-Z]+|"),
    "the last mark is thousands": ("cells/numbers.py", 'decimal = "." if body.rindex(".") > body.rindex(",") else ","', 'decimal = "," if body.rindex(".") > body.rindex(",") else "."'),
    "groups of any size": ("cells/numbers.py", "and len(groups[-1]) == 3", ""),
    "decimal is not listened to": ("cells/numbers.py", "        if given:", "        if False:"),
    "thousands is not listened to": ("cells/numbers.py", '(_OTHER.get(options.thousands, "") if options.thousands else "")', '""'),
    "day and month are swapped": ("cells/stamps.py", '"dmy": (2, 1, 0), "mdy": (2, 0, 1)', '"dmy": (2, 0, 1), "mdy": (2, 1, 0)'),
    "offsets move the day": ("cells/dates.py", "    if options.timezone:\n        shift", "    options = options if options.timezone else ReadOptions(timezone='UTC')\n    if True:\n        shift"),
    "offsets are turned round": ("cells/stamps.py", 'return -minutes if zone[0] == "-" else minutes', "return minutes"),
    "24:00 begins its day": ("cells/stamps.py", "return timedelta(hours=hour, minutes", "return timedelta(hours=hour % 24, minutes"),
    "noon and midnight": ("cells/stamps.py", 'hour % 12 + (12 if half == "pm" else 0)', 'hour + (12 if half == "pm" else 0)'),
    "open dates are day first": ("cells/dates.py", "    same = all(readings[order] == readings[fitting[0]] for order in fitting)", "    same = True"),
    "date_order is not listened to": ("cells/dates.py", "    if options.date_order:", "    if False:"),
    "open dates beside sure ones are read": ("cells/dates.py", "refused is not None and s is not None", "False"),
    "two-digit years of any span": ("cells/dates.py", "if short and len(fitting) > 1:", "if False:"),
    "dates move with the zone": ("cells/dates.py", "moved = aware | (naive_time & (not aware.any()))", "moved = ~np.isnat(table)"),
    "midnights move with the zone": ("cells/dates.py", "if not options.timezone or dates_only:", "if not options.timezone:"),
    "the gap is a century": ("cells/stray.py", 'np.timedelta64(366, "D")', 'np.timedelta64(36600, "D")'),
    "placeholders need to be few": ("cells/stray.py", "np.isin(days, _PLACEHOLDERS).all() and bulk >= rows", "False"),
    "an earlier period is stray": ("cells/stray.py", "_FEW = 0.05", "_FEW = 0.5"),
    "the future is kept": ("cells/stray.py", 'days[known] > np.datetime64(now, "D")', 'days[known] > np.datetime64("2200-01-01")'),
    "the day after tomorrow": ("cells/stray.py", "pd.Timedelta(days=1))", "pd.Timedelta(days=2))"),
    "any high byte is Western": ("decode.py", "if pairs > 1 and chinese >= 0.8 * len(runs)", "if False"),
    "one pair is Chinese": ("decode.py", "if pairs > 1 and chinese", "if chinese"),
    "Western words are Chinese": ("decode.py", "and not (touches and len(bytes_) == 2)", "or touches"),
    "symbols stand in words": ("decode.py", "and not _SYMBOL_IN_WORD.search(words.decode(name))", ""),
    "few bytes tell a language": ("decode.py", "_ENOUGH = 60", "_ENOUGH = 0"),
    "encoding is not listened to": ("decode.py", "    if asked:", "    if False:"),
    "the first separator": ("text.py", "score > best[0]", "False"),
    "the sep line is a row": ("text.py", "        skip, asked = 1, match.group(1)", "        skip, asked = 0, ''"),
    "surplus fields are cut": ("text.py", "shifted = extra.notna().any(axis=1).to_numpy()", "shifted = extra.isna().all(axis=1).to_numpy() & False"),
    "pandas cuts rows": ("text.py", 'warnings.simplefilter("error", pd.errors.ParserWarning)', 'warnings.simplefilter("ignore", pd.errors.ParserWarning)'),
    "open quotes swallow rows": ("text.py", "        _check_quotes(frame, separator, len(header), file)", "        pass"),
    "the first line is the header": ("headers.py", "return hits.index(max(hits)), max(hits)", "return 0, max(hits)"),
    "columns twice are taken": ("headers.py", "            if kept in wanted:", "            if False:"),
    "the first sheet": ("tables.py", "most = max(hits for hits, *_ in found)", "found = found[:1]\n    most = found[0][0]"),
    "hidden sheets are read": ("workbooks.py", '!= "visible"', '== "never"'),
    "our name wins over the map": ("columns.py", "theirs = columns.get(ours, ours)", "theirs = ours if ours in header else columns.get(ours, ours)"),
    "a column serves once": ("columns.py", "            found[ours] = place", "            found[ours] = place\n            header = [name for name in header if name != place]"),
    "negative stock": ("stock_file.py", "(stock >= 0)", "(stock >= -99)"),
    "stock twice": ("stock_file.py", "    if len(twice):", "    if False:"),
    "keys twice": ("panel_file.py", "    if twice.any():", "    if False:"),
    "letters are numbers": ("panel_file.py", "            if not (parsed | ~np.isnan(column.numbers) | column.empty).all():", "            if False:"),
    "totals are prices": ("orders.py", 'good["unit_price"] = good[TOTAL] / divided', 'good["unit_price"] = good[TOTAL]'),
    "discounts of any kind": ("orders.py", '(empty if column == "discount" else False)', '(np.isnan(values.to_numpy()) if column == "discount" else False)'),
}  # fmt: skip


def dialects(examples: int) -> Counter[str]:
    """Read ``examples`` files in random dialects; raises AssertionError on the first that comes back as another table."""
    counts: Counter[str] = Counter()

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=written())
    def check(case: Written) -> None:
        with tempfile.TemporaryDirectory() as folder:
            counts[read_back(case, Path(folder))] += 1

    check()
    return counts


def mutations() -> list[str]:
    """Names of the rules whose breaking no test notices."""
    unnoticed = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        for part in ("salesforecast_lib", "tests", "data"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", "raw", "benchmarks"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "tests/unit/data/reading"]
        for name, (file, rule, broken) in {"nothing": ("text.py", "", ""), **RULES}.items():
            place = copy / READING / file
            source = place.read_text(encoding="utf-8")
            if rule and source.count(rule) < 1:
                raise SystemExit(f"{name}: the rule is not in {file} any more: {rule!r}")
            place.write_text(source.replace(rule, broken, 1) if rule else source, encoding="utf-8")
            done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
            place.write_text(source, encoding="utf-8")
            noticed = done.returncode != 0
            print(f"{'noticed' if noticed else 'NOT noticed':12s} {name}", flush=True)
            if noticed == (name == "nothing"):
                unnoticed.append(name)
    return unnoticed


if __name__ == "__main__":
    if sys.argv[1:2] == ["mutations"]:
        left = mutations()
        print(f"{len(RULES) - len(left)} of {len(RULES)} broken rules are noticed by the tests")
        raise SystemExit(1 if left else 0)
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    counted = dialects(number)
    print(f"{sum(counted.values())} files: {dict(counted)}; none came back as another table")
