//! The body of a response: the inner service's, or the text of an error.

use bytes::Bytes;
use http_body::Body;
use std::error::Error;

/// A body that can give way to the text of an error.
///
/// Every [`Body`] of [`Bytes`] that can be sent to another thread is one. What comes out of the layer is
/// [`Output`](Self::Output): take it as *some* body. With the feature `axum` it is axum's own, so that
/// axum boxes nothing a second time; without, it is the inner service's or a [`Full`].
///
/// [`Full`]: http_body_util::Full
pub trait ResponseBody: Sized {
    /// The body that leaves the layer.
    type Output: Body<Data = Bytes>;

    /// The inner service's body, as it is.
    fn keep(self) -> Self::Output;

    /// A text in its place.
    fn text(text: Bytes) -> Self::Output;
}

#[cfg(feature = "axum")]
impl<B> ResponseBody for B
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = axum_core::body::Body;

    fn keep(self) -> Self::Output {
        axum_core::body::Body::new(self)
    }

    fn text(text: Bytes) -> Self::Output {
        text.into()
    }
}

#[cfg(not(feature = "axum"))]
impl<B> ResponseBody for B
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = http_body_util::Either<B, http_body_util::Full<Bytes>>;

    fn keep(self) -> Self::Output {
        http_body_util::Either::Left(self)
    }

    fn text(text: Bytes) -> Self::Output {
        http_body_util::Either::Right(text.into())
    }
}
