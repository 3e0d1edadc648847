use serde::de::IgnoredAny;
use sessile::{SessionId, sessions::Sessions};
use std::{collections::HashMap, error::Error};

/// The old sessions, and where they go.
#[derive(Clone)]
pub(super) struct Old {
    pub(super) redis: redis::Client,
    pub(super) sessions: Sessions,
}

/// Whether it is an id of tower-sessions, and no other key of the server.
pub(super) fn is_old_id(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() == 22 && bytes.all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

impl Old {
    /// The id of what an old session has become, or becomes now. For an hour it takes the place of the record:
    /// requests that come at once find the same session, and so does a browser that missed the answer.
    pub(super) async fn new_id(
        &self,
        old: &str,
    ) -> Result<Option<SessionId>, Box<dyn Error + Send + Sync>> {
        const REPLACE: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end \
            redis.call('SET', KEYS[1], ARGV[2], 'EX', 3600) return 1";
        let mut redis = self.redis.get_multiplexed_async_connection().await?;
        loop {
            let record: Option<Vec<u8>> =
                redis::cmd("GET").arg(old).query_async(&mut redis).await?;
            let Some(record) = record else {
                return Ok(None);
            };
            if let Some(id) = str::from_utf8(&record).ok().and_then(|id| id.parse().ok()) {
                return Ok(Some(id));
            }
            // The id, the data, the date.
            let (_, data, _): (IgnoredAny, HashMap<String, serde_json::Value>, IgnoredAny) =
                rmp_serde::from_slice(&record)?;
            let session = self.sessions.create();
            for (key, value) in &data {
                session.insert(key, value)?;
            }
            session.save().await?;
            let Some(id) = session.id()? else {
                return Ok(None);
            };
            let mut replace = redis::cmd("EVAL");
            replace
                .arg(REPLACE)
                .arg(1)
                .arg(old)
                .arg(record)
                .arg(id.expose());
            if replace.query_async(&mut redis).await? {
                return Ok(Some(id));
            }
            // Another request was first.
            self.sessions.end(&id).await?;
        }
    }
}
