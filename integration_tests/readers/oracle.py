"""What the contract says is in a stream's files: columns and rows in canonical form, from the text of the messages.

It follows docs/SEMANTICS.md with Python's exact numbers, and shares nothing with the connector. Two values it cannot
know: a raw id (`{"any": "raw_id"}`), and what becomes of a record's own metadata that does not fit its column
(`{"any": "value"}`). Our own changes of a row come in no particular order; the source's come first, in theirs.
"""

import functools
import json
import re
from decimal import Decimal, localcontext

import canonical
import json_text
from schema_types import ADDITIONAL, INTEGER, canonical_name, columns, metadata_columns

WRONG = ("NULLED", "DESTINATION_SERIALIZATION_ERROR")
TOO_LARGE = ("NULLED", "DESTINATION_FIELD_SIZE_LIMITATION")
REPLACED = ("TRUNCATED", "DESTINATION_SERIALIZATION_ERROR")
CUT = ("TRUNCATED", "DESTINATION_FIELD_SIZE_LIMITATION")
DEFAULTS = {
    "metadata_columns": "all",
    "undeclared_fields": "column",
    "numbers": "double",
    "decimal_precision": 38,
    "decimal_scale": 9,
    "nested": "typed",
}
NUMERIC_STRING = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
DATE = r"(?P<year>[0-9]{4,7})(?P<separator>[-/.])(?P<month>[0-9]{2})(?P=separator)(?P<day>[0-9]{2})"
TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?)?"
OFFSET = r"(?:Z|(?P<sign>[+-])(?P<hours>[0-9]{2})(?::?(?P<minutes>[0-9]{2}))?)?"
DATE_AND_TIME = re.compile(f"{DATE}(?:[T ]{TIME}{OFFSET})?")
TIME_OF_DAY = re.compile(TIME + OFFSET)
MICROS_OF_A_DAY = 86_400_000_000


class Misfit(Exception):
    """The value is null, for this reason."""

    def __init__(self, change):
        super().__init__(*change)
        self.change = change


class Row:
    """What decoding one record gives besides its values."""

    def __init__(self):
        self.changes = []
        self.undeclared = {}

    def note(self, path, change):
        self.changes.append({"field": path, "change": change[0], "reason": change[1]})


def expect(request):
    stream, options = request["stream"], {**DEFAULTS, **request.get("options", {})}
    layout = columns(stream, options)
    name, namespace = stream["stream"]["name"], stream["stream"].get("namespace") or None
    with open(request["input"], encoding="utf-8", newline="\n") as input_file:
        records = records_of(input_file.read()).get((name, namespace), [])
    rows = [row_of(record, stream, layout, options) for record in records]
    return {"columns": [[name, canonical_name(kind)] for _, name, kind in layout], "rows": rows}


# Tests ask for one stream of an input after the other.
@functools.lru_cache(maxsize=1)
def records_of(messages):
    """The members of every RECORD, by name and namespace of its stream."""
    found = {}
    for line in messages.removesuffix("\n").split("\n"):
        record = json_text.parse(json_text.repaired(line)).members.get("record")
        if record is not None and record.kind == "object":
            members = record.members
            members["half_pairs"] = json_text.half_pairs(json_text.parse(line).members["record"].members["data"])
            within = json.loads(members["namespace"].text) if "namespace" in members else None
            found.setdefault((json.loads(members["stream"].text), within or None), []).append(members)
    return found


def row_of(record, stream, layout, options):
    row, data = Row(), record["data"].members
    for path in record["half_pairs"]:
        row.note(path, REPLACED)
    cells = {name: decode(kind, data[source], source, row) for source, name, kind in layout if source in data}
    declared = {source for source, _, _ in layout}
    row.undeclared.update({name: value for name, value in data.items() if name not in declared})
    meta = record.get("meta")
    changes = meta.members.get("changes") if meta is not None else None
    of_source = json.loads(changes.text) if changes is not None else []
    own = {
        "_airbyte_raw_id": {"any": "raw_id"},
        "_airbyte_extracted_at": canonical.timestamp(int(record["emitted_at"].text) * 1000, True),
        "_airbyte_generation_id": stream.get("generation_id"),
        "_airbyte_meta": {"sync_id": stream.get("sync_id") or 0, "changes": of_source + row.changes},
    }
    for name in metadata_columns(options):
        if name not in data:
            cells[name] = own[name]
        elif cells.get(name) is None:
            cells[name] = {"any": "value"}
    members = [f"{json.dumps(name, ensure_ascii=False)}:{value.text}" for name, value in row.undeclared.items()]
    cells.setdefault(ADDITIONAL, "{" + ",".join(members) + "}" if members else None)
    return [cells.get(name) for _, name, _ in layout]


def decode(kind, value, path, row):
    """The canonical value, with every misfit noted."""
    if value.kind == "null":
        return None
    try:
        match kind:
            case ("struct", members):
                return struct(members, expected(value, "object"), path, row)
            case ("list", element):
                elements = expected(value, "array").elements
                return [decode(element, inner, f"{path}.{index}", row) for index, inner in enumerate(elements)]
        spelled, cut = scalar(kind, value)
    except Misfit as misfit:
        row.note(path, misfit.change)
        return None
    if cut:
        row.note(path, CUT)
    return spelled


def struct(members, value, path, row):
    declared = {source for source, _, _ in members}
    row.undeclared.update(
        {f"{path}.{name}": inner for name, inner in value.members.items() if name not in declared})
    return {
        name: decode(kind, value.members[source], f"{path}.{source}", row) if source in value.members else None
        for source, name, kind in members
    }


def expected(value, kind):
    if value.kind != kind:
        raise Misfit(WRONG)
    return value


def scalar(kind, value):
    """The canonical value and whether something was cut off."""
    match kind:
        case ("json",):
            return canonical.text(value.text), False
        case ("string",):
            return canonical.text(value.string if value.kind == "string" else value.text), False
        case ("boolean",):
            return expected(value, "boolean").text == "true", False
        case ("int64",):
            return integer(number(value), -(2**63), 2**63 - 1), False
        case ("big_integer",):
            return str(integer(number(value), 1 - 10**38, 10**38 - 1)), False
        case ("decimal", precision, scale):
            return fixed_point(number(value), precision, scale)
        case ("double",):
            return double(number(value))
        case ("number_text",):
            return number(value), False
        case ("date",):
            found, day = date_and_time(value)
            micros, _ = time_of_day(found)
            return canonical.date(day), micros != 0
        case ("time", utc):
            found = matched(TIME_OF_DAY, value)
            micros, cut = time_of_day(found)
            return canonical.time((micros - offset(found) * utc) % MICROS_OF_A_DAY), cut
        case ("timestamp", utc):
            found, day = date_and_time(value)
            micros, cut = time_of_day(found)
            micros += day * MICROS_OF_A_DAY - offset(found) * utc
            if not -(2**63) <= micros < 2**63:
                raise Misfit(TOO_LARGE)
            return canonical.timestamp(micros, utc), cut
    raise ValueError(f"no such type: {kind}")


def number(value):
    """The text of a number, or of a string that spells one."""
    if value.kind == "number":
        return value.text
    if value.kind == "string" and NUMERIC_STRING.fullmatch(value.string):
        return value.string
    raise Misfit(WRONG)


def digits_of(text):
    """(sign, digits without leading or trailing zeros, exponent of the last digit); no digits for zero."""
    sign, digits, exponent = Decimal(text).as_tuple()
    digits = "".join(map(str, digits)).lstrip("0")
    kept = digits.rstrip("0")
    return sign, kept, exponent + len(digits) - len(kept)


def integer(text, lowest, highest):
    sign, digits, exponent = digits_of(text)
    if not digits:
        return 0
    if exponent < 0:
        raise Misfit(WRONG)
    # Longer than any integer that fits: not expanded, 1e999999999 is a gigabyte.
    if len(digits) + exponent > 40:
        raise Misfit(TOO_LARGE)
    found = (-1) ** sign * int(digits) * 10**exponent
    if not lowest <= found <= highest:
        raise Misfit(TOO_LARGE)
    return found


def fixed_point(text, precision, scale):
    sign, digits, exponent = digits_of(text)
    if len(digits) + exponent > precision - scale:
        raise Misfit(TOO_LARGE)
    shift = exponent + scale
    kept = digits + "0" * shift if shift >= 0 else digits[:shift] if -shift < len(digits) else ""
    found = int(kept or "0")
    exact = Decimal((sign if found else 0, tuple(map(int, str(found))), -scale))
    return format(exact, "f"), shift < 0 and bool(digits)


def double(text):
    found = float(text)
    if found in (float("inf"), float("-inf")):
        raise Misfit(TOO_LARGE)
    mantissa = re.split("[eE]", text)[0]
    significant = re.sub(r"[^0-9]", "", mantissa).lstrip("0")
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = max(len(significant), 1), 10**9, -(10**9)
        cut = Decimal(text) != +Decimal(found)
    return canonical.double(found), cut


def matched(pattern, value):
    found = pattern.fullmatch(expected(value, "string").string)
    if found is None:
        raise Misfit(WRONG)
    return found


def date_and_time(value):
    found = matched(DATE_AND_TIME, value)
    day = canonical.days(int(found["year"]), int(found["month"]), int(found["day"]))
    if day is None:
        raise Misfit(WRONG)
    return found, day


def time_of_day(found):
    """Microseconds, and whether finer digits were cut off."""
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    if hour > 23 or minute > 59 or second > 59:
        raise Misfit(WRONG)
    fraction = found["fraction"] or ""
    micros = int(fraction[:6].ljust(6, "0"))
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros, fraction[6:].strip("0") != ""


def offset(found):
    minutes = int(found["hours"] or 0) * 60 + int(found["minutes"] or 0)
    return (-1 if found["sign"] == "-" else 1) * minutes * 60_000_000
