//! The two ways to replace a value only if it has the expected version. Each is one round trip, and
//! touches keys of one hash slot only.

use super::request::Lua;
use std::sync::LazyLock;

// What the scripts answer, besides DONE.
pub(super) const MISSING: i64 = 0;
pub(super) const CONFLICT: i64 = 1;
pub(super) const DONE: i64 = 2;

/// KEYS: the key. ARGV: the expected version, the time to live, the new value.
///
/// A script's arguments are costly, so this is for small values.
pub(super) static SET: LazyLock<Lua> = LazyLock::new(|| {
    Lua::new(
        "if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] then
  return redis.call('EXISTS', KEYS[1])
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[2])
return 2",
    )
});

/// KEYS: the key, and a spare one that holds the new value. ARGV: the expected version, the time to
/// live.
///
/// The spare key is of this write alone. It can have been evicted, and then there is nothing to answer with:
/// 3 is none of the answers above.
pub(super) static RENAME: LazyLock<Lua> = LazyLock::new(|| {
    Lua::new(
        "if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[1] then
  redis.call('DEL', KEYS[2])
  return redis.call('EXISTS', KEYS[1])
end
if redis.call('EXISTS', KEYS[2]) == 0 then
  return 3
end
redis.call('RENAME', KEYS[2], KEYS[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 2",
    )
});
