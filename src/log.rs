//! Log events, where the feature `tracing` is on.

#[cfg(feature = "tracing")]
macro_rules! warn_event {
    ($($text:tt)*) => { tracing::warn!(target: "sessile", $($text)*) };
}

#[cfg(not(feature = "tracing"))]
macro_rules! warn_event {
    ($($text:tt)*) => {{
        // So that what is only logged is used.
        let _ = format_args!($($text)*);
    }};
}

pub(crate) use warn_event as warn;
