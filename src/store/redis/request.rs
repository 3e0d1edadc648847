//! The commands of this store.

use redis::{Cmd, Pipeline, RedisWrite, Script, ToRedisArgs, ToSingleRedisArg};
use std::io::Write as _;

/// A value as Redis keeps it: the version, then the record.
pub(super) struct Stored<'a> {
    pub(super) version: u64,
    pub(super) record: &'a [u8],
}

impl ToRedisArgs for Stored<'_> {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        let mut arg = out.writer_for_next_arg();
        // Into memory, which does not fail.
        let _ = arg.write_all(&self.version.to_be_bytes());
        let _ = arg.write_all(self.record);
    }
}

impl ToSingleRedisArg for Stored<'_> {}

/// A Lua script with its digest, by which a server that knows it can be told to run it.
pub(super) struct Lua(Script, &'static str);

impl Lua {
    pub(super) fn new(text: &'static str) -> Self {
        Self(Script::new(text), text)
    }
}

/// One command, or two that are sent together.
pub(super) enum Request {
    One(Cmd),
    Two(Pipeline),
}

impl Request {
    pub(super) fn get(key: &str) -> Self {
        Self::command("GET", key)
    }

    pub(super) fn delete(key: &str) -> Self {
        Self::command("DEL", key)
    }

    /// Sets a key if there is none.
    pub(super) fn add(key: &str, value: &Stored<'_>, ttl: i64) -> Self {
        Self::One(set(key, value, ttl, true))
    }

    /// Runs a script on one key with its value.
    pub(super) fn script(
        lua: Call<'_>,
        key: &str,
        expected: u64,
        ttl: i64,
        value: &Stored<'_>,
    ) -> Self {
        let mut cmd = lua.command(value.record.len());
        cmd.arg(1)
            .arg(key)
            .arg(&expected.to_be_bytes())
            .arg(ttl)
            .arg(value);
        Self::One(cmd)
    }

    /// Sets a spare key, and runs a script on the key and the spare one.
    pub(super) fn spare(
        key: &str,
        spare: &str,
        expected: u64,
        ttl: i64,
        value: &Stored<'_>,
        lua: &Lua,
    ) -> Self {
        const SPARE_TTL: i64 = 5_000;
        let mut pipeline = Pipeline::with_capacity(2);
        pipeline.add_command(set(spare, value, SPARE_TTL, false));
        pipeline.add_command(two_keys(Call::Digest(lua), key, spare, expected, ttl));
        Self::Two(pipeline)
    }

    /// The second half of [`spare`](Self::spare), with the script's text.
    pub(super) fn rename(key: &str, spare: &str, expected: u64, ttl: i64, lua: &Lua) -> Self {
        Self::One(two_keys(Call::Text(lua), key, spare, expected, ttl))
    }

    pub(super) fn auth(username: Option<&str>, password: &str) -> Self {
        let mut cmd = redis::cmd("AUTH");
        cmd.arg(username).arg(password);
        Self::One(cmd)
    }

    pub(super) fn select(database: u32) -> Self {
        let mut cmd = redis::cmd("SELECT");
        cmd.arg(database);
        Self::One(cmd)
    }

    pub(super) fn hello() -> Self {
        Self::One(redis::cmd("HELLO"))
    }

    pub(super) fn cluster_slots() -> Self {
        Self::command("CLUSTER", "SLOTS")
    }

    pub(super) fn master_of(name: &str) -> Self {
        let mut cmd = redis::cmd("SENTINEL");
        cmd.arg("get-master-addr-by-name").arg(name);
        Self::One(cmd)
    }

    /// The same at a cluster node that is about to take the key over.
    pub(super) fn asking(&self) -> Option<Self> {
        let Self::One(cmd) = self else { return None };
        let mut pipeline = Pipeline::with_capacity(2);
        pipeline.add_command(redis::cmd("ASKING"));
        pipeline.add_command(cmd.clone());
        Some(Self::Two(pipeline))
    }

    /// Writes it as the server reads it, and returns how many replies there will be.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> usize {
        match self {
            Self::One(cmd) => {
                cmd.write_packed_command(out);
                1
            }
            Self::Two(pipeline) => {
                let commands = pipeline.cmd_iter();
                commands.map(|cmd| cmd.write_packed_command(out)).count()
            }
        }
    }

    fn command(name: &str, arg: &str) -> Self {
        let mut cmd = Cmd::with_capacity(2, name.len() + arg.len());
        cmd.arg(name).arg(arg);
        Self::One(cmd)
    }
}

/// How a script is named to the server.
#[derive(Clone, Copy)]
pub(super) enum Call<'a> {
    Digest(&'a Lua),
    /// Which also lets the server know it from now on.
    Text(&'a Lua),
}

impl Call<'_> {
    fn command(self, room: usize) -> Cmd {
        let mut cmd = Cmd::with_capacity(7, room + 200);
        match self {
            Self::Digest(lua) => cmd.arg("EVALSHA").arg(lua.0.get_hash()),
            Self::Text(lua) => cmd.arg("EVAL").arg(lua.1),
        };
        cmd
    }
}

fn two_keys(lua: Call<'_>, key: &str, spare: &str, expected: u64, ttl: i64) -> Cmd {
    let mut cmd = lua.command(0);
    cmd.arg(2)
        .arg(key)
        .arg(spare)
        .arg(&expected.to_be_bytes())
        .arg(ttl);
    cmd
}

fn set(key: &str, value: &Stored<'_>, ttl: i64, if_missing: bool) -> Cmd {
    let mut cmd = Cmd::with_capacity(6, value.record.len() + 8 + key.len() + 32);
    cmd.arg("SET").arg(key).arg(value).arg("PX").arg(ttl);
    if if_missing {
        cmd.arg("NX");
    }
    cmd
}
