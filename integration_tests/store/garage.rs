//! A second store, which is not S3: Garage (`make test-garage`). It ignores `If-None-Match`,
//! refuses streaming signed bodies and demands the name of its own region.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::garage::{Garage, REGION};
use crate::support::{read_back, readers};
use crate::world::{
    SOON, catalog, complete, connector, cursors, failure, noise, plain, record, refresh, state,
    with,
};

const FORMATS: [&str; 5] = ["csv", "csv.gz", "jsonl", "jsonl.gz", "parquet"];

/// Returns the input of two streams; one row of the second stream makes its file a multipart
/// upload.
fn input(of: u32, large: bool) -> String {
    let pad = if large { noise(u64::from(of), 9 << 20) } else { String::new() };
    let row = |stream: &str, id: u32, pad: &str| {
        record(stream, &format!("{{\"id\":{id},\"of\":{of},\"pad\":\"{pad}\"}}"))
    };
    [
        row("users", 1, ""),
        state("users", 1),
        row("users", 2, ""),
        row("orders", 1, &pad),
        row("orders", 2, ""),
        state("users", 2),
        state("orders", 3),
        complete("users"),
        complete("orders"),
    ]
    .concat()
}

fn properties() -> Value {
    json!({ "id": { "type": "integer" }, "of": { "type": "integer" }, "pad": { "type": "string" } })
}

/// Syncs, and expects every STATE back.
fn sync(garage: &Garage, settings: &Value, stream: impl Fn(&str) -> Value, input: &str) {
    let mut config = garage.config();
    for (name, value) in settings.as_object().expect("settings") {
        config[name] = value.clone();
    }
    let catalog = catalog([stream("users"), stream("orders")]);
    let outcome = connector().write(&config, &catalog).input(input).run().expect_success();
    let mut cursors = cursors(&outcome);
    cursors.sort_unstable();
    assert_eq!(cursors, [1, 2, 3]);
}

/// Returns `stream/id@sync` of every row, sorted.
fn rows(garage: &Garage, format: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for (key, bytes) in garage.bucket().objects() {
        let stream = key.split(['/', '.', '_']).next().expect("a stream").to_owned();
        let mut add = |id: &str, of: &str| rows.push(format!("{stream}/{id}@{of}"));
        let content = read_back::content(&key, &bytes);
        match format {
            "parquet" => {
                for file in readers::read([&bytes]) {
                    let (ids, ofs) = (file.table.column("id"), file.table.column("of"));
                    ids.iter()
                        .zip(ofs)
                        .for_each(|(id, of)| add(text(id).as_str(), text(of).as_str()));
                }
            }
            "csv" | "csv.gz" => {
                let table = read_back::csv(&content);
                let (ids, ofs) = (table.column("id"), table.column("of"));
                ids.iter()
                    .zip(ofs)
                    .for_each(|(id, of)| add(id.expect("an id"), of.expect("a sync")));
            }
            _ => {
                for row in read_back::jsonl(&content) {
                    add(row.get("id").expect("an id"), row.get("of").expect("a sync"));
                }
            }
        }
    }
    rows.sort();
    rows
}

/// Returns the digits of a value in canonical form.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn expected(syncs: &[u32]) -> Vec<String> {
    let of = |sync: &u32| {
        ["users/1", "users/2", "orders/1", "orders/2"].map(|row| format!("{row}@{sync}"))
    };
    let mut rows: Vec<String> = syncs.iter().flat_map(of).collect();
    rows.sort();
    rows
}

#[test]
#[ignore = "needs Garage: make test-garage"]
fn check_reports_what_garage_lacks_and_leaves_nothing() {
    let garage = Garage::start();
    let outcome = connector().check(&garage.config());
    let (status, message) = outcome.connection_status();
    assert_eq!(status, "SUCCEEDED", "{message}");
    assert!(message.contains(&format!("the bucket is in region \"{REGION}\"")), "{message}");
    assert!(message.contains("the store ignores If-None-Match"), "{message}");
    assert!(garage.bucket().objects().is_empty());

    let mut wrong = garage.config();
    wrong["s3_bucket_region"] = json!("us-east-1");
    let outcome = connector().check(&wrong);
    let (status, message) = outcome.connection_status();
    assert!(
        status == "FAILED" && message.contains("set s3_bucket_region to \"garage\""),
        "{message}"
    );
}

#[test]
#[ignore = "needs Garage: make test-garage"]
fn garage_accepts_every_format_and_every_mode() {
    let garage = Garage::start();
    for format in FORMATS {
        let settings = json!({
            "s3_bucket_key": "{stream_name}/{sync_id}_{part}.{extension}",
            "format": { "format_type": format },
            "checkpoint_interval_seconds": 0,
        });
        let of_generation = |generation: u32, mode: &'static str| {
            let minimum = if mode == "overwrite" { generation } else { 0 };
            let members = json!({
                "destination_sync_mode": mode, "generation_id": generation,
                "minimum_generation_id": minimum
            });
            move |name: &str| with(refresh(name, &properties()), &members)
        };
        sync(&garage, &settings, of_generation(1, "overwrite"), &input(1, true));
        assert_eq!(rows(&garage, format), expected(&[1]), "{format}");
        sync(&garage, &settings, of_generation(1, "append"), &input(2, false));
        assert_eq!(rows(&garage, format), expected(&[1, 2]), "{format}");
        sync(&garage, &settings, of_generation(2, "overwrite"), &input(3, true));
        assert_eq!(rows(&garage, format), expected(&[3]), "{format}");
    }
}

/// The listing at the beginning of a sync finds the keys that are taken.
#[test]
#[ignore = "needs Garage: make test-garage"]
fn garage_keeps_foreign_objects_under_a_fixed_key() {
    let garage = Garage::start();
    let settings = json!({
        "s3_bucket_key": "{stream_name}.{extension}",
        "format": { "format_type": "jsonl" },
        "checkpoint_interval_seconds": 0,
    });
    let append = |name: &str| plain(name, &properties());
    sync(&garage, &settings, append, &input(1, true));
    sync(&garage, &settings, append, &input(2, false));
    assert_eq!(rows(&garage, "jsonl"), expected(&[1, 2]));
    let keys: Vec<String> = garage.bucket().objects().into_keys().collect();
    assert!(
        keys.contains(&"users.jsonl".to_owned()) && keys.contains(&"users_2.jsonl".to_owned()),
        "{keys:?}"
    );

    // The replacement of an object under a fixed key is moved there by a copy on the server.
    let replace = |name: &str| {
        let members = json!({ "destination_sync_mode": "overwrite", "generation_id": 7,
            "minimum_generation_id": 7 });
        with(refresh(name, &properties()), &members)
    };
    let long = json!({ "checkpoint_interval_seconds": 3600 });
    let mut settings = settings;
    settings["checkpoint_interval_seconds"] = long["checkpoint_interval_seconds"].clone();
    sync(&garage, &settings, replace, &input(3, true));
    assert_eq!(rows(&garage, "jsonl"), expected(&[3]));
    let keys: Vec<String> = garage.bucket().objects().into_keys().collect();
    assert_eq!(keys, ["orders.jsonl", "users.jsonl"]);
}

/// An object that appears after the listing would be overwritten, because the store ignores the
/// condition: only the look at each key protects it.
#[test]
#[ignore = "needs Garage: make test-garage"]
fn garage_keeps_what_another_program_writes_meanwhile() {
    const THEIRS: &[u8] = b"theirs";
    for is_large in [false, true] {
        let garage = Garage::start();
        let mut config = garage.config();
        config["s3_bucket_key"] = json!("{stream_name}.{extension}");
        config["format"] = json!({ "format_type": "jsonl" });
        config["checkpoint_interval_seconds"] = json!(0);
        let pad = if is_large { noise(3, 9 << 20) } else { String::new() };
        let row = |id: u32| record("users", &format!("{{\"id\":{id},\"of\":1,\"pad\":\"{pad}\"}}"));
        let first = [row(1), state("users", 1)].concat();
        let second = [row(2), state("users", 2)].concat();
        let catalog = catalog([plain("users", &properties())]);
        let mut session = connector().write(&config, &catalog).input(first).start();
        session.wait_for_state(SOON);
        garage.bucket().put("users_2.jsonl", THEIRS, &BTreeMap::new());
        session.send(second.as_str());
        let outcome = session.finish(SOON);
        if is_large {
            // A multipart upload has its key from the start: the next attempt takes another one.
            assert!(failure(&outcome, "transient_error").contains("users_2.jsonl"), "{outcome:#?}");
            assert_eq!(cursors(&outcome), [1]);
            let outcome = connector().write(&config, &catalog).input(second).run();
            assert_eq!(cursors(&outcome.expect_success()), [2]);
        } else {
            assert_eq!(cursors(&outcome.expect_success()), [1, 2]);
        }

        let mut objects = garage.bucket().objects();
        assert!(
            objects.remove("users_2.jsonl").is_some_and(|content| content == THEIRS),
            "overwritten"
        );
        let keys: Vec<&String> = objects.keys().collect();
        assert_eq!(keys, ["users.jsonl", "users_3.jsonl"]);
        assert_eq!(read_back::jsonl_rows(&objects).len(), 2);
        assert_eq!(garage.bucket().open_uploads(), 0);
    }
}

/// A list with a wrong module name would run nothing and pass.
#[test]
fn make_test_garage_runs_existing_modules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let makefile = fs::read_to_string(root.join("Makefile")).unwrap().replace("\\\n", "");
    let line =
        makefile.lines().find_map(|line| line.strip_prefix("GARAGE_SUITE :=")).expect("the list");
    let modules: Vec<&str> = line.split_whitespace().collect();
    assert!(modules.len() > 10, "{modules:?}");
    for module in modules.into_iter().chain(["store::garage"]) {
        let path = root.join("integration_tests").join(module.replace("::", "/"));
        assert!(path.with_extension("rs").is_file() || path.join("mod.rs").is_file(), "{module}");
    }
}
