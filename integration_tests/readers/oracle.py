"""What the contract demands of a stream's files: columns and rows in canonical form, from the
text of the messages.

The oracle follows docs/SEMANTICS.md with Python's exact numbers, and shares no code with the
connector. Two values it cannot know: a raw id (`{"any": "raw_id"}`), and a record's own metadata
that does not fit its column (`{"any": "value"}`). Our own changes of a row are in no particular
order; the source's changes come first, in order.
"""

import functools
import json
import re
from decimal import Decimal, localcontext

import canonical
import json_text
from schema_types import ADDITIONAL, METADATA, canonical_name, columns, in_file, metadata_columns

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
    "integers": "int64",
    "times": "text",
    "column_names": "original",
    "nested": "typed",
}
BLANKS = " \t\n\r\f"
NO_NUMBERS_OF_JSON = ("NaN", "Infinity", "-Infinity")
NUMERIC_STRING = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
DATE = r"(?P<year>[0-9]{4,7})(?P<separator>[-/.])(?P<month>[0-9]{2})(?P=separator)(?P<day>[0-9]{2})"
TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?)?"
OFFSET = r"(?:Z|(?P<sign>[+-])(?P<hours>[0-9]{2})(?::?(?P<minutes>[0-9]{2}))?)?"
DATE_OFFSET = r"(?:Z|(?P<date_sign>[+-])(?P<date_hours>[0-9]{2}):(?P<date_minutes>[0-9]{2}))?"
DATE_AND_TIME = re.compile(f"{DATE}(?:[T ]{TIME}{OFFSET}|{DATE_OFFSET})")
TIME_OF_DAY = re.compile(TIME + OFFSET)
MICROS_OF_A_DAY = 86_400_000_000
FIRST_DAY, LAST_DAY = canonical.days(1, 1, 1), canonical.days(9999, 12, 31)


class Misfit(Exception):
    """The value becomes null, for this reason."""

    def __init__(self, change):
        super().__init__(*change)
        self.change = change


class Row:
    """What decoding one record yields besides its values."""

    def __init__(self):
        self.changes = []
        # Paths of members and values.
        self.undeclared = []
        self.nulled = []

    def note(self, path, change, value=None):
        """`value` is what became null."""
        self.changes.append({"field": ".".join(path), "change": change[0], "reason": change[1]})
        if value is not None:
            self.nulled.append((path, value))


def expect(request):
    stream, options = request["stream"], {**DEFAULTS, **request.get("options", {})}
    layout = columns(stream, options)
    name, namespace = stream["stream"]["name"], stream["stream"].get("namespace") or None
    with open(request["input"], encoding="utf-8", newline="\n") as input_file:
        records = records_of(input_file.read()).get((name, namespace), [])
    rows = [row_of(record, stream, layout, options) for record in records]
    kinds = [[name, canonical_name(in_file(name, kind, options))] for _, name, kind in layout]
    return {"columns": kinds, "rows": rows}


# Tests ask for the streams of an input one after the other.
@functools.lru_cache(maxsize=1)
def records_of(messages):
    """Returns the members of every RECORD by name and namespace of its stream."""
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
        row.note((path,), REPLACED)
    cells = {}
    for source, name, kind in layout:
        if source in data:
            # In text formats our files hold this value as a number of milliseconds.
            is_epoch = kind is METADATA["_airbyte_extracted_at"] and source == "_airbyte_extracted_at"
            kind = ("epoch",) if is_epoch and data[source].kind == "number" else kind
            cells[name] = decode(kind, data[source], (source,), row)
    declared = {source for source, _, _ in layout}
    row.undeclared += [((name,), value) for name, value in data.items() if name not in declared]
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
        elif name == "_airbyte_meta" and (of_source or row.changes):
            # The record's own changes come first.
            cells[name]["changes"] = (cells[name]["changes"] or []) + of_source + row.changes
    members = [f"{json.dumps(name, ensure_ascii=False)}:{value.text}" for name, value in told_apart(row)]
    # Without a value of the record the column holds ours.
    if (None, ADDITIONAL) in [(source, name) for source, name, _ in layout]:
        cells[ADDITIONAL] = "{" + ",".join(members) + "}" if members else None
    return [as_text(cells.get(name), name, kind, options) for _, name, kind in layout]


def as_text(cell, name, kind, options):
    if in_file(name, kind, options) is kind or cell is None or "any" in cell:
        return cell
    return json.dumps(cell, ensure_ascii=False, separators=(",", ":"))


def told_apart(row):
    """Returns undeclared and unfit values by dotted path; equal paths are numbered."""
    entries = [(".".join(path), len(path), value) for path, value in row.undeclared + row.nulled]
    names, taken, held = {}, {name for name, _, _ in entries}, set()
    for place in sorted(range(len(entries)), key=lambda place: entries[place][1]):
        name = found = entries[place][0]
        number = 2
        while name in held and found in taken:
            found, number = f"{name}_{number}", number + 1
        held.add(name)
        taken.add(found)
        names[place] = found
    return [(names[place], value) for place, (_, _, value) in enumerate(entries)]


def decode(kind, value, path, row):
    """Returns the canonical value, and records every conversion issue."""
    if value.kind == "null":
        return None
    try:
        match kind:
            case ("struct", members):
                return struct(members, expected(value, "object"), path, row)
            case ("list", element):
                elements = expected(value, "array").elements
                return [decode(element, inner, (*path, str(index)), row) for index, inner in enumerate(elements)]
        spelled, cut = scalar(kind, value)
    except Misfit as misfit:
        row.note(path, misfit.change, value)
        return None
    if cut:
        row.note(path, CUT)
    return spelled


def struct(members, value, path, row):
    declared = {source for source, _, _ in members}
    row.undeclared += [((*path, name), inner) for name, inner in value.members.items() if name not in declared]
    return {
        name: decode(kind, value.members[source], (*path, source), row) if source in value.members else None
        for source, name, kind in members
    }


def expected(value, kind):
    if value.kind != kind:
        raise Misfit(WRONG)
    return value


def scalar(kind, value):
    """Returns the canonical value, and whether digits were lost."""
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
        case ("epoch",):
            first, last = FIRST_DAY * MICROS_OF_A_DAY // 1000, (LAST_DAY + 1) * MICROS_OF_A_DAY // 1000 - 1
            return canonical.timestamp(1000 * integer(number(value), first, last), True), False
        case ("integer_text",):
            return integer_text(number(value)), False
        case ("double",):
            if value.kind == "string" and value.string.strip(BLANKS) in NO_NUMBERS_OF_JSON:
                return canonical.double(float(value.string)), False
            return double(number(value))
        case ("number_text",):
            return number(value), False
        case ("date",):
            found, day = date_and_time(value)
            micros, _ = time_of_day(found)
            if not FIRST_DAY <= day <= LAST_DAY:
                raise Misfit(TOO_LARGE)
            return canonical.date(day), micros != 0
        case ("time" | "time_text", utc):
            found = matched(TIME_OF_DAY, value)
            micros, cut = time_of_day(found)
            spelled = canonical.time((micros - offset(found) * utc) % MICROS_OF_A_DAY)
            # As text all have one length.
            is_short = kind[0] == "time_text" and "." not in spelled
            return spelled + ".000000" * is_short, cut
        case ("timestamp", utc):
            found, day = date_and_time(value)
            micros, cut = time_of_day(found)
            micros += day * MICROS_OF_A_DAY - offset(found) * utc
            if not FIRST_DAY * MICROS_OF_A_DAY <= micros < (LAST_DAY + 1) * MICROS_OF_A_DAY:
                raise Misfit(TOO_LARGE)
            return canonical.timestamp(micros, utc), cut
    raise ValueError(f"no such type: {kind}")


def number(value):
    """Returns the text of a number, or of a string that spells one."""
    if value.kind == "number":
        return value.text
    if value.kind == "string" and NUMERIC_STRING.fullmatch(value.string.strip(BLANKS)):
        return value.string.strip(BLANKS)
    raise Misfit(WRONG)


def digits_of(text):
    """(sign, digits without outer zeros, exponent of the last digit); no digits for zero."""
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, fraction = mantissa.lstrip("+-").partition(".")
    digits = (whole + fraction).lstrip("0")
    kept = digits.rstrip("0")
    last = int(exponent or 0) - len(fraction) + len(digits) - len(kept)
    return int(text.startswith("-")), kept, last if kept else 0


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


def integer_text(text):
    sign, digits, exponent = digits_of(text)
    if digits and exponent < 0:
        raise Misfit(WRONG)
    if len(digits) + exponent > max(400, len(text)):
        raise Misfit(TOO_LARGE)
    return "-" * sign + digits + "0" * exponent if digits else "0"


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
    _, digits, exponent = digits_of(text)
    # A double need not preserve leading and trailing zeros.
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = max(len(digits), 1), 10**9, -(10**9)
        cut = digits_of(str(+Decimal(found)))[1:] != (digits, exponent)
    return canonical.double(found), cut


def matched(pattern, value):
    found = pattern.fullmatch(expected(value, "string").string.strip(BLANKS))
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
    """Returns microseconds, and whether finer digits were lost."""
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    if hour > 23 or minute > 59 or second > 59:
        raise Misfit(WRONG)
    fraction = found["fraction"] or ""
    micros = int(fraction[:6].ljust(6, "0"))
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros, fraction[6:].strip("0") != ""


def offset(found):
    parts = found.groupdict()
    prefix = "date_" if parts.get("date_hours") else ""
    minutes = int(parts[f"{prefix}hours"] or 0) * 60 + int(parts[f"{prefix}minutes"] or 0)
    return (-1 if parts[f"{prefix}sign"] == "-" else 1) * minutes * 60_000_000
