//! Stores that accept a multipart upload only if all parts but the last have the same length
//! (Cloudflare R2).

use serde_json::{Value, json};

use crate::support::faulty_s3::{FaultyS3, Quirk};
use crate::support::{read_back, readers};
use crate::world::{BUCKET, catalog, complete, connector, noise, record, refresh, state};

const ROWS: usize = 28;

/// Returns rows whose lengths fit no part, one of them longer than two parts, and a STATE in
/// between: catalog, messages, and the length of all texts.
fn rows(streams: usize) -> (Value, String, usize) {
    let names: Vec<String> = (0..streams).map(|ix| format!("stream_{ix}")).collect();
    let properties = json!({ "id": { "type": "integer" }, "text": { "type": "string" } });
    let catalog = catalog(names.iter().map(|name| refresh(name, &properties)));
    let text = noise(1, 17_000_003);
    let (mut input, mut sent) = (String::new(), 0);
    for id in 0..ROWS {
        let length = if id == 7 { text.len() } else { 900_000 + 31 * id };
        let text = text.get(text.len() - length..).unwrap();
        let name = &names[id % streams];
        input.push_str(&record(name, &format!(r#"{{"id":{id},"text":"{text}"}}"#)));
        sent += length;
        if id == 20 {
            input.push_str(&state(name, 1));
        }
    }
    input.extend(names.iter().map(|name| state(name, 2) + &complete(name)));
    (catalog, input, sent)
}

/// Syncs with files that are closed by the end, by their size, and because memory is short.
fn equal_parts(format: &str) {
    for (file_size_mb, memory_limit_mb, streams) in [(200, 256, 1), (20, 256, 1), (200, 64, 3)] {
        let server = FaultyS3::start();
        server.create_bucket(BUCKET);
        server.add_quirk(Quirk::WantsEqualParts);
        let (catalog, input, sent) = rows(streams);
        let mut config = server.config(BUCKET);
        config["format"] = json!({ "format_type": format });
        config["file_size_mb"] = json!(file_size_mb);
        config["memory_limit_mb"] = json!(memory_limit_mb);
        connector().write(&config, &catalog).input(input).run().expect_success();
        let what = format!("{format} {file_size_mb} {memory_limit_mb}");
        let uploads = server.part_lengths();
        assert!(uploads.iter().any(|parts| parts.len() > 1), "{what}: {uploads:?}");
        for parts in &uploads {
            let (last, others) = parts.split_last().unwrap();
            assert!(
                others.iter().all(|part| *part == others[0] && last <= part),
                "{what}: {uploads:?}"
            );
        }
        let objects = server.objects(BUCKET);
        if format == "parquet" {
            let files = readers::read(objects.values());
            let rows: usize = files.iter().map(|file| file.table.rows.len()).sum();
            assert_eq!(rows, ROWS, "{what}");
        } else {
            let stored: usize =
                objects.iter().map(|(key, bytes)| read_back::content(key, bytes).len()).sum();
            assert!(stored > sent, "{what}: {stored} bytes of {sent}");
        }
    }
}

#[test]
fn parts_have_one_length_in_jsonl_however_a_file_is_closed() {
    equal_parts("jsonl");
}

#[test]
fn parts_have_one_length_in_csv_gz_however_a_file_is_closed() {
    equal_parts("csv.gz");
}

#[test]
fn parts_have_one_length_in_parquet_however_a_file_is_closed() {
    equal_parts("parquet");
}
