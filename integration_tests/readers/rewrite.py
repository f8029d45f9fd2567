"""Writes a table in canonical form as a Parquet file with pyarrow, to test the readers and
the oracle.

Values are converted back: from canonical text to an integer or a decimal of Arrow.
"""

import re
from decimal import Decimal

import canonical
import pyarrow
import pyarrow.parquet

SCALARS = {
    "string": pyarrow.string(),
    "boolean": pyarrow.bool_(),
    "int64": pyarrow.int64(),
    "double": pyarrow.float64(),
    "date": pyarrow.date32(),
    "time(us)": pyarrow.time64("us"),
    "timestamp(us)": pyarrow.timestamp("us"),
    "timestamp(us,UTC)": pyarrow.timestamp("us", "UTC"),
}


def write(table, path):
    fields, arrays = [], []
    for position, (name, kind) in enumerate(table["columns"]):
        arrow = arrow_type(kind)
        fields.append(pyarrow.field(name, arrow))
        arrays.append(array([row[position] for row in table["rows"]], kind, arrow))
    found = pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(fields))
    pyarrow.parquet.write_table(found, path)


def arrow_type(kind):
    match kind:
        case {"list": element}:
            return pyarrow.list_(pyarrow.field("element", arrow_type(element)))
        case {"struct": members}:
            return pyarrow.struct([(name, arrow_type(inner)) for name, inner in members])
    if found := re.fullmatch(r"decimal\(([0-9]+),([0-9]+)\)", kind):
        return pyarrow.decimal128(int(found[1]), int(found[2]))
    return SCALARS[kind]


def array(cells, kind, arrow):
    if kind == "string":
        # The oracle does not know raw ids, and has only the digest of long texts.
        ids = (f"00000000-0000-7000-8000-{row:012x}" for row in range(len(cells)))
        cells = [known if isinstance(cell, dict) else cell for cell, known in zip(cells, ids)]
    return pyarrow.array([plain(cell, kind) for cell in cells], arrow)


def plain(cell, kind):
    if cell is None or cell == {"any": "value"}:
        return None
    match kind:
        case {"list": element}:
            return [plain(inner, element) for inner in cell]
        case {"struct": members}:
            return {name: plain(cell[name], inner) for name, inner in members}
        case "double":
            return float(cell)
        case "date":
            return day(cell)
        case "time(us)":
            return micros(cell)
        case "timestamp(us)" | "timestamp(us,UTC)":
            date, _, time = cell.removesuffix("Z").partition("T")
            return day(date) * 86_400_000_000 + micros(time)
    return Decimal(cell) if kind.startswith("decimal") else cell


def day(text):
    year, month, day_of_month = text.rsplit("-", 2)
    return canonical.days(int(year), int(month), int(day_of_month))


def micros(text):
    hours, minutes, seconds = text.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000_000 + int(Decimal(seconds) * 1_000_000)
