"""Answers the tests' questions about Parquet: one JSON object a line in, one a line out, until the input ends.

One process serves a whole run of the tests, because the engines take longer to import than to read.

Operations
- `read`: every file of `paths` as every engine reads it, and what its footer says.
- `read_text`: a JSON lines or CSV file at `path`, with the default options of every engine: its rows, or why it is refused.
- `read_folder`: all files of a hive-partitioned `folder` as one table, by every engine.
- `expect`: what the contract says a stream's rows are, given its configuration and the messages (`oracle`).
- `self_test`: writes `expect`'s table with pyarrow to `path`, so that the reading side is tested without a connector.

An answer has the member `error` where something went wrong. Standard output belongs to the answers alone: whatever a
library prints goes to standard error.
"""

import json
import os
import sys
import traceback

import engines
import oracle
import rewrite
import text_files


def answer(request):
    operation = request["op"]
    if operation == "read":
        return {"files": [engines.read(path) for path in request["paths"]]}
    if operation == "read_text":
        return text_files.read(request["path"], request["format"])
    if operation == "read_folder":
        return {"tables": engines.read_folder(request["folder"], request["newest"])}
    if operation == "expect":
        return oracle.expect(request)
    if operation == "self_test":
        rewrite.write(oracle.expect(request), request["path"])
        return {}
    raise ValueError(f"no operation {operation}")


def main():
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        try:
            reply = answer(json.loads(line))
        except Exception:  # the test that asked fails with the traceback, the next one is served
            reply = {"error": traceback.format_exc()}
        # ASCII: U+2028, U+0000 and half a surrogate pair pass every reader of lines.
        answers.write(json.dumps(reply, ensure_ascii=True, separators=(",", ":")) + "\n")
        answers.flush()


main()
