//! A body that may end in its middle.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::body::{Body, Bytes, Frame};

/// A page's bytes: all of them, or the first half and then the connection's end.
pub(crate) struct PageBody {
    bytes: Option<Bytes>,
    then: Then,
}

enum Then {
    End,
    /// The half that was sent must be on its way before the connection ends, so one turn goes by.
    Wait,
    Break,
}

impl PageBody {
    pub(crate) fn whole(text: impl Into<Bytes>) -> Self {
        Self { bytes: Some(text.into()), then: Then::End }
    }

    pub(crate) fn half(text: &str) -> Self {
        let half = Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]);
        Self { bytes: Some(half), then: Then::Wait }
    }
}

impl Body for PageBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match self.then {
            Then::End => Poll::Ready(None),
            Then::Wait => {
                self.then = Then::Break;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Then::Break => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
        }
    }
}
