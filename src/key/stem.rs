//! A key but for its number.
//!
//! [`KeyStem`] (made by `KeyTemplate::stem`) and a number → a key, and back.
//!
//! Invariants
//! - `number_of(key(n)) == Some(n)`, and two numbers never give the same key.
//! - All numbered forms begin with `listing_prefix`.

/// The fixed text of a key, and the places of its number.
///
/// Number 0 is the plain name. Where the template has `{part}`, that is the number itself; else
/// later numbers stand before the extension, counted the way people do: number 1 is the second
/// file, `_2`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyStem {
    /// What stands before the first place of the number.
    head: String,
    /// What follows each place: exactly one text in the suffix form, one or more in the part form.
    tails: Vec<String>,
    form: Form,
    /// Whether a random id makes the key the only one of its kind.
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

    /// The key of the `number`-th file, counted from 0.
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

    /// The longest text that every numbered form of this key begins with: what to list to find the
    /// taken numbers. `None` where the template has `{uuid}`: nobody else can have taken such a
    /// key.
    #[must_use]
    pub fn listing_prefix(&self) -> Option<&str> {
        (!self.unique).then_some(self.head.as_str())
    }

    /// The number that gives exactly this key; `None` for a key of another stem or of somebody
    /// else.
    #[must_use]
    pub fn number_of(&self, key: &str) -> Option<u32> {
        let numbered = key.strip_prefix(self.head.as_str())?;
        let fixed: usize = self.tails.iter().map(String::len).sum();
        // All places show the same text, so its length follows from the key's: no guessing where
        // digits that the fixed text begins with would blur its end.
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

    /// Whether `key` is the plain name of this stem, which later files take a number for.
    #[must_use]
    pub fn has_plain_name(&self, key: &str) -> bool {
        self.counts_beside_a_name() && self.number_of(key) == Some(0)
    }

    /// Whether numbers stand beside a name that would do without them.
    fn counts_beside_a_name(&self) -> bool {
        self.form == Form::Suffix && !self.unique
    }

    /// The plain name that `key` would have had were it free: `users.csv` of `users_2.csv`. `None`
    /// for the plain name itself, for a key of another stem, and where numbers or random ids are
    /// part of the name anyway.
    #[must_use]
    pub fn plain_name_of(&self, key: &str) -> Option<String> {
        let numbered = self.counts_beside_a_name() && self.number_of(key)? > 0;
        numbered.then(|| self.key(0))
    }

    /// The stem of the folders that hold the numbered keys, where the first number stands in a
    /// folder's name. Its keys are what a listing with delimiter `/` shows in place of ours, slash
    /// included.
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

/// Reads a number as [`KeyStem::key`] writes it: digits, no sign, no leading zero.
fn canonical(digits: &str) -> Option<u64> {
    let plain =
        digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if plain { digits.parse().ok() } else { None }
}
