//! Values that a Parquet column cannot hold, or holds in a way that readers cannot show.

use serde_json::{Value, json};

use crate::parquet::{input, nulled, run, too_large};
use crate::sent::ADDITIONAL;
use crate::world::refresh;

fn date() -> Value {
    json!({ "type": "string", "format": "date" })
}

/// A bad value became null and was lost.
#[test]
fn a_value_that_does_not_fit_is_kept_by_its_text() {
    let properties = json!({
        "id": { "type": "integer" },
        "day": date(),
        "a": { "type": "object", "properties": { "x": { "type": "number" } } },
        "items": { "type": "array",
            "items": { "type": "object", "properties": { "price": { "type": "number" } } } },
    });
    let records = [
        r#"{"id":"A-17","day":"24-02-29","a":[1, "two"],"items":[{"price":1},{"price":"free"},null,7]}"#,
        r#"{"id":18446744073709551615,"a":{"x":1e400,"y":"undeclared"}}"#,
        // Lost digits are reported; the nearest value is in the column.
        r#"{"id":1,"a":{"x":50000.0000000000000001}}"#,
        r#"{"id":"bad","id":2}"#,
    ];
    let stream = refresh("s", &properties);
    let input = input("s", &records);
    let mut rows = [
        json!({
            "items": [{ "price": "1.0" }, { "price": null }, null, null],
            "changes": [nulled("id"), nulled("day"), nulled("a"), nulled("items.1.price"),
                nulled("items.3")],
            ADDITIONAL: r#"{"id":"A-17","day":"24-02-29","a":[1, "two"],"items.1.price":"free","items.3":7}"#,
        }),
        json!({
            "a": { "x": null },
            "changes": [too_large("id"), too_large("a.x")],
            ADDITIONAL: r#"{"a.y":"undeclared","id":18446744073709551615,"a.x":1e400}"#,
        }),
        json!({ "id": 1, "a": { "x": "50000.0" }, "changes": [crate::parquet::cut("a.x")] }),
        json!({ "id": 2 }),
    ];
    run(&stream, &json!({}), &input).assert_rows(&rows);

    // Without metadata columns only the text says so.
    let unsaid = rows.clone().map(|mut row| {
        row.as_object_mut().unwrap().remove("changes");
        row
    });
    run(&stream, &json!({ "metadata_columns": "none" }), &input).assert_rows(&unsaid);

    // If the user does not want such a column, the values are counted as before, and do not count
    // as undeclared fields.
    for row in &mut rows {
        row.as_object_mut().unwrap().remove(ADDITIONAL);
    }
    let dropped = run(&stream, &json!({ "undeclared_fields": "drop" }), &input);
    dropped.assert_rows(&rows);
    let told = dropped.outcome.logs("INFO").join("\n") + &dropped.outcome.logs("WARN").join("\n");
    assert!(told.contains("1 undeclared fields dropped"), "{told}");
    assert!(told.contains("\"id\" 2") && told.contains("\"items.*.price\" 1"), "{told}");
}

#[test]
fn blanks_around_numbers_in_strings_are_ignored() {
    let properties = json!({
        "i": { "type": "integer" },
        "n": { "type": "number" },
        "b": { "type": "integer", "airbyte_type": "big_integer" },
    });
    let records = [r#"{"i":" 12","n":"2.5 ","b":"\t7\n"}"#, r#"{"i":"1 2","n":"- 1","b":" "}"#];
    let input = input("s", &records);
    let stream = refresh("s", &properties);
    let bad = json!({ "changes": [nulled("i"), nulled("n"), nulled("b")],
        ADDITIONAL: r#"{"i":"1 2","n":"- 1","b":" "}"# });
    run(&stream, &json!({}), &input)
        .assert_rows(&[json!({ "i": 12, "n": "2.5", "b": "7" }), bad.clone()]);
    let options = json!({ "numbers": "text", "integers": "text" });
    run(&stream, &options, &input)
        .assert_rows(&[json!({ "i": "12", "n": "2.5", "b": "7" }), bad.clone()]);
    let options = json!({ "numbers": "decimal", "decimal_scale": 1, "integers": "decimal" });
    run(&stream, &options, &input).assert_rows(&[json!({ "i": "12", "n": "2.5", "b": "7" }), bad]);
}

/// What Java, JavaScript and Python print for doubles that JSON has no number for. All engines read
/// them back, from a file whose statistics leave them out.
#[test]
fn nan_and_the_infinities_of_strings_are_doubles() {
    let properties = json!({ "n": { "type": "number" }, "i": { "type": "integer" } });
    let records = [
        r#"{"n":"NaN"}"#,
        r#"{"n":"Infinity"}"#,
        r#"{"n":"-Infinity"}"#,
        r#"{"n":1.5}"#,
        r#"{"n":"nan"}"#,
        r#"{"i":"NaN"}"#,
    ];
    let stream = refresh("s", &properties);
    let no_double = |name: &str, text: &str| json!({ "changes": [nulled(name)], ADDITIONAL: text });
    run(&stream, &json!({}), &input("s", &records)).assert_rows(&[
        json!({ "n": "nan" }),
        json!({ "n": "inf" }),
        json!({ "n": "-inf" }),
        json!({ "n": "1.5" }),
        no_double("n", r#"{"n":"nan"}"#),
        no_double("i", r#"{"i":"NaN"}"#),
    ]);
    // Only NaN: a row group without minimum and maximum.
    run(&stream, &json!({}), &input("s", &[r#"{"n":"NaN"}"#]))
        .assert_rows(&[json!({ "n": "nan" })]);
}

/// Dates of XML Schema may have an offset.
#[test]
fn dates_with_an_offset_fit_a_date() {
    let properties = json!({ "d": date(), "t": { "type": "string", "format": "date-time" } });
    let records = [
        r#"{"d":"2024-02-29Z","t":"2024-02-29Z"}"#,
        r#"{"d":"2024-02-29+02:00","t":"2024-02-29+02:00"}"#,
        r#"{"d":"2024-02-29-11:00","t":"2024-02-29-11:00"}"#,
        // This could be an hour.
        r#"{"d":"2024-02-29-11"}"#,
    ];
    run(&refresh("s", &properties), &json!({}), &input("s", &records)).assert_rows(&[
        json!({ "d": "2024-02-29", "t": "2024-02-29T00:00:00Z" }),
        json!({ "d": "2024-02-29", "t": "2024-02-28T22:00:00Z" }),
        json!({ "d": "2024-02-29", "t": "2024-02-29T11:00:00Z" }),
        json!({ "changes": [nulled("d")], ADDITIONAL: r#"{"d":"2024-02-29-11"}"# }),
    ]);
}

/// `24-04-14` became 2024, and so did a date of 1924.
#[test]
fn years_of_two_digits_are_not_guessed() {
    let properties = json!({
        "d": date(),
        "t": { "type": "string", "format": "date-time" },
        "l": { "type": "string", "format": "date-time",
            "airbyte_type": "timestamp_without_timezone" },
    });
    let record = r#"{"d":"24-04-14","t":"99/12/31 10:00","l":"01.02.03 00:00:00"}"#;
    run(&refresh("s", &properties), &json!({}), &input("s", &[record])).assert_rows(&[
        json!({ "changes": [nulled("d"), nulled("t"), nulled("l")], ADDITIONAL: record }),
    ]);
}

/// One such value keeps a whole file out of pandas, Delta and Iceberg, and ClickHouse shows another
/// year.
#[test]
fn years_that_readers_cannot_show_are_null() {
    let properties = json!({
        "d": date(),
        "t": { "type": "string", "format": "date-time" },
        "l": { "type": "string", "format": "date-time",
            "airbyte_type": "timestamp_without_timezone" },
    });
    let outside = [
        r#"{"d":"12345-01-01","t":"0000-12-31T23:59:59Z","l":"10000-01-01T00:00:00"}"#,
        r#"{"d":"0000-01-01","t":"300000-01-01T00:00:00Z","l":"12345-01-01"}"#,
        // In UTC their year differs from the year in their text.
        r#"{"d":"0000-12-31","t":"0001-01-01T00:00:00+00:01","l":"0000-12-31T23:59:59"}"#,
        r#"{"d":"10000-01-01","t":"9999-12-31T23:59:59-00:01","l":"9999999-12-31T00:00:00"}"#,
    ];
    let inside = [
        r#"{"d":"0001-01-01","t":"0001-01-01T00:00:00Z","l":"0001-01-01T00:00:00+12:00"}"#,
        r#"{"d":"9999-12-31","t":"9999-12-31T23:59:59.999999Z","l":"9999-12-31T23:59:59-12:00"}"#,
    ];
    let nothing = |record: &str| {
        json!({ "changes": [too_large("d"), too_large("t"),
        too_large("l")], ADDITIONAL: record })
    };
    let stream = refresh("s", &properties);
    run(&stream, &json!({}), &input("s", &[outside.as_slice(), &inside].concat())).assert_rows(&[
        nothing(outside[0]),
        nothing(outside[1]),
        nothing(outside[2]),
        nothing(outside[3]),
        json!({ "d": "0001-01-01", "t": "0001-01-01T00:00:00Z", "l": "0001-01-01T00:00:00" }),
        json!({ "d": "9999-12-31", "t": "9999-12-31T23:59:59.999999Z",
            "l": "9999-12-31T23:59:59" }),
    ]);
}

/// `{"a":{"x":1},"a.x":2}` made an object with the name `a.x` twice, of which every reader shows
/// one.
#[test]
fn additional_properties_have_no_duplicate_names() {
    let properties = json!({
        "a": { "type": "object", "properties": { "n": { "type": "integer" } } },
        "l": { "type": "array",
            "items": { "type": "object", "properties": { "n": { "type": "integer" } } } },
    });
    let records = [
        r#"{"a":{"x":1},"a.x":2}"#,
        r#"{"a.x":2,"a.x_2":3,"a":{"x":1}}"#,
        r#"{"a":{"n":"no"},"a.n":true}"#,
        r#"{"l":[{"x":1,"n":{}}],"l.0.x":2,"l.0.n":3}"#,
    ];
    let rows = run(&refresh("s", &properties), &json!({}), &input("s", &records));
    rows.assert_rows(&[
        json!({ "a": { "n": null }, ADDITIONAL: r#"{"a.x_2":1,"a.x":2}"# }),
        json!({ "a": { "n": null }, ADDITIONAL: r#"{"a.x":2,"a.x_2":3,"a.x_3":1}"# }),
        json!({ "a": { "n": null }, "changes": [nulled("a.n")],
            ADDITIONAL: r#"{"a.n":true,"a.n_2":"no"}"# }),
        json!({ "l": [{ "n": null }], "changes": [nulled("l.0.n")],
            ADDITIONAL: r#"{"l.0.x_2":1,"l.0.x":2,"l.0.n":3,"l.0.n_2":{}}"# }),
    ]);
}

/// The record's own metadata as the oracle computes it: its changes come first, ours follow.
#[test]
fn our_changes_follow_those_of_the_record() {
    let stream = refresh("s", &json!({ "id": { "type": "integer" } }));
    let theirs = r#"{"field":"f","change":"NULLED","reason":"SOURCE_RETRIEVAL_ERROR"}"#;
    let records = [
        format!(r#"{{"id":"bad","_airbyte_meta":{{"sync_id":"x","changes":[{theirs}]}}}}"#),
        r#"{"id":"bad","_airbyte_meta":{"sync_id":3}}"#.to_owned(),
    ];
    let theirs: Value = serde_json::from_str(theirs).unwrap();
    for options in [json!({}), json!({ "nested": "json" })] {
        run(&stream, &options, &input("s", &records)).assert_rows(&[
            json!({ "changes": [theirs, nulled("id"), nulled("_airbyte_meta.sync_id")],
                ADDITIONAL: r#"{"id":"bad","_airbyte_meta.sync_id":"x"}"# }),
            json!({ "changes": [nulled("id")], ADDITIONAL: r#"{"id":"bad"}"# }),
        ]);
    }
}

/// Leading and trailing zeros of a number are not digits that a double must preserve.
#[test]
fn number_spellings_that_lose_nothing() {
    let stream = refresh("s", &json!({ "n": { "type": "number" }, "i": { "type": "integer" } }));
    let records = [
        r#"{"n":0.10000000000000000000000,"i":0e999999999999999999999}"#,
        r#"{"n":100000000000000000000000,"i":"007"}"#,
        r#"{"n":".5","i":"5."}"#,
    ];
    run(&stream, &json!({}), &input("s", &records)).assert_rows(&[
        json!({ "n": "0.1", "i": 0 }),
        json!({ "n": "1e+23", "i": 7 }),
        json!({ "n": "0.5", "i": 5 }),
    ]);
}
