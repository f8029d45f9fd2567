//! The pieces of one file that workers make, put back into the order of the file.
//!
//! Each piece comes through a channel of its own, made with its number ([`Pieces::begin`]). It is
//! looked for only when an event says that it is there ([`Pieces::done`]): what the engine does
//! depends on the order of events alone, never on how far a worker happens to be.

use std::collections::VecDeque;

use tokio::sync::oneshot;

/// Pieces of the type `P` that are being made, or wait for an earlier one.
#[derive(Debug)]
pub(super) struct Pieces<P> {
    /// In the order of the file.
    queue: VecDeque<Piece<P>>,
    /// Number of the piece at the front.
    front: u32,
    /// Size of the rows of all pieces in the queue.
    rows_bytes: u64,
}

#[derive(Debug)]
struct Piece<P> {
    rows_bytes: u64,
    state: State<P>,
}

#[derive(Debug)]
enum State<P> {
    InWork(oneshot::Receiver<P>),
    Done(P),
}

impl<P> Pieces<P> {
    pub(super) fn new() -> Self {
        Self { queue: VecDeque::new(), front: 0, rows_bytes: 0 }
    }

    /// A piece is to be made of rows of this size: returns its number, and where it is to go.
    pub(super) fn begin(&mut self, rows_bytes: u64) -> (u32, oneshot::Sender<P>) {
        let (sender, receiver) = oneshot::channel();
        let number = self.front + self.queue.len() as u32;
        self.queue.push_back(Piece { rows_bytes, state: State::InWork(receiver) });
        self.rows_bytes += rows_bytes;
        (number, sender)
    }

    /// The piece with this number is made: returns it, with the size of its rows.
    pub(super) fn done(&mut self, number: u32) -> Option<(u64, &P)> {
        let piece = self.queue.get_mut(number.checked_sub(self.front)? as usize)?;
        if let State::InWork(receiver) = &mut piece.state {
            piece.state = State::Done(receiver.try_recv().ok()?);
        }
        match &piece.state {
            State::Done(content) => Some((piece.rows_bytes, content)),
            State::InWork(_) => None,
        }
    }

    /// Takes out the next piece of the file, if it is made.
    pub(super) fn pop(&mut self) -> Option<P> {
        let Piece { rows_bytes, state } = self.queue.pop_front()?;
        match state {
            State::Done(content) => {
                self.front += 1;
                self.rows_bytes -= rows_bytes;
                Some(content)
            }
            State::InWork(_) => {
                self.queue.push_front(Piece { rows_bytes, state });
                None
            }
        }
    }

    /// Whether every piece has been taken out.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Size of the rows of the pieces that have not been taken out.
    pub(super) fn rows_bytes(&self) -> u64 {
        self.rows_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_out_in_the_order_of_the_file_and_only_once_they_are_reported() {
        let mut pieces = Pieces::new();
        let (first, to_first) = pieces.begin(10);
        let (second, to_second) = pieces.begin(5);
        to_second.send("second").unwrap();
        assert_eq!(pieces.done(second), Some((5, &"second")));
        assert_eq!(pieces.pop(), None, "the first one is being made");
        to_first.send("first").unwrap();
        assert_eq!(pieces.pop(), None, "nobody has said that it is there");
        assert_eq!(pieces.done(first), Some((10, &"first")));
        assert_eq!(pieces.rows_bytes(), 15);
        assert_eq!(
            (pieces.pop(), pieces.pop(), pieces.pop()),
            (Some("first"), Some("second"), None)
        );
        assert_eq!((pieces.is_empty(), pieces.rows_bytes()), (true, 0));
        assert_eq!(pieces.begin(1).0, 2, "numbers go on");
    }
}
