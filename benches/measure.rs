//! Runs a program and tells what it cost: wall time, CPU time, peak memory.
//!
//! A command in, a [`Run`] out. Linux only, and only one child at a time may end while a run lasts:
//! CPU time is what this process's children have used between two looks.
//!
//! Not here: what is run, and what the figures are held against.

use std::error::Error;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Between two looks at a run's peak memory: what it grows in its very last moments can be missed.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The unit of `/proc/*/stat`, the same on every Linux that user programs see.
const TICKS_PER_SECOND: f64 = 100.0;

/// What one run cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// From start to end.
    pub(crate) wall_s: f64,
    /// In user and in system mode, of all threads.
    pub(crate) cpu_s: f64,
    /// The most memory that was resident at once.
    pub(crate) peak_bytes: u64,
}

/// Runs `command` to its end.
///
/// # Errors
/// When it does not start, or ends with anything but success: there is nothing to compare then.
pub(crate) fn measure(name: &str, command: &mut Command) -> Result<Run, Box<dyn Error>> {
    let cpu_before = children_cpu_s()?;
    let start = Instant::now();
    let mut child = command.spawn().map_err(|e| format!("{name} does not start: {e}"))?;
    let peak_bytes = AtomicU64::new(0);
    let ended = AtomicBool::new(false);
    let status_path = format!("/proc/{}/status", child.id());
    let (status, wall_s) = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                peak_bytes
                    .fetch_max(high_water_bytes(&status_path).unwrap_or(0), Ordering::Relaxed);
                std::thread::sleep(LOOK_EVERY);
            }
        });
        let status = child.wait();
        let wall_s = start.elapsed().as_secs_f64();
        ended.store(true, Ordering::Relaxed);
        (status, wall_s)
    });
    let status = status?;
    if !status.success() {
        return Err(format!("{name} ended with {status}").into());
    }
    Ok(Run { wall_s, cpu_s: children_cpu_s()? - cpu_before, peak_bytes: peak_bytes.into_inner() })
}

/// The middle value; the mean of the two middle ones when there is an even number.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

/// CPU time of all children that have ended and been waited for.
fn children_cpu_s() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is a name in parentheses that may hold anything; the third follows the last
    // parenthesis.
    let (_, fields) = stat.rsplit_once(") ").ok_or("an odd /proc/self/stat")?;
    let mut ticks = 0.0;
    // Fields 16 and 17: cutime and cstime.
    for field in fields.split(' ').skip(13).take(2) {
        ticks += field.parse::<f64>()?;
    }
    Ok(ticks / TICKS_PER_SECOND)
}

fn high_water_bytes(status_path: &str) -> Option<u64> {
    let status = fs::read_to_string(status_path).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
