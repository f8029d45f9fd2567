//! What the header of a CSV file calls the columns.

use std::collections::HashSet;

use crate::format::column_names::{ColumnNames, FileName, clipped, file_names, refused_names};

/// Returns the declared columns' names in the header, and sentences for the user about those that
/// differ from the schema's. `ours` and `additional` are the other names in the header.
///
/// Original names stay as they are even where two differ only in case, because CSV readers go by
/// position. Only a declared column that is called like the last one gets another name.
pub(super) fn header_names(
    style: ColumnNames,
    declared: &[&str],
    ours: &[&str],
    additional: Option<&'static str>,
) -> (Vec<String>, Vec<String>) {
    let mut warnings = Vec::new();
    let mut warn = |declared: &str, name: &FileName<'_>| {
        let says =
            name.warning(declared).map(|says| format!("column {:?} {says}", clipped(declared)));
        warnings.extend(says);
    };
    let names = match style {
        ColumnNames::Safe => {
            let beside: Vec<&str> = ours.iter().copied().chain(additional).collect();
            let names = file_names(declared, &beside, style);
            declared.iter().zip(&names).for_each(|(declared, name)| warn(declared, name));
            names.into_iter().map(|name| name.name).collect()
        }
        ColumnNames::Original => {
            let taken: HashSet<&str> = declared.iter().copied().collect();
            let name_of = |declared: &&str| {
                let made_way_for = additional.filter(|additional| additional == declared);
                let name = match made_way_for {
                    Some(additional) => free_name(additional, &taken),
                    None => (*declared).to_owned(),
                };
                let name = FileName { name, made_way_for };
                warn(declared, &name);
                name.name
            };
            let names: Vec<String> = declared.iter().map(name_of).collect();
            warnings.extend(refused_names(names.iter().map(String::as_str)));
            names
        }
    };
    (names, warnings)
}

/// `name` with the lowest number appended that makes it differ from all `taken` names.
fn free_name(name: &str, taken: &HashSet<&str>) -> String {
    let mut number = 2;
    loop {
        let numbered = format!("{name}_{number}");
        if !taken.contains(numbered.as_str()) {
            return numbered;
        }
        number += 1;
    }
}
