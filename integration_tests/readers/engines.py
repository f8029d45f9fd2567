"""Reads Parquet files with DuckDB, polars and pyarrow, each with its own decoder, into the
canonical form.
"""

import json
import os

import canonical
import duckdb
import polars
import pyarrow
import pyarrow.dataset
import pyarrow.parquet


def connect():
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


DUCKDB = connect()


def read(path):
    """Reads one file with every engine, and its schema and footer."""
    tree = schema_tree(path)
    names = top_level_names(tree)
    query = "SELECT * FROM read_parquet($path, hive_partitioning = false)"
    relation = DUCKDB.sql(query, params={"path": path})
    tables = {
        # DuckDB itself names a column that has no name.
        "duckdb": canonical.table(
            relation.to_arrow_table(),
            ["" if name == "" else found for name, found in zip(names, relation.columns)],
        ),
        "polars": canonical.table(polars.read_parquet(path, hive_partitioning=False).to_arrow()),
        "pyarrow": canonical.table(pyarrow.parquet.ParquetFile(path).read()),
    }
    return {"tables": tables, "footer": footer(path), "tree": tree}


def read_folder(folder, newest):
    """Reads a hive-partitioned folder as one table; `newest` is the file with the most columns."""
    found = (os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names)
    files = sorted(path for path in found if path.endswith(".parquet"))
    relation = DUCKDB.sql(
        "SELECT * FROM read_parquet($pattern, union_by_name = true, hive_partitioning = true)",
        params={"pattern": os.path.join(folder, "**", "*.parquet")},
    )
    return {
        "duckdb": canonical.table(relation.to_arrow_table()),
        "polars": canonical.table(polars_folder(files, os.path.join(folder, newest))),
        "pyarrow": canonical.table(pyarrow_folder(files, folder)),
    }


def polars_folder(files, newest):
    # The table has the columns of the first file.
    files = [newest] + [path for path in files if path != newest]
    return polars.scan_parquet(files, hive_partitioning=True, missing_columns="insert").collect().to_arrow()


def pyarrow_folder(files, folder):
    def dataset(partitioning, schema=None):
        return pyarrow.dataset.dataset(
            files, schema=schema, format="parquet", partitioning=partitioning, partition_base_dir=folder)

    schemas = [pyarrow.parquet.read_schema(path).remove_metadata() for path in files]
    discovered = dataset(pyarrow.dataset.partitioning(flavor="hive")).schema
    hive = pyarrow.schema(
        [field for field in discovered if all(field.name not in schema.names for schema in schemas)])
    partitioning = pyarrow.dataset.partitioning(hive, flavor="hive")
    return dataset(partitioning, pyarrow.unify_schemas([*schemas, hive])).to_table()


def schema_tree(path):
    """Returns the schema of the footer, parents first."""
    rows = DUCKDB.execute(
        "SELECT name, type, repetition_type, coalesce(num_children, 0), logical_type FROM parquet_schema($path)",
        {"path": path},
    ).fetchall()
    members = ["name", "physical", "repetition", "children", "logical"]
    return [dict(zip(members, row)) for row in rows]


def top_level_names(tree):
    names, position = [], 1
    while position < len(tree):
        names.append(tree[position]["name"])
        pending = 1
        while pending:
            pending += tree[position]["children"] - 1
            position += 1
    return names


def footer(path):
    with pyarrow.parquet.ParquetFile(path) as file:
        metadata = file.metadata
        pairs = metadata.metadata or {}
        groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
        chunks = [group.column(index) for group in groups for index in range(group.num_columns)]
        leaves = [file.schema.column(index) for index in range(len(file.schema))]
        return {
            "created_by": metadata.created_by,
            "rows": metadata.num_rows,
            "row_groups": [{"rows": group.num_rows, "bytes": group.total_byte_size} for group in groups],
            "codecs": sorted({chunk.compression for chunk in chunks}),
            "statistics": all(chunk.is_stats_set or chunk.num_values == 0 for chunk in chunks),
            "key_values": {
                key.decode(): value.decode() for key, value in pairs.items() if key != b"ARROW:schema"
            },
            "leaves": [
                {
                    "path": leaf.path,
                    "physical": leaf.physical_type,
                    "logical": json.loads(leaf.logical_type.to_json()),
                }
                for leaf in leaves
            ],
        }
