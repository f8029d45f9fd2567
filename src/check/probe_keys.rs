//! The keys of a check's probe objects.
//!
//! Template, time and a random id -> keys. Pure.
//!
//! Invariants
//! - Probe keys follow the template: they share folder, beginning and extension with the key of a
//!   stream, so that a policy that allows only part of the bucket is really tested. A random id in
//!   the name keeps them apart from all data.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::CheckTarget;
use crate::key::{FileValues, KeyError, MAX_KEY_BYTES, RunValues, StreamValues, ids};
use crate::model::StreamDescriptor;

/// The name of the stream that the probes seem to come from.
const PROBE_STREAM: &str = "airbyte_connection_check";

/// A UUID as text.
const ID_BYTES: usize = 36;

/// The keys of the probes of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProbeKeys {
    /// Written in one request.
    pub(super) single: String,
    /// A copy of the first one. `None`: with this template a sync never copies, because no file
    /// takes the name of an older one.
    pub(super) copy: Option<String>,
    /// Written in parts.
    pub(super) multipart: String,
}

impl ProbeKeys {
    /// `random` must be new for every check.
    pub(super) fn new(
        target: &CheckTarget<'_>,
        now: DateTime<Utc>,
        random: Uuid,
    ) -> Result<Self, KeyError> {
        let descriptor = StreamDescriptor::new(None, PROBE_STREAM);
        let connection_run_id = ids::connection_run_id(target.connection_id, None, random);
        let stream_id = ids::stream_id(target.connection_id, &descriptor);
        let run = RunValues {
            extension: target.extension,
            started_at: now.with_timezone(&target.timezone),
            connection_id: target.connection_id.to_owned(),
            connection_run_id,
            sync_id: 0,
        };
        let stream = StreamValues {
            descriptor,
            stream_id,
            stream_run_id: ids::stream_run_id(connection_run_id, stream_id),
            generation_id: None,
        };
        let file = FileValues { cursor: None, uuid: random };
        let stem = target.template.stem(&run, &stream, &file)?;
        let key = stem.key(0);
        let of_kind = |kind: &str| with_id(&key, target.extension, &format!("{random}{kind}"));
        Ok(Self {
            single: of_kind(""),
            copy: stem.has_plain_name(&key).then(|| of_kind("-copy")),
            multipart: of_kind("-parts"),
        })
    }
}

/// `key` with `id` before its extension.
fn with_id(key: &str, extension: &str, id: &str) -> String {
    let (folder, name) = match key.rfind('/') {
        Some(slash) => key.split_at(slash + 1),
        None => ("", key),
    };
    let dotted = format!(".{extension}");
    let (beginning, extension) = match name.strip_suffix(&dotted) {
        Some(beginning) => (beginning, dotted.as_str()),
        None => (name, ""),
    };
    // A key near S3's length limit has no room for the id. The name is then the id, or the part of
    // the id that distinguishes the probes.
    let (random, kind) = id.split_at_checked(ID_BYTES).unwrap_or((id, ""));
    let short = random.get(..8).unwrap_or(random);
    [format!("{folder}{beginning}_{id}{extension}"), format!("{folder}{id}")]
        .into_iter()
        .find(|probe| probe.len() <= MAX_KEY_BYTES)
        .unwrap_or_else(|| format!("{folder}{short}{}", kind.get(..2).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;
    use crate::key::KeyTemplate;

    const ID: &str = "00000000-0000-0000-0000-000000000007";

    fn keys(template: &str) -> ProbeKeys {
        let template = KeyTemplate::parse(template).unwrap();
        let connection_id = "f52c7268-2359-567a-f5e8-83c536cb4de8";
        let target = CheckTarget {
            template: &template,
            extension: "csv.gz",
            timezone: Tz::UTC,
            connection_id,
        };
        let now = DateTime::from_timestamp(1_744_629_825, 0).unwrap();
        ProbeKeys::new(&target, now, Uuid::from_u128(7)).unwrap()
    }

    #[test]
    fn probes_lie_where_the_template_leads() {
        let table = [
            (
                "in/{stream_name}/{iso_date}.{extension}",
                format!("in/{PROBE_STREAM}/2025-04-14_{ID}.csv.gz"),
            ),
            ("{namespace}/x-{stream_name}.{extension}", format!("x-{PROBE_STREAM}_{ID}.csv.gz")),
            ("a/{stream_name}", format!("a/{PROBE_STREAM}_{ID}")),
            ("{stream_name}/{part}.{extension}", format!("{PROBE_STREAM}/0_{ID}.csv.gz")),
        ];
        for (template, expected) in table {
            assert_eq!(keys(template).single, expected);
        }
        assert_eq!(
            keys(&format!("a/{{stream_name}}{}", "x".repeat(970))).single,
            format!("a/{ID}")
        );
        let folder = "c".repeat(985);
        let short = keys(&format!("{folder}/{{stream_name}}"));
        assert_eq!(short.single, format!("{folder}/{ID}"));
        assert_eq!(short.multipart, format!("{folder}/00000000-p"));
        assert_eq!(
            keys("{stream_name}.{extension}").multipart,
            format!("{PROBE_STREAM}_{ID}-parts.csv.gz")
        );
    }

    #[test]
    fn copies_are_tried_where_a_sync_may_need_them() {
        assert_eq!(
            keys("{stream_name}.{extension}").copy,
            Some(format!("{PROBE_STREAM}_{ID}-copy.csv.gz"))
        );
        assert_eq!(keys("{stream_name}/{part}.{extension}").copy, None);
        assert_eq!(keys("{stream_name}/{uuid}.{extension}").copy, None);
    }
}
