//! `memory:`

use super::url::Url;
use super::{Any, OpenError};
use crate::store::MemoryStore;
use crate::store::memory::WhenFull;
use std::sync::Arc;

pub(super) fn memory(mut url: Url<'_>) -> Result<Any, OpenError> {
    let form = "memory:";
    if !url.hosts.is_empty() || !url.path.is_empty() || url.has_login() {
        return Err(OpenError::Form { form });
    }
    let mut builder = MemoryStore::builder();
    if let Some(bytes) = url.parsed("max_bytes", "a number of bytes")? {
        builder = builder.max_bytes(bytes);
    }
    if let Some(entries) = url.parsed("max_entries", "a number of entries")? {
        builder = builder.max_entries(entries);
    }
    if let Some(what) = url.option("when_full") {
        builder = builder.when_full(match &*what {
            "evict" => WhenFull::EvictLongestIdle,
            "refuse" => WhenFull::RefuseNew,
            _ => {
                return Err(OpenError::OptionValue {
                    name: "when_full",
                    expected: "`evict` or `refuse`",
                });
            }
        });
    }
    url.end()?;
    Ok(Any::Memory(Arc::new(builder.build())))
}
