//! Which known name a mistyped one may mean.

/// How much a name must resemble a known one (see [`likeness`]) to be suggested.
pub(crate) const NEAR: f64 = 0.6;

/// Returns the known name that `name` resembles most, if it resembles one at all.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A typing error does not make a name several times as long, and the cost of the distance is
    // the product of both lengths.
    const LONGEST: usize = 100;
    if name.len() > LONGEST {
        return None;
    }
    known
        .into_iter()
        .map(|known| (likeness(name, known), known))
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .map(|(_, known)| known)
}

/// Returns how much two names resemble each other: from 0, not at all, to 1, equal except for case.
fn likeness(a: &str, b: &str) -> f64 {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    let contained = a.len() > 2 && b.len() > 2 && (a.contains(&b) || b.contains(&a));
    strsim::normalized_damerau_levenshtein(&a, &b).max(if contained { 0.7 } else { 0.0 })
}
