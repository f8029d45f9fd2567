"""JSON as text: a value with its own characters, because a parsed number has lost its digits.

`parse` returns a `Value` whose `kind` is `null`, `boolean`, `number`, `string`, `object` or `array`;
`text` is the value as it was sent, `key` the name of a member with its quotes, as it was sent. An
object keeps the last of several members with one name.
"""

import json.decoder
import re
from dataclasses import dataclass, field

BLANKS = re.compile(r"[ \t\n\r]*")
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
# A surrogate pair, half of one, or any other escape.
ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL)
WORDS = {"t": "true", "f": "false", "n": "null"}


@dataclass
class Value:
    kind: str
    text: str
    string: str = None
    key: str = None
    members: dict = field(default_factory=dict)
    elements: list = field(default_factory=list)


def repaired(text):
    """Returns JSON text with U+FFFD in place of every half surrogate pair."""
    return ESCAPE.sub(lambda found: r"\ufffd" if found[1] else found[0], text)


def half_pairs(value, path=()):
    """Returns the dotted paths of names and strings that contain half a surrogate pair."""
    found = []
    children = [(name, inner) for name, inner in value.members.items()] or enumerate(value.elements)
    for name, inner in children:
        way = (*path, str(name))
        texts = [inner.key or "", inner.text if inner.kind == "string" else ""]
        if any(repaired(text) != text for text in texts):
            found.append(".".join(way))
        found += half_pairs(inner, way)
    return found


def parse(document):
    value, end = value_at(document, skip(document, 0))
    if skip(document, end) != len(document):
        raise ValueError("text after the value")
    return value


def skip(document, position):
    return BLANKS.match(document, position).end()


def value_at(document, start):
    first = document[start]
    if first == '"':
        string, end = string_at(document, start)
        return Value("string", document[start:end], string=string), end
    if first == "{":
        members, end = sequence(document, start, "}", member_at)
        return Value("object", document[start:end], members=dict(members)), end
    if first == "[":
        elements, end = sequence(document, start, "]", value_at)
        return Value("array", document[start:end], elements=elements), end
    if first in WORDS:
        word = WORDS[first]
        if not document.startswith(word, start):
            raise ValueError(f"not JSON at {start}")
        return Value("null" if first == "n" else "boolean", word), start + len(word)
    end = NUMBER.match(document, start).end()
    return Value("number", document[start:end]), end


def string_at(document, start):
    if document[start] != '"':
        raise ValueError(f"no string at {start}")
    string, end = json.decoder.scanstring(document, start + 1)
    # Half a surrogate pair is valid JSON, but not valid text.
    return re.sub("[\ud800-\udfff]", "\ufffd", string), end


def member_at(document, start):
    name, end = string_at(document, start)
    colon = skip(document, end)
    if document[colon] != ":":
        raise ValueError(f"no colon at {colon}")
    value, after = value_at(document, skip(document, colon + 1))
    value.key = document[start:end]
    return (name, value), after


def sequence(document, start, closing, item_at):
    items, position = [], skip(document, start + 1)
    if document[position] == closing:
        return items, position + 1
    while True:
        item, end = item_at(document, position)
        items.append(item)
        end = skip(document, end)
        if document[end] == closing:
            return items, end + 1
        if document[end] != ",":
            raise ValueError(f"no comma at {end}")
        position = skip(document, end + 1)
