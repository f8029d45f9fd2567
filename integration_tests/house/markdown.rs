//! The little of Markdown that the checks read: tables, code spans, fences.

/// A row of a table with the line that it stands on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    pub(crate) line: usize,
    pub(crate) cells: Vec<&'a str>,
}

/// Returns the lines of `text` with their numbers, and whether each belongs to a fenced block.
pub(crate) fn lines(text: &str) -> Vec<(usize, &str, bool)> {
    let mut fence = None;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        let was_fenced = fence.is_some();
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(_), Some(_)) if fence == mark => fence = None,
            _ => {}
        }
        lines.push((number, line, was_fenced || fence.is_some()));
    }
    lines
}

/// Returns the rows of the first table whose header begins with `header`, without its header.
pub(crate) fn table<'a>(text: &'a str, header: &[&str]) -> Option<Vec<Row<'a>>> {
    let rows = lines(text).into_iter().map(|(line, text, is_fenced)| {
        let cells = if is_fenced { None } else { cells(text) };
        cells.map(|cells| Row { line, cells })
    });
    let mut rows =
        rows.skip_while(|row| row.as_ref().is_none_or(|row| !row.cells.starts_with(header)));
    rows.next()?;
    let is_ruler = |row: &Row<'_>| {
        row.cells.iter().all(|cell| !cell.is_empty() && cell.chars().all(|c| "-: ".contains(c)))
    };
    Some(rows.map_while(|row| row).filter(|row| !is_ruler(row)).collect())
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

/// Returns the texts between backticks.
pub(crate) fn code_spans(line: &str) -> Vec<&str> {
    let pieces: Vec<&str> = line.split('`').collect();
    // An unpaired backtick begins nothing.
    let paired = (pieces.len() - 1) / 2 * 2;
    pieces[..paired].iter().skip(1).step_by(2).copied().collect()
}

/// Returns `line` with an empty pair of backticks for each code span.
pub(crate) fn without_code_spans(line: &str) -> String {
    let mut kept = line.to_owned();
    for span in code_spans(line) {
        kept = kept.replacen(&format!("`{span}`"), "``", 1);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_found_by_its_header_and_ends_with_the_paragraph() {
        let text = "| a | b |\n|---|:-:|\n| 1 | |\n\n| room | may import | why |\n|---|---|---|\n| \
            `x` | `y`, `z` | w |\n| `y` | | w |\nend\n";
        let rows = table(text, &["room", "may import"]).expect("a table");
        let expected = [
            Row { line: 7, cells: vec!["`x`", "`y`, `z`", "w"] },
            Row { line: 8, cells: vec!["`y`", "", "w"] },
        ];
        assert_eq!(rows, expected);
        assert_eq!(table(text, &["may import"]), None);
        assert_eq!(table("```\n| a |\n| 1 |\n```\n", &["a"]), None);
    }

    #[test]
    fn fences_end_with_the_mark_that_began_them() {
        let fenced: Vec<bool> =
            lines("a\n```text\n~~~\n```\nb").iter().map(|line| line.2).collect();
        assert_eq!(fenced, [false, true, true, true, false]);
    }

    #[test]
    fn code_spans_stand_between_pairs_of_backticks() {
        assert_eq!(code_spans("a `b` c `d e` f"), ["b", "d e"]);
        assert_eq!(code_spans("a ` b"), [""; 0]);
        assert_eq!(code_spans("a `b` c ` d"), ["b"]);
        assert_eq!(without_code_spans("a `b` c ` d"), "a `` c ` d");
    }
}
