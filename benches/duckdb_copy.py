"""DuckDB's side of `make bench`: bare records, one JSON object a line, to one Parquet file.

    duckdb_copy.py RECORDS_FILE PARQUET_FILE THREADS RECORDS

Prints the seconds that the COPY took; starting Python and importing DuckDB do not count. Apart
from the number of threads, DuckDB runs with its defaults. Fails unless the file has RECORDS rows of
the columns below.
"""

import sys
import time

import duckdb

# The connector's types for the columns of `configured_catalog` in generate_stream.rs.
COLUMNS = {
    "id": "BIGINT",
    "customer": "VARCHAR",
    "amount": "DOUBLE",
    "currency": "VARCHAR",
    "paid": "BOOLEAN",
    "weight": "DOUBLE",
    "updated_at": "TIMESTAMP WITH TIME ZONE",
    "address": "STRUCT(city VARCHAR, zip VARCHAR)",
    "items": "BIGINT[]",
    "note": "VARCHAR",
}


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def main(source, target, threads, records):
    connection = duckdb.connect()
    connection.execute(f"SET threads TO {int(threads)}")
    columns = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in COLUMNS.items())
    copy = (
        f"COPY (SELECT * FROM read_json({quoted(source)}, format='newline_delimited', columns={{{columns}}})) "
        f"TO {quoted(target)} (FORMAT parquet)"
    )
    start = time.perf_counter()
    connection.execute(copy)
    seconds = time.perf_counter() - start

    described = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({quoted(target)})").fetchall()
    types = {name: kind for name, kind, *_ in described}
    if types != COLUMNS:
        sys.exit(f"duckdb_copy: the file's columns are {types}")
    [(rows,)] = connection.execute(f"SELECT count(*) FROM read_parquet({quoted(target)})").fetchall()
    if rows != int(records):
        sys.exit(f"duckdb_copy: the file has {rows} rows, not {records}")
    print(seconds)


main(*sys.argv[1:])
