//! Runs a program and measures its cost: wall time, CPU time, peak memory.
//!
//! Linux only. Only one child may end during a run, because CPU time is what the children of this
//! process used between two readings.

use std::error::Error;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The interval between two readings of peak memory. Growth after the last one is missed.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The unit of times in `/proc/*/stat`. Every Linux shows this value to user programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// The cost of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Time from start to end.
    pub(crate) wall_s: f64,
    /// User and system time of all threads.
    pub(crate) cpu_s: f64,
    /// Peak resident memory.
    pub(crate) peak_bytes: u64,
}

/// Runs `command` to its end.
///
/// # Errors
/// Fails if the program does not start or does not succeed: then there is nothing to compare.
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

/// Returns the median: the middle value, or the mean of the two middle ones.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

/// Returns the CPU time of all children that have ended and were waited for.
fn children_cpu_s() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is a name in parentheses, which may contain anything. The third field
    // follows the last parenthesis.
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
