"""The decision sheet: stock, prices, promotions and alerts of a run in one workbook.

- `Sheet`: One subject: plain headings over the rows that ask for a decision, most urgent first, and a sentence on
  top.
- `decision_sheets`: All subjects of a finished run; a subject whose data the shop lacks is an empty sheet that says
  so.
- `read_decisions`: A decision file of a run as it was before its text was made safe for a spreadsheet.
- `write_workbook`: Write one formatted sheet a subject; text stays text, so a product's name can never become a
  formula.
"""

from salesforecast_lib.decisions.workbook.excel import write_workbook
from salesforecast_lib.decisions.workbook.sheets import decision_sheets, read_decisions
from salesforecast_lib.decisions.workbook.subjects import Sheet

__all__ = [
    "Sheet",
    "decision_sheets",
    "read_decisions",
    "write_workbook",
]
