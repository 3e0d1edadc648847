//! A store's URL, taken apart.

use super::OpenError;
#[cfg(any(feature = "redis", feature = "memcached"))]
use crate::store::network::Tls;
use percent_encoding::percent_decode_str;

/// `scheme://user:password@hosts/path?options`, of which only the scheme must be there.
pub(super) struct Url<'a> {
    pub(super) scheme: &'a str,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    /// As they are written, without the commas between them.
    pub(super) hosts: Vec<&'a str>,
    /// Without the slash before it.
    pub(super) path: String,
    options: Vec<(String, String)>,
    /// The names of the options that were asked for.
    known: Vec<&'static str>,
}

impl<'a> Url<'a> {
    /// Takes a URL apart.
    ///
    /// # Errors
    ///
    /// [`OpenError::Malformed`], which quotes nothing: any part may be a password in the wrong place.
    pub(super) fn parse(text: &'a str) -> Result<Self, OpenError> {
        let (scheme, rest) = text.split_once(':').ok_or(OpenError::UnknownScheme)?;
        if text.contains(|char: char| char == '#' || char.is_whitespace() || char.is_control()) {
            return Err(OpenError::Malformed);
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
            None => ("", rest),
        };
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (Some(login), hosts),
            None => (None, authority),
        };
        let (username, password) = match login.map(|it| it.split_once(':').ok_or(it)) {
            None => (None, None),
            Some(Ok((username, password))) => (Some(username), Some(password)),
            Some(Err(username)) => (Some(username), None),
        };
        let given = |part: Option<&str>| part.filter(|it| !it.is_empty()).map(decode).transpose();
        Ok(Self {
            scheme,
            username: given(username)?,
            password: given(password)?,
            hosts: match hosts {
                "" => Vec::new(),
                hosts => hosts.split(',').collect(),
            },
            path: decode(path)?,
            options: query
                .split('&')
                .filter(|option| !option.is_empty())
                .map(|option| {
                    let (name, value) = option.split_once('=').ok_or(OpenError::Malformed)?;
                    Ok((decode(name)?, decode(value)?))
                })
                .collect::<Result<_, _>>()?,
            known: Vec::new(),
        })
    }

    /// Takes out an option.
    pub(super) fn option(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let index = self.options.iter().position(|(other, _)| other == name)?;
        Some(self.options.remove(index).1)
    }

    /// The same, as a value of another type, which the error says how to write.
    pub(super) fn parsed<T: std::str::FromStr>(
        &mut self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, OpenError> {
        let value = self.option(name).map(|value| value.parse());
        let value = value.transpose();
        value.map_err(|_| OpenError::OptionValue { name, expected })
    }

    #[cfg(any(feature = "redis", feature = "memcached"))]
    pub(super) fn milliseconds(
        &mut self,
        name: &'static str,
    ) -> Result<Option<std::time::Duration>, OpenError> {
        let number = self.parsed(name, "a number of milliseconds")?;
        Ok(number.map(std::time::Duration::from_millis))
    }

    /// What it says of TLS: certificates and keys are in files that it names.
    #[cfg(any(feature = "redis", feature = "memcached"))]
    pub(super) fn tls(&mut self) -> Result<Tls, OpenError> {
        let mut tls = Tls::default();
        tls.on = self.parsed("tls", "`true` or `false`")?.unwrap_or(false);
        if let Some(roots) = self.file("tls_roots")? {
            tls.trust(roots);
        }
        match (self.file("tls_certificate")?, self.file("tls_key")?) {
            (None, None) => {}
            (Some(certificates), Some(key)) => tls.identify(certificates, key),
            (certificates, _) => {
                return Err(OpenError::OptionValue {
                    name: if certificates.is_none() {
                        "tls_certificate"
                    } else {
                        "tls_key"
                    },
                    expected: "there too: certificate and key belong together",
                });
            }
        }
        Ok(tls)
    }

    /// What the file holds that an option names.
    #[cfg(any(feature = "redis", feature = "memcached"))]
    fn file(&mut self, name: &'static str) -> Result<Option<Vec<u8>>, OpenError> {
        let path = self.option(name);
        path.map(std::fs::read)
            .transpose()
            .map_err(|error| OpenError::File {
                name,
                kind: error.kind(),
            })
    }

    #[cfg(feature = "memory")]
    pub(super) const fn has_login(&self) -> bool {
        self.username.is_some() || self.password.is_some()
    }

    /// Takes nothing that nobody asked for.
    pub(super) fn end(self) -> Result<(), OpenError> {
        if self.options.is_empty() {
            Ok(())
        } else {
            Err(OpenError::UnknownOption { known: self.known })
        }
    }
}

fn decode(text: &str) -> Result<String, OpenError> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| OpenError::Malformed)
}
