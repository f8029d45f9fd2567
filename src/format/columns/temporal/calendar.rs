//! Counts the days of the proleptic Gregorian calendar.

/// Returns the days from 1970-01-01 to a day of an astronomical year between -10 and 10 million.
/// `None` if there is no such day.
#[inline]
pub(super) fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    /// Per month, the days of the year before it and its own days, without a leap day.
    const MONTHS: [(i64, i64); 12] = [
        (0, 31),
        (31, 28),
        (59, 31),
        (90, 30),
        (120, 31),
        (151, 30),
        (181, 31),
        (212, 31),
        (243, 30),
        (273, 31),
        (304, 30),
        (334, 31),
    ];
    /// A multiple of the calendar's period of 400 years. Added to a year, it makes it positive.
    const SHIFT_YEARS: u64 = 10_000_400;
    /// From the first day of the shifted calendar to 1970-01-01.
    const SHIFT_DAYS: i64 = (SHIFT_YEARS / 400).cast_signed() * 146_097 + 719_528;

    let (before, length) = *MONTHS.get(usize::try_from(month - 1).ok()?)?;
    let year = year.cast_unsigned().wrapping_add(SHIFT_YEARS);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    if day < 1 || day > length + i64::from(leap && month == 2) {
        return None;
    }
    // The leap days of the years before this one. The year 0 is a leap year too, which the
    // divisions do not count.
    let past = year - 1;
    let leap_days = past / 4 - past / 100 + past / 400 + 1;
    let first = (365 * year + leap_days).cast_signed() - SHIFT_DAYS;
    Some(first + before + i64::from(leap && month > 2) + day - 1)
}
