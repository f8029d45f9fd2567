//! Reads objects back: gzip, JSON lines and CSV, each with a reader that is stricter than most
//! consumers.
//!
//! Bytes of one object in, rows out. A reader fails the test on anything that a careful consumer
//! could trip over: a missing final newline, a blank line, duplicate members, a ragged row, a stray
//! quote.
//!
//! CSV is read twice, by the `csv` crate and by a small reader here, and both must agree: the crate
//! is what consumers use, but it does not distinguish null (an empty field) from an empty string
//! (`""`).
//!
//! Not here: how keys are made, and which rows a test expects.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Decompresses gzip of one or several members; anything after the last member fails the test.
pub(crate) fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    MultiGzDecoder::new(bytes).read_to_end(&mut content).expect("a gzip file");
    content
}

/// Returns the content of an object, decompressed if its key ends in `.gz`.
pub(crate) fn content(key: &str, bytes: &[u8]) -> Vec<u8> {
    if key.ends_with(".gz") { gunzip(bytes) } else { bytes.to_owned() }
}

/// Groups objects by the first `segments` segments of their keys (with the default template 1 is
/// the stream, and 2 namespace and stream).
pub(crate) fn group_by_prefix(
    objects: &BTreeMap<String, Vec<u8>>,
    segments: usize,
) -> BTreeMap<String, BTreeMap<String, Vec<u8>>> {
    let mut groups: BTreeMap<String, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
    for (key, bytes) in objects {
        let prefix: Vec<_> = key.split('/').take(segments).collect();
        groups.entry(prefix.join("/")).or_default().insert(key.clone(), bytes.clone());
    }
    groups
}

/// One line of a JSONL object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonRow {
    /// The line as it is in the object.
    pub(crate) text: String,
    /// The top-level members: names, and values exactly as the line spells them.
    pub(crate) members: Vec<(String, String)>,
}

impl JsonRow {
    /// Returns the text of the member `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.members.iter().find(|(member, _)| member == name).map(|(_, text)| text.as_str())
    }
}

/// Returns the rows of a JSONL object. Fails the test unless every line, the last one included,
/// ends in a line feed and holds one JSON object without duplicate members.
pub(crate) fn jsonl(content: &[u8]) -> Vec<JsonRow> {
    let text = std::str::from_utf8(content).expect("JSONL is UTF-8");
    assert!(text.is_empty() || text.ends_with('\n'), "the last line has no line feed");
    text.split_terminator('\n').map(json_row).collect()
}

fn json_row(line: &str) -> JsonRow {
    let members = members(line);
    let mut distinct: Vec<_> = members.iter().map(|(name, _)| name).collect();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), members.len(), "duplicate members: {line}");
    JsonRow { text: line.to_owned(), members }
}

/// Returns the rows of several JSONL or `.jsonl.gz` objects, in the order of their keys.
pub(crate) fn jsonl_rows(objects: &BTreeMap<String, Vec<u8>>) -> Vec<JsonRow> {
    objects.iter().flat_map(|(key, bytes)| jsonl(&content(key, bytes))).collect()
}

/// Returns the members of an object in the order of the text, duplicates included: decoded names,
/// and values as text. Accepts numbers beyond a double and escapes of half a surrogate pair, which
/// are valid JSON. Fails the test on anything else.
pub(crate) fn members(object: &str) -> Vec<(String, String)> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, String)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                members.push((name, value.get().to_owned()));
            }
            Ok(members)
        }
    }
    let mut reader = serde_json::Deserializer::from_str(object);
    let members = reader.deserialize_map(Members);
    match members.and_then(|members| reader.end().map(|()| members)) {
        Ok(members) => members,
        Err(e) => panic!("not one JSON object ({e}): {object}"),
    }
}

/// One field of a CSV file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// The value, unquoted.
    pub(crate) text: String,
    /// Whether the field was quoted.
    pub(crate) quoted: bool,
}

/// A CSV file with a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CsvTable {
    /// Column names, in order.
    pub(crate) header: Vec<String>,
    /// Rows with as many fields as the header.
    pub(crate) rows: Vec<Vec<Field>>,
    /// The spelling of null (without quotes).
    null_text: String,
}

impl CsvTable {
    /// Returns the value at `row` of the column `name`; `None` for null.
    #[track_caller]
    pub(crate) fn get(&self, row: usize, name: &str) -> Option<&str> {
        let column = self.header.iter().position(|column| column == name);
        let column = column.unwrap_or_else(|| panic!("no column {name} in {:?}", self.header));
        let field = &self.rows[row][column];
        (field.quoted || field.text != self.null_text).then_some(field.text.as_str())
    }

    /// Returns the values of a column; `None` for null.
    #[track_caller]
    pub(crate) fn column(&self, name: &str) -> Vec<Option<&str>> {
        (0..self.rows.len()).map(|row| self.get(row, name)).collect()
    }
}

/// Reads a comma-separated file that has a header and spells null as an empty field.
pub(crate) fn csv(content: &[u8]) -> CsvTable {
    csv_with(content, b',', "")
}

/// Reads a CSV file that has a header. Fails the test on ragged rows, stray quotes, duplicate
/// column names, a missing final newline, and any difference from what the `csv` crate reads.
pub(crate) fn csv_with(content: &[u8], delimiter: u8, null_text: &str) -> CsvTable {
    let mut records = csv_fields(content, delimiter);
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(content);
    let others: Vec<Vec<String>> = reader
        .records()
        .map(|record| record.expect("a CSV row").iter().map(str::to_owned).collect())
        .collect();
    let ours: Vec<Vec<&str>> =
        records.iter().map(|r| r.iter().map(|field| field.text.as_str()).collect()).collect();
    assert_eq!(ours, others, "the two CSV readers disagree");

    assert!(!records.is_empty(), "no header");
    let rows = records.split_off(1);
    let header: Vec<String> = records.into_iter().flatten().map(|field| field.text).collect();
    let mut distinct = header.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), header.len(), "duplicate columns: {header:?}");
    CsvTable { header, rows, null_text: null_text.to_owned() }
}

/// Returns the fields of every row, the header included, with the information whether they were
/// quoted: RFC 4180, with either line end.
pub(crate) fn csv_fields(content: &[u8], delimiter: u8) -> Vec<Vec<Field>> {
    let text = std::str::from_utf8(content).expect("CSV is UTF-8");
    assert!(text.is_empty() || text.ends_with('\n'), "the last row has no line feed");
    let delimiter = char::from(delimiter);
    let mut rows: Vec<Vec<Field>> = Vec::new();
    let mut row = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let field;
        (field, rest) = csv_field(rest, delimiter);
        row.push(field);
        if let Some(after) = rest.strip_prefix(delimiter) {
            rest = after;
            continue;
        }
        let after = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n'));
        rest = after.unwrap_or_else(|| {
            panic!("text after a closing quote: {}", rest.chars().take(40).collect::<String>())
        });
        let width = rows.first().map_or(row.len(), Vec::len);
        assert_eq!(
            row.len(),
            width,
            "row {} differs in width from the first: {row:?}",
            rows.len() + 1
        );
        rows.push(std::mem::take(&mut row));
    }
    rows
}

/// Returns the first field of `text`, and the rest.
fn csv_field(text: &str, delimiter: char) -> (Field, &str) {
    let Some(mut rest) = text.strip_prefix('"') else {
        let (value, after) = text.split_at(text.find([delimiter, '\n']).expect("a field ends"));
        let before_crlf = value.strip_suffix('\r').filter(|_| after.starts_with('\n'));
        let value = before_crlf.unwrap_or(value);
        assert!(
            !value.contains(['"', '\r']),
            "a quote or carriage return in a bare field: {value}"
        );
        let (_, rest) = text.split_at(value.len());
        return (Field { text: value.to_owned(), quoted: false }, rest);
    };
    let mut value = String::new();
    loop {
        let (piece, after) = rest.split_once('"').expect("a quoted field is closed");
        value.push_str(piece);
        let Some(after_pair) = after.strip_prefix('"') else {
            return (Field { text: value, quoted: true }, after);
        };
        value.push('"');
        rest = after_pair;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn csv_distinguishes_null_from_an_empty_string() {
        let table = csv(b"a,b\n1,\n\"\",\"x \"\"y\"\",\nz\"\n");
        assert_eq!(table.header, ["a", "b"]);
        assert_eq!(table.column("a"), [Some("1"), Some("")]);
        assert_eq!(table.column("b"), [None, Some("x \"y\",\nz")]);
        assert_eq!(csv_with(b"a;b\r\nNULL;\"NULL\"\r\n", b';', "NULL").rows.len(), 1);
        assert_eq!(csv_with(b"a;b\nNULL;\"NULL\"\n", b';', "NULL").get(0, "a"), None);
        assert_eq!(csv_with(b"a;b\nNULL;\"NULL\"\n", b';', "NULL").get(0, "b"), Some("NULL"));
    }

    #[test]
    fn readers_refuse_what_consumers_trip_over() {
        let bad_csv: [&[u8]; 7] =
            [b"", b"a,b\n1\n", b"a,a\n1,2\n", b"a\n1", b"a\n\"1\"2\n", b"a\n1\"2\n", b"a\n\"1\n"];
        for bytes in bad_csv {
            assert!(catch_unwind(|| csv(bytes)).is_err(), "{:?}", String::from_utf8_lossy(bytes));
        }
        let bad_jsonl: [&[u8]; 5] =
            [b"{}", b"{}\n\n", b"[]\n", b"{\"a\":1,\"a\":2}\n", b"{\"a\":1,\"\\u0061\":2}\n"];
        for bytes in bad_jsonl {
            assert!(catch_unwind(|| jsonl(bytes)).is_err(), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn gzip_members_are_concatenated_and_trailing_bytes_refused() {
        let member = |text: &[u8]| {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        let mut file = [member(b"{\"n\":1}\n"), member(b"{\"n\":2.50}\n")].concat();
        let rows = jsonl(&content("k.jsonl.gz", &file));
        assert_eq!(rows[1].text, "{\"n\":2.50}");
        assert_eq!(rows[1].get("n"), Some("2.50"));
        file.extend_from_slice(b"tail");
        assert!(catch_unwind(|| gunzip(&file)).is_err());
    }
}
