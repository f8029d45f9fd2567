//! Which known name a mistyped one may mean.

/// How much a name must resemble a known one (see [`likeness`]) to be suggested.
pub(crate) const NEAR: f64 = 0.6;

/// The name that resembles `name` most, if one does.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody mistypes a name into one of several times its length, and the distance costs the
    // product of both.
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

/// How much two names resemble each other: 0 not at all, 1 the same in all but case.
fn likeness(a: &str, b: &str) -> f64 {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    let contained = a.len() > 2 && b.len() > 2 && (a.contains(&b) || b.contains(&a));
    strsim::normalized_damerau_levenshtein(&a, &b).max(if contained { 0.7 } else { 0.0 })
}
