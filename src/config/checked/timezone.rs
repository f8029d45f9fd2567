//! The time zone of the settings, and which one a mistyped name may mean.

use chrono_tz::Tz;

use crate::config::error::{ConfigError, shown};
use crate::config::schema_check::nearest_name::nearest;

/// Looks the zone up in the IANA database.
///
/// # Errors
/// [`ConfigError::Timezone`].
pub(super) fn checked_timezone(name: &str) -> Result<Tz, ConfigError> {
    name.parse().map_err(|_| {
        let given = shown(name);
        // Abbreviations and offsets resemble zones that they do not mean: `CEST` is not `EST`, and
        // `Etc/GMT+2` is two hours behind UTC.
        let is_place = |zone: &&str| zone.contains('/') && !zone.starts_with("Etc/");
        let zones = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        let nearest = zones()
            .find(|zone| zone.eq_ignore_ascii_case(&given))
            .or_else(|| nearest(&given, zones().filter(is_place)));
        ConfigError::Timezone { nearest, given }
    })
}
