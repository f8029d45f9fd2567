"""One spelling for what engines read and for what the contract expects.

Types: `string`, `boolean`, `int64`, `double`, `decimal(p,s)`, `date`, `time(us)`, `timestamp(us)`,
`timestamp(us,UTC)`, `{"list": TYPE}`, `{"struct": [[NAME, TYPE], ...]}`. Any other type keeps the
engine's own name, and so equals no expected type.

Values: null, booleans, integers and strings are themselves; a double is the shortest text that
reads back as the same double (`0.1`, `1e+39`, `-0.0`); a decimal is its text with all digits of its
scale; dates and times are ISO text, of any year, with six fractional digits or none. A string of
more than 100,000 characters is replaced by its length and SHA-256.

Values leave the engines through the Arrow interface, as integers: Python's `datetime` supports
neither all years nor all engines' spellings.
"""

import datetime
import hashlib

import pyarrow
from pyarrow import compute, types

LONGEST_TEXT = 100_000
EPOCH = datetime.date(1970, 1, 1).toordinal()
# The Gregorian calendar repeats after 400 years.
DAYS_OF_400_YEARS = 146_097


def text(value):
    """Returns a string, or its length and digest if it is very long."""
    if len(value) <= LONGEST_TEXT:
        return value
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return {"characters": len(value), "sha256": digest}


def double(value):
    return repr(value)


def decimal_text(value):
    return format(abs(value) if value == 0 else value, "f")


def date(days):
    """Returns days since 1970 as a date of the proleptic Gregorian calendar."""
    periods, rest = divmod(days + EPOCH - 1, DAYS_OF_400_YEARS)
    day = datetime.date.fromordinal(rest + 1)
    year = day.year + 400 * periods
    sign = "-" if year < 0 else "+" if year > 9999 else ""
    return f"{sign}{abs(year):04}-{day.month:02}-{day.day:02}"


def days(year, month, day):
    """The inverse of `date`; `None` for a day that does not exist."""
    periods, rest = divmod(year - 1, 400)
    try:
        ordinal = datetime.date(rest + 1, month, day).toordinal()
    except ValueError:
        return None
    return ordinal + periods * DAYS_OF_400_YEARS - EPOCH


def time(micros):
    seconds, fraction = divmod(micros, 1_000_000)
    spelled = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{spelled}.{fraction:06}" if fraction else spelled


def timestamp(micros, utc):
    day, rest = divmod(micros, 86_400_000_000)
    return f"{date(day)}T{time(rest)}{'Z' if utc else ''}"


def type_name(arrow):
    """Returns the canonical name of an Arrow type."""
    if types.is_string(arrow) or types.is_large_string(arrow) or types.is_string_view(arrow):
        return "string"
    if types.is_boolean(arrow):
        return "boolean"
    if types.is_int64(arrow):
        return "int64"
    if types.is_float64(arrow):
        return "double"
    if types.is_decimal(arrow):
        return f"decimal({arrow.precision},{arrow.scale})"
    if types.is_date32(arrow):
        return "date"
    if types.is_time64(arrow):
        return "time(us)"
    if types.is_timestamp(arrow):
        zone = {None: "", "UTC": ",UTC"}.get(arrow.tz, f",{arrow.tz}")
        return f"timestamp({arrow.unit}{zone})"
    if is_list(arrow):
        return {"list": type_name(arrow.value_type)}
    if types.is_struct(arrow):
        return {"struct": [[field.name, type_name(field.type)] for field in arrow]}
    return str(arrow)


def is_list(arrow):
    return types.is_list(arrow) or types.is_large_list(arrow)


def values(array):
    """Returns the canonical values of an Arrow array, chunked or not."""
    if isinstance(array, pyarrow.ChunkedArray):
        return [value for chunk in array.chunks for value in values(chunk)]
    arrow = array.type
    if types.is_struct(arrow):
        names = [field.name for field in arrow]
        members = [values(compute.struct_field(array, [index])) for index in range(len(names))]
        valid = array.is_valid().to_pylist()
        return [dict(zip(names, row)) if there else None for row, there in zip(zip(*members), valid)]
    if is_list(arrow):
        flat = iter(values(array.flatten()))
        lengths = compute.list_value_length(array).to_pylist()
        return [None if length is None else [next(flat) for _ in range(length)] for length in lengths]
    spell = spelling(arrow)
    if types.is_date32(arrow):
        array = array.cast(pyarrow.int32())
    elif types.is_time64(arrow) or types.is_timestamp(arrow):
        array = array.cast(pyarrow.int64())
    return [None if value is None else spell(value) for value in array.to_pylist()]


def spelling(arrow):
    if types.is_float64(arrow):
        return double
    if types.is_decimal(arrow):
        return decimal_text
    if types.is_date32(arrow):
        return date
    if types.is_time64(arrow):
        # polars has nanoseconds only; the other engines and the footer show the file's own unit.
        return time if arrow.unit == "us" else lambda nanos: time(nanos // 1000)
    if types.is_timestamp(arrow):
        utc = arrow.tz is not None
        return lambda micros: timestamp(micros, utc)
    if type_name(arrow) == "string":
        return text
    return lambda value: value


def table(arrow, names=None):
    """Returns an Arrow table in canonical form, with the column names `names` if given."""
    names = names or arrow.column_names
    columns = [values(column) for column in arrow.columns]
    return {
        "columns": [[name, type_name(field.type)] for name, field in zip(names, arrow.schema)],
        "rows": [list(row) for row in zip(*columns)],
    }
