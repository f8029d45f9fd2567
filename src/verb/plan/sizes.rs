//! The sizes that the pipeline cuts by: blocks of input, frames, row groups and files.
//!
//! In: the settings, the memory of the run and the width of the streams. Out: bytes or rows.

/// Text that is compressed at once: large enough that cutting costs no ratio, small enough to
/// spread over workers.
const FRAME_BYTES: usize = 1024 * 1024;

/// Input that is parsed at once.
const BLOCK_BYTES: usize = 1024 * 1024;

/// Smaller blocks would cost more in hand-overs than they save.
const MIN_BLOCK_BYTES: usize = 64 * 1024;

/// A struct with more members than this reduces the number of rows in a row group.
const USUAL_MEMBERS: usize = 16;

/// Memory of one value while its column is encoded.
const BYTES_PER_VALUE: u64 = 16;

/// Row groups with fewer rows than this would consist of little but their own overhead.
const MIN_ROW_GROUP_ROWS: u64 = 1_000;

/// Streams with more columns than this are read in smaller blocks.
const USUAL_COLUMNS: usize = 250;

/// Returns the encoded size at which a file is rolled.
pub(super) fn file_size_bytes(setting: u64, cursor_macros: bool, memory_bytes: u64) -> u64 {
    // A file whose key shows its highest cursor stays in memory until it is sealed.
    if cursor_macros { setting.min(memory_bytes / 4) } else { setting }
}

/// Returns how many bytes of text are compressed at once.
pub(super) fn frame_bytes(file_size_bytes: u64) -> usize {
    // A file ends between two frames: with frames of an eighth it misses its size by little.
    usize::try_from(file_size_bytes / 8).unwrap_or(FRAME_BYTES).min(FRAME_BYTES)
}

/// Returns the memory that the rows of one row group take.
pub(super) fn row_group_bytes(setting: u64, memory_bytes: u64, file_size_bytes: u64) -> u64 {
    // One row group may be encoded while the next one is being filled.
    setting.min(memory_bytes / 4).min(file_size_bytes)
}

/// Returns how many bytes of input are parsed at once. `most_columns` is the width of the widest
/// stream.
pub(super) fn block_bytes(most_columns: usize, file_size_bytes: u64) -> usize {
    // Rows of one block stay together, so small files need small blocks. Wide streams need them
    // too: a field that many records lack takes room in columns although it takes none in the
    // input.
    let wide = BLOCK_BYTES.saturating_mul(USUAL_COLUMNS) / most_columns.max(USUAL_COLUMNS);
    let small = usize::try_from(file_size_bytes / 4).unwrap_or(BLOCK_BYTES);
    small.min(wide).clamp(MIN_BLOCK_BYTES, BLOCK_BYTES)
}

/// Returns the rows of one row group at most. `widest_column` is the number of members of the
/// widest top-level column.
pub(super) fn most_rows(widest_column: usize, row_group_rows: u64, memory_limit_bytes: u64) -> u64 {
    // A member that most records lack takes no memory until its column is encoded, and all members
    // of a top-level column are encoded at once. Even then, a wide struct must not take more than
    // an eighth of the memory.
    if widest_column <= USUAL_MEMBERS {
        return row_group_rows;
    }
    let rows = memory_limit_bytes / 8 / (widest_column as u64 * BYTES_PER_VALUE);
    rows.max(MIN_ROW_GROUP_ROWS).min(row_group_rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1024;
    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_file_with_the_cursor_in_its_key_fits_into_a_quarter_of_the_memory() {
        for (setting, cursor_macros, expected) in
            [(256, false, 256), (256, true, 50), (40, true, 40), (5_000, false, 5_000)]
        {
            let found = file_size_bytes(setting * MIB, cursor_macros, 200 * MIB);
            assert_eq!(found, expected * MIB, "{setting} MiB, cursor: {cursor_macros}");
        }
    }

    #[test]
    fn a_frame_is_an_eighth_of_a_small_file() {
        for (file_mib, frame_kib) in [(1, 128), (4, 512), (8, 1024), (5_000, 1024)] {
            assert_eq!(frame_bytes(file_mib * MIB), frame_kib * KIB, "{file_mib} MiB");
        }
    }

    #[test]
    fn a_row_group_fits_into_the_setting_the_memory_and_the_file() {
        for (setting, memory, file, expected) in [
            (64, 1_000, 256, 64),
            (64, 192, 256, 48),
            (1_024, 100_000, 5_000, 1_024),
            (64, 1_000, 10, 10),
        ] {
            let found = row_group_bytes(setting * MIB, memory * MIB, file * MIB);
            assert_eq!(found, expected * MIB, "{setting} {memory} {file}");
        }
    }

    #[test]
    fn blocks_shrink_for_small_files_and_for_wide_streams() {
        for (most_columns, file_mib, block_kib) in [
            (0, 256, 1024),
            (250, 256, 1024),
            (500, 256, 512),
            (1_000, 256, 256),
            (100_000, 256, 64),
            (0, 1, 256),
            (500, 1, 256),
            (2_000, 1, 128),
        ] {
            let found = block_bytes(most_columns, file_mib * MIB);
            assert_eq!(found, block_kib * KIB, "{most_columns} columns, {file_mib} MiB");
        }
    }

    #[test]
    fn a_wide_struct_takes_an_eighth_of_the_memory() {
        for (widest_column, setting, limit_mib, expected) in [
            (1, 1_000_000, 64, 1_000_000),
            (16, 1_000_000, 64, 1_000_000),
            (17, 1_000_000, 64, 30_840),
            (17, 20_000, 64, 20_000),
            (1_000, 1_000_000, 256, 2_097),
            (10_000, 1_000_000, 64, 1_000),
        ] {
            let found = most_rows(widest_column, setting, limit_mib * MIB);
            assert_eq!(found, expected, "{widest_column} members, {limit_mib} MiB");
        }
    }
}
