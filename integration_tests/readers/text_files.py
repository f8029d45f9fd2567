"""Reads a JSON lines or CSV file with the default options of DuckDB, polars and pyarrow, as most
people do.

For each engine the answer has its rows as objects of strings, or its error message.
"""

import engines
import polars
import pyarrow.csv
import pyarrow.json

READERS = {
    "jsonl": {
        "duckdb": lambda path: duckdb("SELECT * FROM read_json($path, format = 'newline_delimited')", path),
        "polars": lambda path: polars.read_ndjson(path).to_dicts(),
        "pyarrow": lambda path: pyarrow.json.read_json(path).to_pylist(),
    },
    # All as text: the content of a cell matters, not the type that the engine guesses.
    "csv": {
        "duckdb": lambda path: duckdb("SELECT * FROM read_csv($path, header = true, all_varchar = true)", path),
        "polars": lambda path: polars.read_csv(path, infer_schema=False).to_dicts(),
        "pyarrow": lambda path: arrow_csv(path),
    },
}


def read(path, kind):
    return {"engines": {name: answer(reader, path) for name, reader in READERS[kind].items()}}


def answer(reader, path):
    try:
        return {"rows": [canonical(row) for row in reader(path)]}
    except Exception as problem:  # a refusal is an answer
        return {"refused": str(problem)}


def duckdb(query, path):
    return engines.DUCKDB.sql(query, params={"path": path}).to_arrow_table().to_pylist()


def arrow_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        columns = pyarrow.csv.open_csv(path).schema.names if file.read(1) else []
    types = {name: pyarrow.string() for name in columns}
    return pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(column_types=types)).to_pylist()


def canonical(value):
    """Returns objects, lists and null as they are, everything else as text."""
    if isinstance(value, dict):
        return {name: canonical(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [canonical(inner) for inner in value]
    return None if value is None else str(value)
