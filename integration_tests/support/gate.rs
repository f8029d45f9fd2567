//! A gate between the connector and the S3 server: while it is closed, nothing that the connector
//! sends arrives.
//!
//! Connections are accepted and held; once the gate is open, the bytes of both directions pass
//! unchanged.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// The gate. Its threads end with the connections that they carry.
#[derive(Debug)]
pub(crate) struct Gate {
    address: SocketAddr,
    open: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    /// Starts a closed gate in front of the server at `upstream` (`http://host:port`).
    pub(crate) fn closed(upstream: &str) -> Self {
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = listener.local_addr().expect("the port");
        let open = Arc::new((Mutex::new(false), Condvar::new()));
        let gate = Arc::clone(&open);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(&upstream)) else {
                    return;
                };
                let (from, to) =
                    (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
                let gate = Arc::clone(&gate);
                std::thread::spawn(move || pass(from, to, Some(&gate)));
                std::thread::spawn(move || pass(server, client, None));
            }
        });
        Self { address, open }
    }

    /// Returns the endpoint for the connector.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets everything pass from now on.
    pub(crate) fn open(&self) {
        *self.open.0.lock().expect("the gate") = true;
        self.open.1.notify_all();
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, gate: Option<&(Mutex<bool>, Condvar)>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if let Some((open, opened)) = gate {
            drop(
                opened.wait_while(open.lock().expect("the gate"), |open| !*open).expect("the gate"),
            );
        }
        match from.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(length) if to.write_all(&buffer[..length]).is_err() => break,
            Ok(_) => {}
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
