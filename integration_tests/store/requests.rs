//! The requests that a whole sync sends to S3, one by one.

use serde_json::json;

use crate::support::faulty_s3::{FaultyS3, Operation};
use crate::support::read_back;
use crate::world::{BUCKET, complete, connector, cursors, jsonl_and, noise, record, state, users};

/// The requests of a sync of one small object.
const WHOLE: [Operation; 3] = [Operation::List, Operation::Head, Operation::Put];
/// The requests of a sync of 18 MiB in parts of 8 MiB.
const IN_PARTS: [Operation; 8] = [
    Operation::List,
    Operation::Head,
    Operation::Create,
    Operation::Part,
    Operation::Part,
    Operation::Part,
    Operation::Head,
    Operation::Complete,
];

/// Small and multipart syncs send exactly these requests, and store what was sent.
#[test]
fn a_sync_sends_no_more_requests_than_it_needs() {
    for (rows, row_bytes, operations) in [(3, 10, &WHOLE[..]), (18, 1 << 20, &IN_PARTS[..])] {
        let server = FaultyS3::start();
        server.create_bucket(BUCKET);
        let mut config = server.config(BUCKET);
        config["format"] = jsonl_and(&json!({}))["format"].clone();
        let pads: Vec<String> = (1..=rows).map(|id| noise(id, row_bytes)).collect();
        let line = |(id, pad): (u32, &String)| {
            record("users", &format!("{{\"id\":{id},\"pad\":\"{pad}\"}}"))
        };
        let records: String = (1..).zip(&pads).map(line).collect();
        let input = records + &state("users", 7) + &complete("users");
        let outcome = connector().write(&config, &users()).input(input).run().expect_success();
        assert_eq!(cursors(&outcome), [7]);

        let objects = server.objects(BUCKET);
        let (key, content) = objects.first_key_value().expect("an object");
        assert_eq!(objects.len(), 1, "{:?}", objects.keys());
        let stored = read_back::jsonl(content);
        let stored = stored.iter().map(|row| row.get("pad").expect("a pad").trim_matches('"'));
        assert!(stored.eq(&pads), "{rows} rows are not what was sent");

        let metadata = server.metadata(BUCKET, key);
        assert_eq!(metadata["stream"], "users");
        assert_eq!(metadata["generation-id"], "5");
        assert_eq!(metadata["destination-s3-token"].len(), 36);
        let requests = server.requests();
        let asked: Vec<Operation> = requests.iter().map(|request| request.operation).collect();
        assert_eq!(asked, operations);
        for request in &requests {
            // The key is free.
            let is_look = request.operation == Operation::Head;
            assert_eq!(request.status, if is_look { 404 } else { 200 }, "{requests:#?}");
            assert!(request.done || is_look, "{requests:#?}");
        }
        assert!(requests[1..].iter().all(|request| request.key == *key), "{requests:#?}");
        assert_eq!((server.open_uploads(), server.open_parts()), (0, 0));
        let parts = if rows == 3 { "" } else { "-3" };
        assert!(server.etag(BUCKET, key).ends_with(parts));
    }
}
