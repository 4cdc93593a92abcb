"""Requests that cannot be answered, as one sentence that names the field, what was expected and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

MOST_TOLD = 5  # problems of one request that are told
SHOWN = 60  # signs of a wrong value that are given back
_WORDS = (  # of pydantic, and ours
    ("Value error, ", ""),
    ("Input should be ", "expected "),
    ("expected greater", "expected a value greater"),
    ("expected less", "expected a value less"),
    ("Extra inputs are not permitted", "no such field"),
    ("Field required", "is missing"),
)


class Problem(Exception):
    """An answer other than 200.

    Parameters
    ----------
    status : of HTTP. ``sentence`` : what is wrong and what to do. ``field`` : where, "" where it is no field.
    retry_after : seconds after which it may go well, or None.
    """

    def __init__(self, status: int, sentence: str, field: str = "", retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.field, self.retry_after = status, sentence, field, retry_after

    def body(self) -> dict[str, Any]:
        """The answer's JSON."""
        return {"error": self.sentence, "field": self.field}

    def headers(self) -> dict[str, str]:
        """The answer's headers."""
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}


def field_name(place: Sequence[str | int]) -> str:
    """``series[0].history[3]`` from ("series", 0, "history", 3); names of alternatives are left out."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        elif not any(sign in part for sign in "([") and part not in ("float", "constrained-float"):
            text += f".{part}" if text else part
    return text


def from_validation(error: ValidationError) -> Problem:
    """The first problems that pydantic found, in a sentence each; 400 where the body is no JSON, else 422."""
    told, first = [], ""
    for each in error.errors(include_url=False)[:MOST_TOLD]:
        if each["type"] == "json_invalid":
            return Problem(400, f"the body is no valid JSON: {each['ctx']['error']}; send one JSON object in UTF-8")
        field = field_name(each["loc"])
        message = each["msg"]
        for theirs, ours in _WORDS:
            message = message.replace(theirs, ours)
        got = each.get("input")
        shown = f", got {str(got)[:SHOWN]!r}" if isinstance(got, str | int | float) else ""
        told.append(f"{field}: {message[0].lower() + message[1:]}{shown}" if field else f"{message}")
        first = first or field
    rest = error.error_count() - len(told)
    return Problem(422, "; ".join(told) + (f"; and {rest} more" if rest > 0 else ""), first)
