//! Listings that are truncated or never end.

use super::*;
use crate::store::{Listing, ListingFault};

/// One page: keys and folders, whether it is truncated, and its token.
fn page(names: &[&str], is_truncated: Option<bool>, token: Option<&str>) -> Reply {
    let name = |name: &&str| match name.ends_with('/') {
        true => format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"),
        false => format!("<Contents><Key>{name}</Key></Contents>"),
    };
    let names: String = names.iter().map(name).collect();
    let cut = is_truncated.map(|is| format!("<IsTruncated>{is}</IsTruncated>")).unwrap_or_default();
    let token = token
        .map(|token| format!("<NextContinuationToken>{token}</NextContinuationToken>"))
        .unwrap_or_default();
    let body = format!("<ListBucketResult>{cut}{token}{names}</ListBucketResult>");
    Reply::Answer("200 OK\r\nContent-Type: application/xml".to_owned(), body)
}

fn cut(names: &[&str], token: Option<&str>) -> Reply {
    page(names, Some(true), token)
}

fn last(names: &[&str]) -> Reply {
    page(names, Some(false), None)
}

/// How each page was requested: nothing, `token=...` or `after=...`.
fn asked(server: &Scripted) -> Vec<String> {
    let how = |request: &String| {
        let query =
            request.split(' ').nth(1).and_then(|path| path.split_once('?')).unwrap().1.to_owned();
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut how = pairs.filter_map(|(name, value)| match name {
            "continuation-token" => Some(format!("token={value}")),
            "start-after" => Some(format!("after={value}")),
            _ => None,
        });
        how.next().unwrap_or_default()
    };
    server.requests().iter().map(how).collect()
}

#[tokio::test]
async fn a_truncated_listing_is_continued_by_name_or_is_an_error() {
    use ListingFault::{NoToken, Repeats, SameToken};
    type Row = (
        &'static str,
        Vec<Reply>,
        &'static [&'static str],
        Result<&'static [&'static str], ListingFault>,
    );
    let table: Vec<Row> = vec![
        ("whole", vec![last(&["a", "b"])], &[""], Ok(&["a", "b"])),
        ("no word about an end", vec![page(&["a"], None, None)], &[""], Ok(&["a"])),
        (
            "no word about an end, but a token",
            vec![page(&["a"], None, Some("t")), page(&["b"], None, None)],
            &["", "token=t"],
            Ok(&["a", "b"]),
        ),
        (
            "the end, and a token all the same",
            vec![page(&["a"], Some(false), Some("t"))],
            &[""],
            Ok(&["a"]),
        ),
        (
            "no token",
            vec![cut(&["a", "b"], None), cut(&["c"], None), last(&["d"])],
            &["", "after=b", "after=c"],
            Ok(&["a", "b", "c", "d"]),
        ),
        (
            "a folder of many keys on each of their pages",
            vec![
                cut(&["a", "f/"], Some("1")),
                cut(&["f/"], Some("2")),
                cut(&["f/"], Some("3")),
                cut(&["f/", "g"], Some("4")),
                last(&["h/"]),
            ],
            &["", "token=1", "token=2", "token=3", "token=4"],
            Ok(&["a", "g", "f/", "h/"]),
        ),
        (
            "an empty token",
            vec![cut(&["a"], Some("")), last(&["b"])],
            &["", "after=a"],
            Ok(&["a", "b"]),
        ),
        (
            "no token, and tokens later: they are not trusted any more",
            vec![cut(&["a"], None), cut(&["b"], Some("t")), last(&["c"])],
            &["", "after=a", "after=b"],
            Ok(&["a", "b", "c"]),
        ),
        ("no token, no name", vec![cut(&[], None)], &[""], Err(NoToken)),
        ("no token, no order", vec![cut(&["b", "a"], None)], &[""], Err(NoToken)),
        (
            "no token, and start-after is not known",
            vec![cut(&["a", "b"], None), cut(&["a", "b"], None)],
            &["", "after=b"],
            Err(Repeats),
        ),
        (
            "no token, and start-after ends nowhere",
            vec![cut(&["a"], None), cut(&[], None)],
            &["", "after=a"],
            Err(NoToken),
        ),
        (
            "no token, and start-after begins with the name itself",
            vec![cut(&["a", "b"], None), last(&["b", "c"])],
            &["", "after=b"],
            Ok(&["a", "b", "c"]),
        ),
        (
            "sorted without case",
            vec![cut(&["a", "b"], None), last(&["C", "d"])],
            &["", "after=b"],
            Err(Repeats),
        ),
        (
            "the same token again",
            vec![cut(&["a"], Some("t")), cut(&["b"], Some("t")), last(&["c"])],
            &["", "token=t", "after=b"],
            Ok(&["a", "b", "c"]),
        ),
        (
            "the same token and the same page again",
            vec![cut(&["a"], Some("t")), cut(&["a"], Some("t")), last(&["b"])],
            &["", "token=t", "after=a"],
            Ok(&["a", "b"]),
        ),
        (
            "the same token again, and no name",
            vec![cut(&[], Some("t")), cut(&[], Some("t"))],
            &["", "token=t"],
            Err(SameToken),
        ),
        (
            "the same token again, and no order",
            vec![cut(&["b"], Some("t")), cut(&["a"], Some("t"))],
            &["", "token=t"],
            Err(SameToken),
        ),
        (
            "no order, but tokens",
            vec![cut(&["b"], Some("t")), cut(&["a"], Some("u")), last(&["c"])],
            &["", "token=t", "token=u"],
            Ok(&["b", "a", "c"]),
        ),
        (
            "in a circle",
            vec![
                cut(&["a"], Some("t")),
                cut(&["b"], Some("u")),
                cut(&["a"], Some("v")),
                cut(&["b"], Some("w")),
            ],
            &["", "token=t", "token=u", "token=v"],
            Err(Repeats),
        ),
        (
            "some pages without a name",
            vec![cut(&[], Some("t")), cut(&[], Some("u")), last(&["a"])],
            &["", "token=t", "token=u"],
            Ok(&["a"]),
        ),
        (
            "after a folder",
            vec![cut(&["a", "f/"], None), last(&["g"])],
            &["", "after=f%2f%f4%8f%bf%bf"],
            Ok(&["a", "f/", "g"]),
        ),
    ];
    for (name, script, requests, expected) in table {
        let server = Scripted::start(script).await;
        let listed = server.store().list("").await;
        let listed = listed.map(|Listing { mut keys, folders }| {
            keys.extend(folders);
            let ordered = expected.unwrap_or_default();
            keys.sort_by_key(|key| ordered.iter().position(|other| other == key));
            keys
        });
        let expected = expected
            .map(|names| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
            .map_err(Kind::BrokenListing);
        assert_eq!(listed.map_err(|error| error.kind), expected, "{name}");
        assert_eq!(asked(&server), requests, "{name}");
    }
}

/// Each page has a token of its own, and no page has a name.
#[tokio::test]
async fn pages_without_a_name_end_in_an_error() {
    let mut pages = 0;
    let server = Scripted::deciding(move |_| {
        pages += 1;
        cut(&[], Some(&format!("t{pages}")))
    })
    .await;
    let error = server.store().list_keys("raw/").await.unwrap_err();
    assert_eq!(error.kind, Kind::BrokenListing(ListingFault::Empty));
    assert_eq!(error.failure_type(), FailureType::Config);
    let text = error.to_string();
    assert!(text.contains("\"raw/\"") && text.contains("ListObjectsV2"), "{text}");
    // On a loaded machine a page may come too late and be requested again.
    assert!((201..400).contains(&server.requests().len()), "{}", server.requests().len());
}

/// However long the circle is.
#[tokio::test]
async fn pages_in_a_circle_end_in_an_error() {
    let mut page_number = 0_u32;
    let server = Scripted::deciding(move |_| {
        page_number += 1;
        cut(&[&format!("k{:02}", page_number % 37)], Some(&format!("t{page_number}")))
    })
    .await;
    let error = server.store().list_keys("").await.unwrap_err();
    assert_eq!(error.kind, Kind::BrokenListing(ListingFault::Repeats));
    assert!(server.requests().len() < 150, "{}", server.requests().len());
}
