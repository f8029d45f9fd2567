//! Catalogs as platforms send them, and what is wrong with others.

use super::*;
use serde_json::json;

fn parse(catalog: &Value) -> Result<Catalog, CatalogError> {
    Catalog::parse(catalog.to_string().as_bytes())
}

fn one(stream: &Value, beside: &Value) -> Value {
    let mut entry = json!({"stream": stream, "destination_sync_mode": "append"});
    for (name, value) in beside.as_object().unwrap() {
        entry[name] = value.clone();
    }
    json!({ "streams": [entry] })
}

#[test]
fn a_catalog_of_the_refresh_dialect_is_read_with_all_its_spellings() {
    let catalog = parse(&json!({"unknown": 1, "streams": [
        {
            "stream": {
                "name": "users", "namespace": "crm", "unknown": [],
                "json_schema": {"properties": {"z": {"type": "integer"}, "a": true}},
                "default_cursor_field": ["updated_at"],
            },
            "sync_mode": "incremental", "destination_sync_mode": "append_dedup", "cursor_field": [],
            "generation_id": 4.0, "minimum_generation_id": 4, "sync_id": null,
        },
        {
            "stream": {"name": "users", "namespace": null, "json_schema": null},
            "destination_sync_mode": "append", "cursor_field": ["id", "x"],
            "generation_id": 3, "minimum_generation_id": 0, "sync_id": 71,
        },
    ]}))
    .unwrap();
    assert_eq!((catalog.dialect, catalog.sync_id), (Dialect::Refresh, Some(71)));
    let [first, second] = catalog.streams.as_slice() else { panic!("two streams") };
    let names: Vec<&str> = first.properties.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["z", "a"]);
    assert_eq!(first.mode, DestinationMode::AppendDedup);
    assert_eq!(first.old_objects(), OldObjects::RemoveOlderThan(4));
    assert_eq!(first.cursor_field, ["updated_at"]);
    assert_eq!((second.mode, second.old_objects()), (DestinationMode::Append, OldObjects::Keep));
    assert_eq!(second.cursor_field, ["id", "x"]);
    let descriptors: Vec<_> =
        catalog.streams.iter().map(|stream| stream.descriptor.to_string()).collect();
    assert_eq!(descriptors, ["crm.users", "users"]);
    let warnings = catalog.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("stream crm.users "), "{warnings:?}");
}

#[test]
fn without_generations_it_is_the_plain_dialect() {
    for nothing in
        [json!({}), json!({"generation_id": null, "minimum_generation_id": null, "sync_id": null})]
    {
        let catalog = parse(&one(&json!({"name": "s"}), &nothing)).unwrap();
        assert_eq!((catalog.dialect, catalog.sync_id), (Dialect::Plain, None));
        assert!(catalog.warnings().is_empty());
    }
}

#[test]
fn the_mode_and_the_minimum_say_what_becomes_of_old_objects() {
    use OldObjects::{Keep, RemoveOlderThan, RemoveOthers};
    let cases = [
        ("append", json!(7), json!(0), Keep),
        ("append", json!(0), json!(0), Keep),
        ("append", json!(null), json!(null), Keep),
        ("append", json!(7), json!(null), Keep),
        ("append", json!(-1), json!(-1), Keep),
        ("append", json!(1), json!(1), RemoveOlderThan(1)),
        ("append_dedup", json!(7), json!(7), RemoveOlderThan(7)),
        ("append", json!(7), json!(6), RemoveOlderThan(6)),
        ("overwrite", json!(7), json!(7), RemoveOthers),
        ("overwrite", json!(7), json!(0), RemoveOthers),
        ("overwrite", json!(0), json!(0), RemoveOthers),
        ("overwrite", json!(null), json!(null), RemoveOthers),
    ];
    for (mode, generation, minimum, expected) in cases {
        let ids = json!({
            "destination_sync_mode": mode, "generation_id": generation,
            "minimum_generation_id": minimum,
        });
        let catalog = parse(&one(&json!({"name": "s"}), &ids)).unwrap();
        assert_eq!(catalog.streams[0].old_objects(), expected, "{ids}");
    }
}

#[test]
fn odd_schemas_have_no_properties_and_odd_cursors_are_none() {
    for odd in
        [json!(null), json!(true), json!("{}"), json!([]), json!({}), json!({"properties": []})]
    {
        let catalog = parse(&one(&json!({"name": "s", "json_schema": odd}), &json!({}))).unwrap();
        assert!(catalog.streams[0].properties.is_empty());
    }
    let cursors = [
        (json!(["a"]), json!(["d"]), vec!["a"]),
        (json!("a"), json!(["d"]), vec!["a"]),
        (json!([]), json!(["d", "e"]), vec!["d", "e"]),
        (json!(null), json!(null), vec![]),
        (json!([1]), json!({}), vec![]),
        (json!([""]), json!([]), vec![]),
    ];
    for (own, default, expected) in cursors {
        let catalog = parse(&one(
            &json!({"name": "s", "default_cursor_field": default}),
            &json!({"cursor_field": own}),
        ));
        assert_eq!(catalog.unwrap().streams[0].cursor_field, expected, "{own}");
    }
}

#[test]
fn what_cannot_be_done_is_refused_by_the_streams_name() {
    let named = json!({"name": "s", "namespace": "n"});
    let mode = |mode: Value| one(&named, &json!({"destination_sync_mode": mode}));
    let plain = &one(&named, &json!({}))["streams"][0];
    let empty = &one(&json!({"name": "s", "namespace": ""}), &json!({}))["streams"][0];
    let absent = &one(&json!({"name": "s"}), &json!({}))["streams"][0];
    let cases = [
        (
            json!([]),
            "the catalog is not a configured catalog: it must be a JSON object with a list \
             `streams`",
        ),
        (
            json!({"streams": {}}),
            "the catalog is not a configured catalog: it must be a JSON object with a list \
             `streams`",
        ),
        (
            json!({"streams": []}),
            "the catalog has no streams; select at least one in the connection",
        ),
        (json!({"streams": [plain, 1]}), "stream number 2 of the catalog has no name"),
        (json!({"streams": [{"stream": null}]}), "stream number 1 of the catalog has no name"),
        (one(&json!({"name": ""}), &json!({})), "stream number 1 of the catalog has no name"),
        (
            json!({"streams": [plain, plain]}),
            "the catalog has two streams with the name n.s, so their records cannot be told apart; \
             remove one, or give them different namespaces",
        ),
        (
            json!({"streams": [empty, absent]}),
            "the catalog has two streams with the name s, so their records cannot be told apart; \
             remove one, or give them different namespaces",
        ),
        (
            mode(json!("update")),
            "stream n.s uses the sync mode update, which a file destination does not support; \
             choose append or overwrite",
        ),
        (
            mode(json!("soft_delete")),
            "stream n.s uses the sync mode soft_delete, which a file destination does not support; \
             choose append or overwrite",
        ),
        (
            mode(json!("Append")),
            "stream n.s has an unknown destination_sync_mode; choose append or overwrite",
        ),
        (
            mode(json!(7)),
            "stream n.s has an unknown destination_sync_mode; choose append or overwrite",
        ),
        (mode(json!(null)), "stream n.s has no destination_sync_mode; choose append or overwrite"),
        (
            one(&named, &json!({"generation_id": "4"})),
            "stream n.s has a generation_id that is not a whole number",
        ),
        (
            one(&named, &json!({"minimum_generation_id": 1e300})),
            "stream n.s has a minimum_generation_id that is not a whole number",
        ),
        (
            one(&named, &json!({"generation_id": 4, "minimum_generation_id": 5})),
            "stream n.s has minimum_generation_id 5, which is above its generation_id 4, so this \
             sync would have to remove its own rows; report this to the platform",
        ),
        (
            one(&named, &json!({"sync_id": 1.5})),
            "stream n.s has a sync_id that is not a whole number",
        ),
    ];
    for (catalog, expected) in cases {
        let error = parse(&catalog).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.failure_type(), FailureType::Config);
    }
    let settings =
        json!({"s3_bucket_name": "lake", "authentication": {"auth_type": "default_chain"}});
    assert_eq!(
        parse(&settings).unwrap_err().to_string(),
        "the catalog file holds settings: are --config and --catalog swapped?"
    );
    // It was said to have no name.
    let discovered = json!({"streams": [{"name": "users", "json_schema": {},
        "supported_sync_modes": ["full_refresh"]}]});
    for catalog in [discovered.clone(), json!({"type": "CATALOG", "catalog": discovered})] {
        let message = parse(&catalog).unwrap_err().to_string();
        assert!(message.starts_with("the catalog is a discovered catalog"), "{message}");
        assert!(message.contains(r#"{"stream": STREAM, "sync_mode""#), "{message}");
    }
    let yaml = Catalog::parse(b"streams:\n- name: users\n").unwrap_err();
    assert_eq!(yaml.to_string(), "the catalog is not JSON: it looks like YAML; write it as JSON");
    let marked = [b"\xef\xbb\xbf", one(&named, &json!({})).to_string().as_bytes()].concat();
    assert!(Catalog::parse(&marked).is_ok(), "a byte order mark is no part of a text");
    let error = Catalog::parse(b"{\"streams\": [").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the catalog is not JSON: the JSON text ends too early at line 1, column 13"
    );
}

#[test]
fn a_catalog_that_is_not_json_is_refused_with_the_stream() {
    for (text, expected) in [
        (
            r#"{"streams":[{"stream":{"name":"a"}},{"stream":{"name":"b","namespace":"n","json_schema":{"maximum":NaN}}}]}"#,
            "the catalog is not JSON: NaN is not a JSON number at line 1, column 100, in \
             stream n.b",
        ),
        (
            r#"{"streams":[{"stream":{"name":"a"}},{"stream":{"json_schema":{"minimum":-Infinity}"#,
            "the catalog is not JSON: -Infinity is not a JSON number at line 1, column 73, in \
             stream number 2",
        ),
    ] {
        assert_eq!(Catalog::parse(text.as_bytes()).unwrap_err().to_string(), expected);
    }
}

#[test]
fn whatever_is_json_is_a_catalog_and_what_cannot_be_used_is_ignored() {
    let deep =
        |levels: usize, open: &str, close: &str| open.repeat(levels) + "1" + &close.repeat(levels);
    for (odd, same) in [
        (r#"{"type":"string","description":"cut \ud83d"}"#, None),
        (r#"{"type":"string","maximum":1e400,"minimum":-1e999}"#, None),
        (&format!(r#"{{"type":"string","default":{}}}"#, deep(1_100, "[", "]")), None),
        (&format!(r#"{{"type":"string","default":{}}}"#, deep(500, r#"{"a":"#, "}")), None),
        (&deep(61, r#"{"type":"object","properties":{"a":"#, "}}"), Some(())),
    ] {
        let text = format!(
            r#"{{"streams":[{{"destination_sync_mode":"append","cursor_field":["v"],"stream":{{"name":"s","json_schema":{{"properties":{{"v":{odd},"w":{{"type":"integer"}}}}}}}}}}]}}"#
        );
        let catalog = Catalog::parse(text.as_bytes()).unwrap();
        let [(v, schema), (w, _)] = catalog.streams[0].properties.as_slice() else {
            panic!("{odd}")
        };
        assert_eq!((v.as_str(), w.as_str()), ("v", "w"));
        let kind = if same.is_some() { "object" } else { "string" };
        assert_eq!(schema["type"], kind, "{odd}");
    }
    // A number that decides over old data is not made another one.
    let text = r#"{"streams":[{"destination_sync_mode":"append","generation_id":1e400,"stream":{"name":"s"}}]}"#;
    assert_eq!(
        Catalog::parse(text.as_bytes()).unwrap_err().to_string(),
        "stream s has a generation_id that is not a whole number"
    );
}

#[test]
fn the_example_catalogs_are_what_their_names_say() {
    let example = |text: &str| Catalog::parse(text.as_bytes()).unwrap();
    let append = example(include_str!("../../../spec/examples/catalogs/append.json"));
    let plain = example(include_str!("../../../spec/examples/catalogs/plain.json"));
    let refresh = example(include_str!("../../../spec/examples/catalogs/refresh.json"));
    let overwrite = example(include_str!("../../../spec/examples/catalogs/overwrite.json"));
    assert!(append.streams.iter().all(|stream| stream.old_objects() == OldObjects::Keep));
    assert!(
        overwrite.streams.iter().all(|stream| stream.old_objects() == OldObjects::RemoveOthers)
    );
    assert_eq!(refresh.streams[0].old_objects(), OldObjects::RemoveOlderThan(4));
    assert_eq!((plain.dialect, refresh.dialect), (Dialect::Plain, Dialect::Refresh));
    assert_eq!(append.warnings(), Vec::<String>::new());
}
