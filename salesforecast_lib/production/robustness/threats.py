"""Every way into the pipeline, an attack there, what stops it, and the test that shows it (chapter 16b).

The tests play the attack. `tests/unit/production/robustness/test_threats.py` asserts that each of them exists.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import pandas as pd

_UNIT = "tests/unit"
_OURS = f"{_UNIT}/production/robustness/test_attacks.py"
_LIMITS = f"{_UNIT}/production/server/test_limits.py"
_INPUT = f"{_UNIT}/pipeline/test_bad_input.py"
_ENGINE = f"{_UNIT}/production/distributed/test_engine.py"
_IDS = f"{_UNIT}/data/reading/test_pseudonyms.py"


@dataclass(frozen=True)
class Threat:
    """An entrance, an attack there, the defence, and the test that plays the attack (``file::name``)."""

    entrance: str
    attack: str
    defence: str
    test: str


THREATS = (
    Threat("order file", "broken, binary or absurd content", "refused in a sentence, or the row in quarantine",
           f"{_INPUT}::test_unusable_file_names_itself_and_what_is_wrong"),
    Threat("order file", "fake bulk order", "robust limit of the product; a limit by account can be added",
           f"{_UNIT}/production/robustness/test_fakes.py::test_cleaning_stops_the_bulk_and_the_account_limit_the_split"),
    Threat("order file", "one giant sale lifts the guard", "a sale that stands alone proves nothing",
           f"{_UNIT}/models/champion/test_guard.py::test_one_sale_that_stands_alone_does_not_lift_the_limit"),
    Threat("order file", "compressed file that unpacks to gigabytes", "reading stops at a limit",
           f"{_OURS}::test_a_compressed_bomb_is_refused_before_it_fills_the_memory"),
    Threat("order file", "Parquet file of a few bytes that holds gigabytes", "footer and texts are added up before",
           f"{_OURS}::test_a_parquet_bomb_is_refused_before_it_fills_the_memory"),
    Threat("workbook", "zip bomb", "refused by its directory, before a cell is read",
           f"{_OURS}::test_a_workbook_that_unpacks_out_of_proportion_is_refused"),
    Threat("workbook", "XML entities that expand", "the parser's limit, said in a sentence",
           f"{_OURS}::test_a_workbook_of_expanding_entities_is_refused"),
    Threat("product name", "formula in an exported CSV", "a quote before the sign, text cells only",
           f"{_INPUT}::test_what_we_write_is_never_a_formula"),
    Threat("product name", "formula in the decision workbook", "cells are text, never formulas",
           f"{_UNIT}/decisions/workbook/test_sheets.py::test_workbook_has_frozen_headings_and_no_formula"),
    Threat("product name", "script or link in the book", "names are escaped wherever they are shown",
           "tests/book/test_names.py::test_no_name_became_a_formula_a_tag_or_a_link"),
    Threat("product name", "script in the pages of products", "data stand in JSON that holds no tag",
           f"{_UNIT}/pipeline/glance/test_pages.py::test_the_script_holds_no_tag_and_reads_back"),
    Threat("product name", "path such as ../../x", "no file is named after a product",
           f"{_OURS}::test_names_that_are_paths_write_nothing_outside"),
    Threat("plan and stock file", "wrong or double rows", "refused with the row",
           f"{_UNIT}/data/reading/test_files.py::test_stock_of_a_product_twice_is_refused_with_its_rows"),
    Threat("what-if name", "path out of the run folder", "letters, digits, blanks, dots, - and _ only",
           f"{_OURS}::test_a_what_if_cannot_be_named_out_of_its_folder"),
    Threat("profile", "YAML tag that calls a function", "safe loader; the tag is refused",
           f"{_OURS}::test_a_yaml_tag_runs_nothing"),
    Threat("notebook parameter", "code in place of a value", "values are literals of the declared type",
           f"{_OURS}::test_a_parameter_is_a_value_and_never_code"),
    Threat("model folder", "changed or exchanged file", "SHA-256 of every file",
           f"{_UNIT}/models/champion/test_stored.py::test_files_that_were_changed_or_taken_away_are_named"),
    Threat("model folder", "list that leads out of the folder, or a link", "paths are resolved and must stay inside",
           f"{_OURS}::test_a_champions_list_cannot_lead_outside_its_folder"),
    Threat("model folder", "pickle that runs code when read", "safetensors, text and JSON; no pickle anywhere",
           f"{_UNIT}/models/forecaster/test_forecast.py::test_no_pickle_is_loaded_anywhere"),
    Threat("request", "wrong types, absurd numbers", "validated field by field",
           f"{_LIMITS}::test_a_wrong_request_is_told_the_field_and_what_is_expected"),
    Threat("request", "gigabytes in one body", "a limit on the body",
           f"{_LIMITS}::test_a_body_that_is_too_long_is_refused"),
    Threat("request", "too many at once", "refused with a time to come again",
           f"{_LIMITS}::test_too_much_at_once_is_refused_with_a_time"),
    Threat("request", "from a page of another site", "content type and origin are checked",
           f"{_LIMITS}::test_what_a_page_of_another_site_may_send_is_refused"),
    Threat("request", "from another computer", "127.0.0.1 unless a key is set",
           f"{_LIMITS}::test_other_computers_need_a_key"),
    Threat("server log", "reads customers' data there", "the log holds counts and times",
           f"{_LIMITS}::test_the_log_holds_no_customers_data"),
    Threat("run folder", "tells who bought", "customer ids are keyed hashes; the key lies elsewhere",
           f"{_IDS}::test_a_run_of_own_data_holds_no_customers_id"),
    Threat("run folder", "tells who bought in what the nights keep", "order lines are kept with hashed customers",
           f"{_IDS}::test_what_the_nights_keep_in_the_run_folder_holds_no_customers_id"),
    Threat("key of the ids", "read by another user, or passed on", "mode 0600, refused in a run folder",
           f"{_IDS}::test_a_key_that_others_can_read_or_that_lies_in_a_run_is_refused"),
    Threat("prices", "by who buys", "columns of customers are refused, and move nothing",
           f"{_UNIT}/decisions/pricing/test_no_customer.py::test_a_planted_customer_column_moves_no_price"),
    Threat("cluster", "another computer sends tasks", "a cluster begun here listens on 127.0.0.1; else TLS of dask",
           f"{_ENGINE}::test_a_cluster_begun_here_listens_on_this_machine_only"),
    Threat("cluster", "a task that takes all memory", "its worker is ended, the task reported, the rest delivered",
           f"{_ENGINE}::test_a_task_that_takes_too_much_memory_is_reported_and_the_workers_go_on"),
    Threat("packages", "another version, or from another place", "every version is pinned, no address in the lock",
           f"{_UNIT}/pipeline/test_environment.py::test_installed_versions_are_the_locked_ones"),
)  # fmt: skip


def threat_table() -> pd.DataFrame:
    """All threats: ``entrance, attack, defence, test``."""
    return pd.DataFrame([asdict(threat) for threat in THREATS])
