//! A TCP connection that fails on demand: with a reset, by ending inside an answer, or by
//! trickling.
//!
//! The server writes into a [`Wire`]; its [`Line`], which the handler of the request holds, decides
//! what becomes of the bytes. HTTP/1.1 carries one request at a time, so a decision concerns the
//! answer in progress.
//!
//! Invariants
//! - Without instructions a wire passes everything unchanged; [`Line::heal`] restores that.
//! - A reset is a real RST: the socket is closed with a linger time of zero.
//! - A cut answer ends with an ordinary end of stream (FIN), so that every byte before the cut
//!   arrives.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// A trickling answer comes in this many pieces, ...
const DRIPS: usize = 20;
/// ... with this pause between them: two seconds in all.
const DRIP_PAUSE: Duration = Duration::from_millis(100);
/// Where an answer without a body is cut off: after its status line, before the end of any head
/// that hyper writes.
const CUT_HEAD_AT_BYTES: usize = 40;
/// The end of an answer's head.
const HEAD_END: &[u8; 4] = b"\r\n\r\n";

/// What becomes of the bytes that the server writes.
#[derive(Debug)]
enum Plan {
    Pass,
    Reset,
    /// Passes `left` more bytes, counted from the end of the head unless `in_head`; then ends the
    /// stream.
    Cut {
        in_head: bool,
        head: HeadScan,
        left: usize,
    },
    Drip {
        piece_bytes: usize,
    },
}

/// How much of `\r\n\r\n` the last bytes matched; when all of it, the head is complete.
#[derive(Clone, Copy, Debug, Default)]
struct HeadScan(usize);

impl HeadScan {
    fn is_over(self) -> bool {
        self.0 == HEAD_END.len()
    }

    /// Scans up to the end of the head; returns how many of `bytes` belong to the head.
    fn advance(&mut self, bytes: &[u8]) -> usize {
        for (index, byte) in bytes.iter().enumerate() {
            if self.is_over() {
                return index;
            }
            self.0 = if HEAD_END[self.0] == *byte {
                self.0 + 1
            } else {
                usize::from(*byte == HEAD_END[0])
            };
        }
        bytes.len()
    }
}

/// The handler's end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Line(Arc<Mutex<Plan>>);

impl Line {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Plan::Pass)))
    }

    /// Passes everything unchanged, from the next answer on.
    pub(crate) fn heal(&self) {
        self.set(Plan::Pass);
    }

    /// Resets the connection when it is dropped.
    pub(crate) fn reset(&self) {
        self.set(Plan::Reset);
    }

    /// Ends the stream after `body_bytes` of the next answer's body.
    pub(crate) fn cut_body(&self, body_bytes: usize) {
        self.set(Plan::Cut { in_head: false, head: HeadScan::default(), left: body_bytes });
    }

    /// Ends the stream inside the headers of the next answer.
    pub(crate) fn cut_head(&self) {
        self.set(Plan::Cut { in_head: true, head: HeadScan::default(), left: CUT_HEAD_AT_BYTES });
    }

    /// Makes an answer of this size trickle.
    pub(crate) fn drip(&self, answer_bytes: usize) {
        self.set(Plan::Drip { piece_bytes: answer_bytes.div_ceil(DRIPS).max(1) });
    }

    fn set(&self, plan: Plan) {
        *self.0.lock().expect("the plan of a connection") = plan;
    }

    /// Returns how many of `bytes` may pass now; 0 ends the stream.
    fn allowed(&self, bytes: &[u8]) -> usize {
        match &*self.0.lock().expect("the plan of a connection") {
            Plan::Pass => bytes.len(),
            Plan::Reset => 0,
            Plan::Drip { piece_bytes } => bytes.len().min(*piece_bytes),
            Plan::Cut { in_head: true, left, .. } => bytes.len().min(*left),
            Plan::Cut { in_head: false, head, left } => {
                let of_head = head.clone().advance(bytes);
                bytes.len().min(of_head.saturating_add(*left))
            }
        }
    }

    /// Accounts for bytes that have passed; returns the pause that follows them.
    fn passed(&self, bytes: &[u8]) -> Option<Duration> {
        match &mut *self.0.lock().expect("the plan of a connection") {
            Plan::Pass | Plan::Reset => None,
            Plan::Drip { .. } => Some(DRIP_PAUSE),
            Plan::Cut { in_head, head, left } => {
                let of_head = if *in_head { 0 } else { head.advance(bytes) };
                *left = left.saturating_sub(bytes.len() - of_head);
                None
            }
        }
    }

    fn is_reset(&self) -> bool {
        matches!(*self.0.lock().expect("the plan of a connection"), Plan::Reset)
    }
}

/// The server's end of a connection.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    line: Line,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, line: Line) -> Self {
        Self { stream, line, pause: None }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let allowed = self.line.allowed(bytes);
        if allowed == 0 && !bytes.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &bytes[..allowed]))?;
        self.pause =
            self.line.passed(&bytes[..written]).map(|pause| Box::pin(tokio::time::sleep(pause)));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.line.is_reset() {
            // If this fails, the connection ends with a FIN.
            let _ = self.stream.set_zero_linger();
        }
    }
}
