//! Log events, where the feature `tracing` is on.

#[cfg(feature = "tracing")]
macro_rules! warn_event {
    ($($text:tt)*) => { tracing::warn!(target: "sessile", $($text)*) };
}

#[cfg(not(feature = "tracing"))]
macro_rules! warn_event {
    ($($text:tt)*) => {{}};
}

pub(crate) use warn_event as warn;
