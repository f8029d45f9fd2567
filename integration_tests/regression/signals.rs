//! SIGTERM and SIGINT while the connector prepares, connects, waits for a store that hangs, or
//! checks.

use std::net::TcpListener;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::gate::Gate;
use crate::world::{SOON, World, connector, jsonl_and, state, stopped, user, users};

const SIGNALS: [(Signal, &str, i32); 2] =
    [(Signal::TERM, "SIGTERM", 143), (Signal::INT, "SIGINT", 130)];

/// Returns a store that accepts connections and never answers.
fn silent() -> (TcpListener, Value) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = json!({
        "s3_bucket_name": "lake",
        "s3_endpoint": format!("http://{}", listener.local_addr().unwrap()),
        "authentication": {
            "auth_type": "access_key", "access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        },
    });
    (listener, config)
}

/// Without a region the first request asks for it, which is never answered here.
#[test]
fn a_signal_while_write_connects_ends_it_with_a_trace() {
    for (signal, name, code) in SIGNALS {
        let (store, config) = silent();
        let mut session = connector().write(&config, &users()).input(user(1)).start();
        let connection = store.accept().unwrap();
        session.signal(signal);
        assert!(session.ends_within(SOON), "{name}: it keeps waiting for the store");
        let outcome = session.finish(SOON);
        let message = stopped(&outcome, code);
        assert!(message.contains(name), "{message}");
        drop(connection);
    }
}

#[test]
fn a_signal_while_check_connects_ends_it_with_a_trace() {
    for (signal, name, code) in SIGNALS {
        let (store, config) = silent();
        let mut session = connector().start_check(&config);
        let connection = store.accept().unwrap();
        session.signal(signal);
        assert!(session.ends_within(SOON), "{name}: it keeps waiting for the store");
        let outcome = session.finish(SOON);
        let message = stopped(&outcome, code);
        assert!(
            message.contains(name) && message.contains("may be left in the bucket"),
            "{message}"
        );
        assert!(outcome.messages.iter().all(|message| message["type"] != "CONNECTION_STATUS"));
        drop(connection);
    }
}

/// The first signal publishes what STATEs cover, which this store does not let it do.
#[test]
fn a_second_signal_ends_it_at_once_with_the_signals_exit_code() {
    for (signal, name, code) in SIGNALS {
        let world = World::new();
        let gate = Gate::closed(&world.server.endpoint());
        let settings = jsonl_and(
            &json!({ "s3_endpoint": gate.endpoint(), "checkpoint_interval_seconds": 3600 }),
        );
        let input = [user(1), state("users", 1), state("nobody", 9)].concat();
        let mut session = world.write(&settings, &users()).input(input).start();
        session.wait_for_state(SOON);
        let mut sent = 0;
        loop {
            session.signal(signal);
            sent += 1;
            if session.ends_within(Duration::from_millis(500)) {
                break;
            }
            assert!(sent < 60, "{name}: it keeps running after {sent} signals");
        }
        let outcome = session.finish(SOON);
        assert_eq!(outcome.code(), Some(code), "{name}");
        assert_eq!(outcome.states().len(), 1, "nothing was acknowledged that is not stored");
    }
}
