//! `check`: reads the settings, tries them out and prints one CONNECTION_STATUS.

use std::io::{self, Write};
use std::path::Path;

use super::entrance::Entrance;
use super::{connection_id, default_connection_id, internal, read_config};
use crate::check::{CheckTarget, Report, check as check_with};
use crate::env;
use crate::error::Failure;
use crate::protocol::emitter::Emitter;

/// Runs the verb. The status says whether the check has passed; an error is a closed stdout.
pub(super) fn check<W: Write>(config: &Path, emitter: &mut Emitter<W>) -> io::Result<()> {
    let status = match report(config) {
        Ok(report) => {
            let message = report.to_string();
            if message.is_empty() {
                serde_json::json!({"status": "SUCCEEDED"})
            } else {
                serde_json::json!({"status": "SUCCEEDED", "message": message})
            }
        }
        Err(Failure { message, store_answer: Some(answer), .. }) => {
            let message = format!("{message}; the store's own answer: {answer}");
            serde_json::json!({"status": "FAILED", "message": message})
        }
        Err(failure) => serde_json::json!({"status": "FAILED", "message": failure.message}),
    };
    emitter.message(&serde_json::json!({"type": "CONNECTION_STATUS", "connectionStatus": status}))?;
    emitter.flush()
}

fn report(config: &Path) -> Result<Report, Failure> {
    let config = read_config(config)?;
    let random = env::random_uuid().map_err(|error| internal("there is no randomness", &error))?;
    let connection_id = connection_id(&config)?;
    let target = CheckTarget {
        template: &config.template,
        extension: config.format.extension(),
        timezone: config.timezone,
        connection_id: &connection_id,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| internal("the asynchronous runtime cannot be started", &error))?;
    let report = runtime.block_on(async {
        let Entrance { session, settings, region_is_known } = Entrance::new(&config).await?;
        check_with(&target, &session, settings, region_is_known, env::utc_now(), random)
            .await
            .map_err(Failure::from)
    });
    // A name server that does not answer would hold up the end.
    runtime.shutdown_background();
    let mut report = report?;
    let warnings = config.warnings().into_iter().chain(default_connection_id(&config));
    warnings.for_each(|warning| report.add(warning));
    for partition in config.template.hive_partitions() {
        report.add(format!(
            "`s3_bucket_key` has the folder `{partition}=`: if a stream has a column {partition:?}, engines that read Hive \
             partitions show the folder's value instead of the record's, or refuse the files; rename the folder, for \
             example to `sync_{partition}=`"
        ));
    }
    Ok(report)
}
