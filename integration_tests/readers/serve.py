"""Answers the tests' questions about Parquet: one JSON object per line on stdin, one per line on
stdout, until stdin closes.

One process serves a whole test run, because importing the engines takes longer than reading.

Operations
- `read`: every file of `paths` as every engine reads it, and its footer.
- `read_text`: the JSON lines or CSV file at `path` with every engine's default options: its rows, or
  why the engine refuses it.
- `read_folder`: all files of a hive-partitioned `folder` as one table, with every engine.
- `expect`: the rows that the contract demands of a stream, for its configuration and messages
  (`oracle`).
- `self_test`: writes `expect`'s table to `path` with pyarrow, to test the readers without a connector.

An answer has the member `error` if something went wrong. Stdout carries answers only: whatever a
library prints goes to stderr.
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
        # ASCII, so that U+2028, U+0000 and half a surrogate pair pass every line reader.
        answers.write(json.dumps(reply, ensure_ascii=True, separators=(",", ":")) + "\n")
        answers.flush()


main()
