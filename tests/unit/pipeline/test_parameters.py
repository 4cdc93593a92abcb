"""What a user writes is what a parameter gets: texts stay texts, headers keep every sign, wrong values are named."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import jupytext
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline.runner import prepare_values
from salesforecast_lib.pipeline.stages import STAGES
from salesforecast_lib.pipeline.values import COLUMN_NAMES, FREE, RULES, check_value, checks, parse_columns

# Columns of the command line ------------------------------------------------------------------------------------------

COLUMNS = {
    "{order_id: Order #, unit_price: Price, EUR}": {"order_id": "Order #", "unit_price": "Price, EUR"},
    "order_id=Order #,unit_price=Price, EUR": {"order_id": "Order #", "unit_price": "Price, EUR"},
    "quantity=Qty,unit_price=Price": {"quantity": "Qty", "unit_price": "Price"},
    '{order_id: "Order #", quantity: "Qty: pcs"}': {"order_id": "Order #", "quantity": "Qty: pcs"},
    "{order_id: NO, quantity: 2}": {"order_id": "NO", "quantity": "2"},
    'unit_price=Prix "TTC",quantity=l\'unité': {"unit_price": 'Prix "TTC"', "quantity": "l'unité"},
    "{unit_price: Price, VAT: 20 %}": {"unit_price": "Price, VAT: 20 %"},
    "unit_price=Price, VAT=20 %": {"unit_price": "Price, VAT=20 %"},
    "timestamp = Date, local , product_id: SKU": {"timestamp": "Date, local", "product_id": "SKU"},
    "{quantity:数量, unit_price:单价}": {"quantity": "数量", "unit_price": "单价"},
    "y=sales,price=Price": {"y": "sales", "price": "Price"},  # a panel may bring any column
    "{y: sales, price: Price}": {"y": "sales", "price": "Price"},
    "": {},
    "{}": {},
}


@pytest.mark.parametrize("text", COLUMNS)
def test_column_map_of_the_command_line(text):
    assert parse_columns(text) == COLUMNS[text]
    assert settings.parse_assignments([f"columns={text}"]) == {"columns": COLUMNS[text]}


@pytest.mark.parametrize(
    "text, complaint", [("Qty", "our names are"), ("quantity=", "our name"), ("quantity=a,quantity=b", "given twice")]
)
def test_broken_column_map_is_refused_with_what_to_write(text, complaint):
    with pytest.raises(settings.ParameterError, match=complaint):
        parse_columns(text)


HEADERS = st.text(st.characters(blacklist_categories=("C", "Z")) | st.sampled_from(" ,:=#'\"{}"), min_size=1).filter(
    lambda text: text == text.strip() and text[0] not in "\"'" and text[-1] not in "\"'},"
)


@given(st.dictionaries(st.sampled_from(COLUMN_NAMES), HEADERS, min_size=1, max_size=4))
def test_headers_of_any_signs_come_back_or_are_refused(columns):
    """Never another map: a header may hold commas, equal signs and quotes."""
    if any(
        f"{sign}{name}" in header.replace(" ", "")
        for header in columns.values()
        for name in COLUMN_NAMES
        for sign in ",="
    ):
        return  # a header that itself looks like a map
    text = ",".join(f"{ours}={theirs}" for ours, theirs in columns.items())
    found = parse_columns(text)
    if set(found) - set(COLUMN_NAMES):
        return  # names that are not ours: whoever reads the file refuses them
    assert found == columns


# Texts stay texts -----------------------------------------------------------------------------------------------------

TEXTS = {"country": "NO", "level": "on", "timezone": "1e3", "category": "null", "model": "2024-01-01"}


@pytest.mark.parametrize("name", TEXTS)
def test_text_stays_text_on_the_command_line_and_in_a_profile(tmp_path, name):
    text = TEXTS[name]
    assert settings.parse_assignments([f"{name}={text}"]) == {name: text}
    assert settings.parse_assignments([f'{name}="{text}"']) == {name: text}, "quotes are taken off"
    file = tmp_path / "shop.yml"
    for written in (f"{name}: {text}", f'{name}: "{text}"', f"{name}: {text}  # a comment"):
        file.write_text(written)
        assert settings.read_values(file) == {name: text}


def test_collections_of_texts_stay_texts_and_typed_ones_are_typed(tmp_path):
    file = tmp_path / "shop.yml"
    file.write_text("columns: {order_id: NO, quantity: 2}\nstatic: [on, 1e3]\ncleaning: {returns: no}\nhorizon: 010\n")
    expected = {
        "columns": {"order_id": "NO", "quantity": "2"},
        "static": ["on", "1e3"],
        "cleaning": {"returns": False},
        "horizon": 10,
    }
    assert settings.read_values(file) == expected
    given = ["columns={order_id: NO, quantity: 2}", "static=[on, 1e3]", "cleaning={returns: no}", "horizon=010"]
    assert settings.parse_assignments(given) == expected


def test_norway_is_a_country_to_the_whole_way():
    assert prepare_values("smoke", settings.parse_assignments(["country=NO"]))["country"] == "NO"


def test_numbers_that_yaml_reads_as_others_are_refused():
    with pytest.raises(settings.ParameterError, match="expected int"):
        settings.check(settings.parse_assignments(["horizon=1:30"]))  # ninety to YAML


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("horizon: 7\ncolumns: {order_id: Order #, quantity: Qty}\n", "line 2.*needs quotes"),
        ("columns: {unit_price: Price, EUR}\n", "no header is named for 'EUR'.*needs quotes"),
        ("level: a: b\n", r"line 1.*needs quotes"),
        ("horizon: 7\nhorizon: 14\n", "line 2.*given twice"),
        ("- horizon\n", "name: value"),
    ],
)
def test_profile_that_is_no_yaml_says_the_line_and_what_to_write(tmp_path, text, complaint):
    file = tmp_path / "shop.yml"
    file.write_text(text)
    with pytest.raises(settings.ParameterError, match=complaint) as error:
        settings.check(settings.load_profile(str(file)))
    assert "\n" not in str(error.value)


def test_column_map_in_a_profile_may_be_written_as_on_the_command_line(tmp_path):
    file = tmp_path / "shop.yml"
    file.write_text("columns: 'order_id=Order #,unit_price=Price, EUR'\n")
    assert settings.read_values(file)["columns"] == {"order_id": "Order #", "unit_price": "Price, EUR"}


# Rules ----------------------------------------------------------------------------------------------------------------


def test_every_parameter_has_a_rule_or_is_free_and_its_default_keeps_it():
    known = settings.all_parameters()
    assert not set(known) - set(RULES) - FREE, "give it a rule in values/checks.py, or name it in FREE"
    assert not set(RULES) & FREE
    for name, parameter in known.items():
        check_value(name, parameter.default)


WRONG = {
    "country": ("XX", "Atlantis", "", "DE-XY"),
    "timezone": ("Berlin", "CEST+1"),
    "freq": ("Q", "daily", ""),
    "dataset": ("journey", ""),
    "level": ("", "  "),
    "horizon": (0, -1),
    "cutoffs": (0, -3),
    "case_pack": (0, -6),
    "lead_time": (-1,),
    "review_period": (0,),
    "seed": (-1, 2**32),
    "n_series": (-2,),
    "holding_cost": (-0.1, float("nan"), float("inf")),
    "costs_as": ("prices", "", "money"),
    "dropout": (1.0, -0.1),
    "confidence": (0.0, 1.0),
    "learning_rate": (0.0,),
    "model": ("Ensemble", "Croston", ""),
    "alert_model": ("Ensemble", "champ"),
    "budget_minutes": (0.0, -1.0, float("inf")),
    "encoder": ("LSTM",),
    "committee": ([], ["LSTM", "LSTM"], ["Prophet"]),
    "cleaning": ({"return": False}, {"prices": "any"}),
    "static": ([""], [3]),
    "columns": ({"quantity": ""}, {"quantity": ["Qty"]}),
    "missing_price": ("bfill",),
}


@pytest.mark.parametrize("name, value", [(name, value) for name, values in WRONG.items() for value in values])
def test_wrong_value_is_refused_in_one_sentence_that_names_it(name, value):
    with pytest.raises(settings.ParameterError) as error:
        settings.check({name: value})
    assert f"parameter {name}=" in str(error.value)
    assert "expected" in str(error.value) or name == "columns"
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("freq", ["D", "W", "W-MON", "M"])
def test_frequencies_that_the_calendar_knows_are_taken(freq):
    assert settings.check({"freq": freq}) == {"freq": freq}


@pytest.mark.parametrize("name", ["champion", "Champion", "CHAMPION", "lstm", "autoets"])
def test_a_models_name_may_be_written_in_any_case(name):
    assert settings.check({"model": name, "alert_model": name}) == {"model": name, "alert_model": name}


def test_near_names_are_offered():
    for name, value, near in (("timezone", "Berlin", "Europe/Berlin"), ("country", "USX", "US")):
        with pytest.raises(ValueError, match=near):
            check_value(name, value)


def test_names_in_the_rules_are_those_of_the_library():
    from salesforecast_lib.evaluation.gather import FITTED_HERE, PEERS
    from salesforecast_lib.models.champion import MODEL
    from salesforecast_lib.models.champion.plan import LEARNED, RULES
    from salesforecast_lib.models.ensembles.ensemble import METHODS
    from salesforecast_lib.models.networks import ENCODERS, HEADS
    from salesforecast_lib.models.peers import baselines

    assert checks.ENCODERS == tuple(ENCODERS) and checks.HEADS == tuple(HEADS)
    assert checks.METHODS == tuple(METHODS)
    assert set(checks.FORECAST_MODELS) == {MODEL, "LSTM", *PEERS, *FITTED_HERE, *RULES, *LEARNED}
    for name in checks.LOCAL_MODELS:
        baselines._statistical_model(name, 7, 8, 300)


# The header of own data -----------------------------------------------------------------------------------------------

LINES = 'Order #,sku,day,qty,"Price, EUR",brand\n1,a,2024-03-01,1,2,x\n'
MAP = "order_id=Order #,product_id=sku,timestamp=day,quantity=qty,unit_price=Price, EUR"


def own(tmp_path, *more):
    file = tmp_path / "orders.csv"
    file.write_text(LINES)
    return prepare_values("own_data", settings.parse_assignments([f"path={file}", f"columns={MAP}", *more]))


def test_header_with_hash_and_comma_is_found(tmp_path):
    assert own(tmp_path)["columns"]["unit_price"] == "Price, EUR"
    assert own(tmp_path, "level=brand", "static=[brand]")["level"] == "brand"


@pytest.mark.parametrize(
    "more, complaint",
    [
        ("level=colour", "level='colour'.*no column 'colour'.*'brand'"),
        ("static=[brand, size]", "static=.*no column 'size'"),
        ("by_location=true", "location_id"),
    ],
)
def test_column_that_a_parameter_names_has_to_be_in_the_file(tmp_path, more, complaint):
    with pytest.raises(settings.ParameterError, match=complaint):
        own(tmp_path, more)


@pytest.mark.parametrize("given", ["path={file}", "columns={{quantity: qty}}"])
def test_own_file_without_own_data_is_refused_and_not_ignored(tmp_path, given):
    """``run -p path=orders.csv`` must not show the demo's decisions as the shop's."""
    file = tmp_path / "orders.csv"
    file.write_text(LINES)
    with pytest.raises(settings.ParameterError, match="--profile own_data"):
        prepare_values("default", settings.parse_assignments([given.format(file=file)]))


def test_order_lines_are_no_panel(tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text(LINES)
    with pytest.raises(settings.ParameterError, match="'unique_id', 'ds', 'y'.*own_data"):
        prepare_values("own_data", {"dataset": "own_panel", "path": str(file)})


# Speed ----------------------------------------------------------------------------------------------------------------


def test_parameters_cell_is_read_as_jupytext_reads_it():
    for stage in STAGES:
        cells = [cell for cell in jupytext.read(stage.source).cells if "parameters" in cell.metadata.get("tags", [])]
        assert settings.parameters_cell(stage.source.read_text(encoding="utf-8")) == cells[0].source, stage.name


SLOW = (
    *("pandas", "numpy", "pyarrow", "scipy", "sklearn", "torch", "lightgbm", "statsforecast", "matplotlib"),
    *("jupytext", "nbformat", "papermill", "pytask", "pandera", "openpyxl"),
)
WRONG = {  # what is given, in a folder with the files below -> what is said of it
    "--help": "check-data",
    "nonsense": "No such command",
    "run -p horizn=7": "did you mean horizon",
    "run -p horizon=0": "horizon=0",
    "run -p horizon=many": "expected int",
    "run -p horizon": "expected name=value",
    "run -p country=XX": "country",
    "run -p timezone=Berlin": "Europe/Berlin",
    "run -p freq=Q": "W-MON",
    "run -p cleaning={nope:1}": "unknown switches ['nope:1']",
    "run -p {switches}": "unknown switches ['nope']",
    "run -p encoding=klingon": "encoding",
    "run --profile nowhere": "no such file",
    "run --profile broken.yml": "not YAML",
    "run --profile unknown.yml": "did you mean horizon",
    "run --profile own_data": "path=orders.csv",
    "run --profile own_data -p path=none.csv": "no such file",
    "run --profile own_data -p path=empty.csv": "is empty",
    "run -p stock_file=none.csv": "no such file",
    "run --to 99": "--to '99'",
    "run --only 99": "--only '99'",
    "run --only 13 --run-dir new": "01_preprocessing,13_pricing",
    "run --goal nothing": "--goal 'nothing'",
    "run --jobs 0 --run-dir new": "jobs=0",
    "run --run-dir empty.csv": "is a file",
    "init shop --orders none.csv": "no such file",
    "init shop --orders empty.csv": "is empty",
    "init shop --orders rows.csv --stock none.csv": "--stock",
    "init shop --orders rows.csv --plan none.csv": "--plan",
    "init shop --orders rows.csv --column y": "expected our=theirs",
    "init shop --orders rows.csv -p horizn=7": "did you mean horizon",
    "init taken --orders rows.csv": "--force",
    "init nowhere/shop --orders rows.csv": "no such folder",
    "check-data none.csv": "no such file",
    "check-data empty.csv": "the file is empty",
    "check-data rows.csv --kind shop": "orders, panel, stock, plan",
    "check-data rows.csv --columns quantity": "our name=name in the file",
    "sweep none.yml": "no such file",
    "sweep unknown.yml": "expected a list",
    "sweep grid.yml --profile nowhere": "no such file",
    "sweep grid.yml --to 02": "no stage writes a usual metric",
    "decide nowhere": "no such folder",
    "decide .": "finish the run first",
    "decide . --format pdf": "xlsx, csv, odoo, erpnext",
    "decide . --warehouse A": "--format odoo or erpnext",
    "decide unfinished": "did not get to its end",
    "tolerances --processors fast": "at least two",
    "tolerances --seeds a": "whole numbers",
    "findings nowhere": "finish the run first",
    "refresh --from 99": "--from '99'",
    "book --target /dev/null/html": "is a file",
}


@pytest.fixture(scope="module")
def wrong_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "unfinished").mkdir()
    texts = {
        "empty.csv": "", "rows.csv": "sku,day\na,2024-01-01\n", "broken.yml": "horizon: [1\n", "taken.yml": "",
        "unknown.yml": "horizn: 7\n", "grid.yml": "horizon: [7, 9]\n", "unfinished/run.json": '{"finished": false}',
    }  # fmt: skip
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("part", range(4))
def test_errors_and_help_wait_for_no_heavy_import(wrong_files, part):
    """A second and not ten: what takes long to import is not imported before it is needed.

    All in one process, one after the other: what the first imports would be there for all.
    """
    lines = list(WRONG)[part::4]
    commands = [line.replace("{switches}", "SWITCHES").split() for line in lines]
    commands = [["cleaning={nope: 1}" if word == "SWITCHES" else word for word in words] for words in commands]
    script = (
        "import io, json, sys\nfrom contextlib import redirect_stderr, redirect_stdout\n"
        "from salesforecast_lib.pipeline.cli import app\nsaid = []\n"
        f"for words in {commands!r}:\n    out = io.StringIO()\n"
        "    with redirect_stdout(out), redirect_stderr(out):\n"
        "        try:\n            app(words)\n        except SystemExit as stopped:\n            code = stopped.code\n"
        f"    heavy = [name for name in {SLOW!r} if name in sys.modules]\n"
        "    said.append([code, heavy, out.getvalue()])\n"
        "print(json.dumps(said))"
    )
    environment = {**os.environ, "PYTHONPATH": str(project_root()), "COLUMNS": "300"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=wrong_files, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = dict(zip(lines, json.loads(done.stdout.splitlines()[-1]), strict=True))
    for line, (code, heavy, said) in found.items():
        assert WRONG[line] in said, f"{line}: {said}"
        assert (code == 0) == (line == "--help"), line
        assert heavy == [], line
    assert not (wrong_files / "new").exists()


def test_switches_and_frequencies_of_the_rules_are_those_of_the_library():
    from dataclasses import fields

    from salesforecast_lib.data.cleaning import CleaningConfig
    from salesforecast_lib.data.frequency import AUTOMATIC, WEEKDAYS, check_freq

    assert checks.SWITCHES == tuple(switch.name for switch in fields(CleaningConfig))
    for name in ("D", "M", "ME", "MS", "W", *(f"W-{day[:3].upper()}" for day in WEEKDAYS)):
        assert check_freq(name) and name in checks.FREQUENCIES
    assert len(checks.FREQUENCIES) == 13 and AUTOMATIC in checks.FREQUENCIES
    for name in ("Q", "w", "W-mon", "", "H"):
        with pytest.raises(ValueError):
            check_freq(name)
        with pytest.raises(ValueError, match="W-MON"):
            check_value("freq", name)
