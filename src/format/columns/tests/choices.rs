//! Random choices, and random JSON texts made from them.

/// A source of random numbers, then zeros. Proptest draws the numbers: fewer of them make simpler
/// records, so that a failure shrinks.
#[derive(Debug)]
pub(crate) struct Choices(std::vec::IntoIter<u32>);

impl Choices {
    pub(crate) fn new(numbers: Vec<u32>) -> Self {
        Self(numbers.into_iter())
    }

    fn next(&mut self) -> u32 {
        self.0.next().unwrap_or(0)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }

    /// True in one of `count` cases; false once the numbers are used up.
    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    pub(crate) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    pub(crate) fn wide(&mut self) -> u64 {
        // The low half first, so that a number of few bits is the simplest one.
        u64::from(self.next()) | u64::from(self.next()) << 32
    }

    pub(crate) fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }

    /// Whitespace where JSON allows it.
    pub(crate) fn blank(&mut self) -> &'static str {
        self.of(&["", "", "", "", "", "", " ", "\t", "\r\n  ", "                    "])
    }
}

/// A JSON string with this content and random escapes.
pub(crate) fn quoted(choices: &mut Choices, content: &str) -> String {
    if content.len() > 1_000 {
        return serde_json::to_string(content).unwrap();
    }
    let mut text = String::from("\"");
    for character in content.chars() {
        let short = match character {
            '"' => Some("\\\""),
            '\\' => Some("\\\\"),
            '\n' => Some("\\n"),
            '\t' => Some("\\t"),
            '\u{8}' => Some("\\b"),
            _ => None,
        };
        match short {
            Some(short) if !choices.one_in(8) => text.push_str(short),
            None if character >= ' ' && !choices.one_in(24) => text.push(character),
            Some(_) | None => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    text.push_str(&match choices.below(2) {
                        0 => format!("\\u{unit:04x}"),
                        _ => format!("\\u{unit:04X}"),
                    });
                }
            }
        }
    }
    text + "\""
}

/// A random JSON string, and its content.
pub(crate) fn string(choices: &mut Choices) -> (String, String) {
    const PIECES: [&str; 14] = [
        "",
        "a",
        "plain words",
        "é",
        "美咲",
        "😀",
        "\"",
        "\\",
        "\n",
        "\u{0}",
        "\u{7f}",
        "null",
        "12",
        "sixteen bytes ok",
    ];
    let mut content: String = (0..choices.below(4)).map(|_| choices.of(&PIECES)).collect();
    if choices.one_in(64) {
        // So long that its batch is not packed.
        content += &"long ".repeat(choices.below(10_000));
    }
    let mut text = quoted(choices, &content);
    if choices.one_in(16) {
        // Halves of surrogate pairs, which UTF-8 cannot encode.
        let (half, decoded) = choices.of(&[
            (r"\ud83d", "\u{fffd}"),
            (r"\uDE00", "\u{fffd}"),
            (r"\ud83d\u0041", "\u{fffd}A"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
        ]);
        text.pop();
        text.push_str(half);
        text.push('"');
        content.push_str(decoded);
    }
    (text, content)
}

/// A random JSON value.
pub(crate) fn json(choices: &mut Choices, levels: usize) -> String {
    const PLAIN: [&str; 12] = [
        "null",
        "0",
        "true",
        "false",
        "-1.50e+3",
        "1e999",
        "123456789012345678901234567890",
        "-0",
        "\"\"",
        "{}",
        "[]",
        "0.1",
    ];
    let inner = |choices: &mut Choices, with_key: bool| {
        let mut text = choices.blank().to_owned();
        if with_key {
            text += &string(choices).0;
            text += choices.blank();
            text.push(':');
            text += choices.blank();
        }
        text + &json(choices, levels - 1) + choices.blank()
    };
    match choices.below(if levels > 0 { 5 } else { 3 }) {
        0 | 1 => choices.of(&PLAIN).to_owned(),
        2 => string(choices).0,
        3 => {
            let parts: Vec<String> = (0..choices.below(4)).map(|_| inner(choices, false)).collect();
            format!("[{}]", parts.join(","))
        }
        _ => {
            let parts: Vec<String> = (0..choices.below(4)).map(|_| inner(choices, true)).collect();
            format!("{{{}}}", parts.join(","))
        }
    }
}
