"""What the contract demands of a stream's columns: the part of the oracle about types, which
shares no code with the connector.

A type is a tuple: its kind, followed by its parameters. A `struct` has members of (name in records,
name in files, type).
"""

import re

JSON_TEXT = ("json",)
STRING = ("string",)
INTEGER = ("int64",)
CHANGE = ("struct", tuple((name, name, STRING) for name in ("field", "change", "reason")))
METADATA = {
    "_airbyte_raw_id": STRING,
    "_airbyte_extracted_at": ("timestamp", True),
    "_airbyte_generation_id": INTEGER,
    "_airbyte_meta": ("struct", (("sync_id", "sync_id", INTEGER), ("changes", "changes", ("list", CHANGE)))),
}
ADDITIONAL = "_airbyte_additional_properties"
WELL_KNOWN = {
    "String": {"type": "string"},
    "BinaryData": {"type": "string"},
    "Date": {"type": "string", "format": "date"},
    "TimestampWithTimezone": {"type": "string", "format": "date-time"},
    "TimestampWithoutTimezone": {
        "type": "string", "format": "date-time", "airbyte_type": "timestamp_without_timezone"},
    "TimeWithTimezone": {"type": "string", "format": "time"},
    "TimeWithoutTimezone": {"type": "string", "format": "time", "airbyte_type": "time_without_timezone"},
    "Number": {"type": "number"},
    "Integer": {"type": "integer"},
    "Boolean": {"type": "boolean"},
}


def columns(stream, options):
    """Returns (name in records, name in the file, type) of every column, in the file's order."""
    ours = metadata_columns(options)
    properties = stream["stream"]["json_schema"].get("properties", {})
    declared = [(name, schema) for name, schema in properties.items() if name not in ours]
    keep = options["undeclared_fields"] == "column" or not (ours or declared)
    taken = ours + [ADDITIONAL] * keep
    middle = distinct([(name, type_of(schema, options)) for name, schema in declared], taken, options["column_names"])
    last = [(None, ADDITIONAL, STRING)] * keep
    return [(name, name, METADATA[name]) for name in ours] + list(middle) + last


def metadata_columns(options):
    """Returns the names of our columns, which precede the declared ones."""
    return list(METADATA)[: {"all": 4, "ids": 3, "none": 0}[options["metadata_columns"]]]


def in_file(name, kind, options):
    """Returns a column's type in the file: without nested columns, our metadata is text there."""
    return JSON_TEXT if name == "_airbyte_meta" and kind[0] == "struct" and options["nested"] == "json" else kind


def distinct(members, taken=(), style="original"):
    """Renames what case-folding engines cannot distinguish: the last by code points stays."""
    taken, plain, renamed = {name.lower() for name in taken}, set(), {}
    by_rank = sorted((name for name, _ in members), reverse=True)
    wanted = {name: safe(name) if style == "safe" else name for name in by_rank}
    for name in by_rank:
        if wanted[name].lower() not in taken:
            plain.add(name)
            taken.add(wanted[name].lower())
    for name in by_rank:
        found, number = wanted[name], 2
        while name not in plain and found.lower() in taken:
            found, number = f"{wanted[name]}_{number}", number + 1
        taken.add(found.lower())
        renamed[name] = found
    return tuple((name, renamed[name], kind) for name, kind in members)


def safe(name):
    """Returns a name of letters A to Z, digits and underscores that does not begin with a digit."""
    plain = re.sub("[^A-Za-z0-9_]", "_", name)
    return plain if re.match("[^0-9]", name) else "_" + plain


def type_of(schema, options):
    if not isinstance(schema, dict):
        return JSON_TEXT
    reference = schema.get("$ref", "")
    if reference.startswith("WellKnownTypes.json#/definitions/"):
        return type_of(WELL_KNOWN.get(reference.rpartition("/")[2], {}), options)
    for union in ("oneOf", "anyOf"):
        if union in schema:
            branches = [branch for branch in schema[union] if branch.get("type") != "null"]
            return the_one({type_of(branch, options) for branch in branches})
    declared = schema.get("type", "object" if "properties" in schema else None)
    names = declared if isinstance(declared, list) else [declared]
    return the_one({one_type(name, schema, options) for name in names if name != "null"})


def the_one(kinds):
    if len(kinds) == 1:
        return kinds.pop()
    if not kinds or any(kind[0] in ("json", "struct", "list") for kind in kinds):
        return JSON_TEXT
    # An integer is a number in JSON Schema: a union of both is a number.
    ranks = {"int64": 0, "integer_text": 0, "big_integer": 1, "double": 2, "decimal": 2, "number_text": 2}
    if all(kind[0] in ranks for kind in kinds):
        return max(kinds, key=lambda kind: ranks[kind[0]])
    # All others can be represented as text.
    return STRING


def one_type(name, schema, options):
    airbyte = schema.get("airbyte_type", "")
    if name == "string":
        return text_type(schema.get("format") or airbyte, not airbyte.endswith("_without_timezone"), options)
    if name == "boolean":
        return ("boolean",)
    if name == "integer" or name == "number" and airbyte in ("integer", "big_integer"):
        if options["integers"] == "text":
            return ("integer_text",)
        return ("big_integer",) if airbyte == "big_integer" or options["integers"] == "decimal" else INTEGER
    if name == "number":
        return {
            "double": ("double",),
            "decimal": ("decimal", options["decimal_precision"], options["decimal_scale"]),
            "text": ("number_text",),
        }[options["numbers"]]
    if name == "object" and schema.get("properties"):
        members = [(member, type_of(inner, options)) for member, inner in schema["properties"].items()]
        return nested(("struct", distinct(members, (), options["column_names"])), options)
    if name == "array" and isinstance(schema.get("items"), list) and schema["items"]:
        # Any of these, at any position.
        return nested(("list", the_one({type_of(inner, options) for inner in schema["items"]})), options)
    if name == "array" and isinstance(schema.get("items"), dict) and schema["items"]:
        return nested(("list", type_of(schema["items"], options)), options)
    return JSON_TEXT


def nested(kind, options):
    return kind if options["nested"] == "typed" else JSON_TEXT


def text_type(format_name, zone, options):
    if format_name == "date":
        return ("date",)
    if format_name in ("time", "time_with_timezone", "time_without_timezone"):
        return ("time" if options["times"] == "typed" else "time_text", zone)
    if format_name in ("date-time", "timestamp_with_timezone", "timestamp_without_timezone"):
        return ("timestamp", zone)
    return STRING


def canonical_name(kind):
    """Returns the type in the spelling of `canonical`."""
    match kind:
        case ("json" | "number_text" | "integer_text",) | ("time_text", _):
            return "string"
        case ("big_integer",):
            return "decimal(38,0)"
        case ("decimal", precision, scale):
            return f"decimal({precision},{scale})"
        case ("time", _):
            return "time(us)"
        case ("timestamp", zone):
            return "timestamp(us,UTC)" if zone else "timestamp(us)"
        case ("list", element):
            return {"list": canonical_name(element)}
        case ("struct", members):
            return {"struct": [[name, canonical_name(inner)] for _, name, inner in members]}
        case (name,):
            return name
