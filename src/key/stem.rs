//! A key without its number.
//!
//! [`KeyStem`] (made by `KeyTemplate::stem`) and a number → a key, and back.
//!
//! Invariants
//! - `number_of(key(n)) == Some(n)`, and two numbers never give the same key.
//! - All numbered forms begin with `listing_prefix`.

/// The fixed text of a key, and the places of its number.
///
/// Where the template has `{part}`, the number stands there. Elsewhere number 0 is the plain name,
/// and later numbers stand before the extension and count as people do: number 1 is the second
/// file, `_2`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyStem {
    /// The text before the first place of the number.
    head: String,
    /// The text after each place: one text in the suffix form, one or more in the part form.
    tails: Vec<String>,
    form: Form,
    /// Whether a random id makes the key unique.
    unique: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Form {
    /// `{part}`: the number, zero-based and unpadded.
    Part,
    /// Nothing, then `_2`, `_3`, ...
    Suffix,
}

impl KeyStem {
    pub(super) fn with_part(head: String, tails: Vec<String>, unique: bool) -> Self {
        Self { head, tails, form: Form::Part, unique }
    }

    pub(super) fn with_suffix(head: String, tail: String, unique: bool) -> Self {
        Self { head, tails: vec![tail], form: Form::Suffix, unique }
    }

    /// Returns the key with this number, counted from 0.
    #[must_use]
    pub fn key(&self, number: u32) -> String {
        let shown = match (self.form, number) {
            (Form::Part, number) => number.to_string(),
            (Form::Suffix, 0) => String::new(),
            (Form::Suffix, number) => format!("_{}", u64::from(number) + 1),
        };
        let mut key = self.head.clone();
        for tail in &self.tails {
            key.push_str(&shown);
            key.push_str(tail);
        }
        key
    }

    /// The longest text that every numbered form of this key begins with. A listing of it finds the
    /// taken numbers. `None` where the template has `{uuid}`: no other file can have such a key.
    #[must_use]
    pub fn listing_prefix(&self) -> Option<&str> {
        (!self.unique).then_some(self.head.as_str())
    }

    /// Returns the number of this key, or `None` for a key of another stem or another writer.
    #[must_use]
    pub fn number_of(&self, key: &str) -> Option<u32> {
        let numbered = key.strip_prefix(self.head.as_str())?;
        let fixed: usize = self.tails.iter().map(String::len).sum();
        // All places show the same number, so its length follows from the key's length. Reading
        // digits would not find its end, because the fixed text after it may begin with digits.
        let shown =
            numbered.get(..numbered.len().checked_sub(fixed)?.checked_div(self.tails.len())?)?;
        let mut rest = numbered;
        for tail in &self.tails {
            rest = rest.strip_prefix(shown)?.strip_prefix(tail.as_str())?;
        }
        if !rest.is_empty() {
            return None;
        }
        match self.form {
            Form::Part => canonical(shown)?.try_into().ok(),
            Form::Suffix if shown.is_empty() => Some(0),
            Form::Suffix => {
                let counted = canonical(shown.strip_prefix('_')?)?;
                if counted < 2 { None } else { u32::try_from(counted - 1).ok() }
            }
        }
    }

    /// The fixed text that every numbered form of this key begins and ends with.
    pub(super) fn ends(&self) -> (&str, &str) {
        (&self.head, self.tails.last().map_or("", String::as_str))
    }

    /// Whether `key` is the plain name of this stem, to which later files append a number.
    #[must_use]
    pub fn has_plain_name(&self, key: &str) -> bool {
        self.counts_beside_a_name() && self.number_of(key) == Some(0)
    }

    /// Whether numbers are appended to a name that is complete without them.
    fn counts_beside_a_name(&self) -> bool {
        self.form == Form::Suffix && !self.unique
    }

    /// Returns the plain name that the file would have instead of `key` if that name had been free:
    /// `users.csv` for `users_2.csv`. `None` for the plain name itself, for a key of another stem,
    /// and where every name has a number or a random id.
    #[must_use]
    pub fn plain_name_of(&self, key: &str) -> Option<String> {
        let numbered = self.counts_beside_a_name() && self.number_of(key)? > 0;
        numbered.then(|| self.key(0))
    }

    /// Returns the stem of the folders of the numbered keys, where the first number is in a
    /// folder's name. A listing with the delimiter `/` shows its keys, with their slash, instead of
    /// ours.
    pub(super) fn folder(&self) -> Option<Self> {
        let mut tails = Vec::new();
        for tail in &self.tails {
            if let Some((end, _)) = tail.split_once('/') {
                tails.push(format!("{end}/"));
                return Some(Self {
                    head: self.head.clone(),
                    tails,
                    form: self.form,
                    unique: self.unique,
                });
            }
            tails.push(tail.clone());
        }
        None
    }
}

/// Reads a number in the spelling of [`KeyStem::key`]: digits, no sign, no leading zero.
fn canonical(digits: &str) -> Option<u64> {
    let plain =
        digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if plain { digits.parse().ok() } else { None }
}
