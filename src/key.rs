//! The keys of the values in a session.

use std::fmt;
use std::marker::PhantomData;

/// The key of a value, with the value's type.
///
/// A constant of this type writes the name and the type of a value down once.
///
/// ```
/// use sessile::{Key, Session};
///
/// const VISITS: Key<u64> = Key::new("visits");
///
/// fn visit(session: &Session) -> Result<u64, sessile::Error> {
///     let visits = session.get(VISITS)?.unwrap_or(0) + 1;
///     session.insert(VISITS, visits)?;
///     Ok(visits)
/// }
/// ```
pub struct Key<T> {
    name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Key<T> {
    /// The key with this name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            value: PhantomData,
        }
    }

    /// The name of the key.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> AsRef<str> for Key<T> {
    fn as_ref(&self) -> &str {
        self.name
    }
}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.name).finish()
    }
}

/// What names a value of type `T`: a text, for a value of any type, or a [`Key<T>`].
///
/// Implemented for `&str`, `&String`, `Key<T>` and `&Key<T>`, and for nothing else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the key of a `{T}` in a session",
    note = "a key is a `&str`, or a `Key<T>` whose `T` is the type of the value"
)]
pub trait AsKey<T>: sealed::Sealed {
    /// The name of the key.
    fn as_key(&self) -> &str;
}

mod sealed {
    #[expect(unnameable_types, reason = "nobody else is to implement it")]
    pub trait Sealed {}

    impl Sealed for &str {}
    impl Sealed for &String {}
    impl<T> Sealed for super::Key<T> {}
    impl<T> Sealed for &super::Key<T> {}
}

impl<T> AsKey<T> for &str {
    fn as_key(&self) -> &str {
        self
    }
}

impl<T> AsKey<T> for &String {
    fn as_key(&self) -> &str {
        self
    }
}

impl<T> AsKey<T> for Key<T> {
    fn as_key(&self) -> &str {
        self.name
    }
}

impl<T> AsKey<T> for &Key<T> {
    fn as_key(&self) -> &str {
        self.name
    }
}
