//! `check`: reads the settings, tries them and prints one CONNECTION_STATUS.
//!
//! If a signal stops it, it prints a TRACE ERROR instead, because the settings are neither good nor
//! bad.
//!
//! Not here: what is tried (`crate::check`).

use std::io::{self, Write};
use std::path::Path;

use super::connect::StoreConnector;
use super::runtime::{End, Runtime};
use super::{connection_id, default_connection_id, internal, read_config};
use crate::check::{CheckTarget, ConnectionCheck, Report, check as check_connection};
use crate::env;
use crate::error::Failure;
use crate::protocol::emitter::Emitter;

/// Completes "stopped by SIGTERM: " while no request has been sent to S3.
const NOTHING_WRITTEN: &str = "the settings were not tested";

/// Runs the verb. The printed status tells whether the check has passed; only a signal or a closed
/// stdout makes the exit code a failure.
pub(super) fn check<W: Write>(config: &Path, emitter: &mut Emitter<W>) -> End {
    let runtime = match Runtime::start() {
        Ok(runtime) => runtime,
        Err(failure) => {
            return if status(Err(failure), emitter).is_ok() { End::Good } else { End::Bad };
        }
    };
    let result = report(config, &runtime);
    let printed = match (result, runtime.shutdown().signal()) {
        (Err(failure), Some(_)) => emitter.trace_error(&failure, env::unix_ms()).map(|()| false),
        (result, _) => status(result, emitter).map(|()| true),
    };
    runtime.end(printed.unwrap_or(false))
}

fn status<W: Write>(result: Result<Report, Failure>, emitter: &mut Emitter<W>) -> io::Result<()> {
    let status = match result {
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
    emitter
        .message(&serde_json::json!({"type": "CONNECTION_STATUS", "connectionStatus": status}))?;
    emitter.flush()
}

fn report(config: &Path, runtime: &Runtime) -> Result<Report, Failure> {
    let path = config.to_owned();
    let config = runtime.blocking_until_stopped(NOTHING_WRITTEN, move || read_config(&path))?;
    let random = env::random_uuid()
        .map_err(|error| internal("the operating system provides no random numbers", &error))?;
    let variable = env::var("CONNECTION_ID");
    let connection_id = connection_id(&config, variable.as_deref())?;
    let StoreConnector { session, settings, region_is_known } =
        runtime.until_stopped(NOTHING_WRITTEN, StoreConnector::new(&config))?;
    // The first digits are in the key of every probe, even where the key has no room for all.
    let random_text = random.to_string();
    let left = format!(
        "the check did not finish; objects with `{}` in their keys may be left in the bucket; you \
         can delete them",
        random_text.get(..8).unwrap_or(&random_text)
    );
    let connection_check = ConnectionCheck {
        target: CheckTarget {
            template: &config.template,
            extension: config.format.extension(),
            timezone: config.timezone,
            connection_id: &connection_id,
        },
        session: &session,
        settings,
        region_is_known,
        now: env::utc_now(),
        random,
    };
    let mut report = runtime.until_stopped(&left, async {
        check_connection(connection_check).await.map_err(Failure::from)
    })?;
    let warnings =
        config.warnings().into_iter().chain(default_connection_id(&config, variable.as_deref()));
    warnings.chain(config.template.hive_notes()).for_each(|warning| report.add(warning));
    Ok(report)
}
