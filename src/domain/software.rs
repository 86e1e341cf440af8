//! Which versions of the software below (firmware, operating system, driver) a mode or an engine works with.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A version such as 6.2 or 6.18.4; parts that are not written are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version([u32; 3]);

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = [0; 3];
        let written: Vec<&str> = text.trim().split('.').collect();
        if written.len() > parts.len() {
            return Err(format!("`{text}` has more than three parts"));
        }
        for (part, text) in parts.iter_mut().zip(&written) {
            *part = text.parse().map_err(|_| format!("`{text}` is not a part of a version: a number is expected"))?;
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        match patch {
            0 => write!(f, "{major}.{minor}"),
            _ => write!(f, "{major}.{minor}.{patch}"),
        }
    }
}

/// Versions from one on, below one, or between two: `>=6.2`, `<6.2`, `>=6.2 <7`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct VersionRange {
    /// The first that will do.
    pub since: Option<Version>,
    /// The first that will not do any more.
    pub below: Option<Version>,
}

impl VersionRange {
    /// What both allow; nothing when no version does.
    #[must_use]
    pub fn and(self, other: Self) -> Option<Self> {
        let since = self.since.max(other.since);
        let below = match (self.below, other.below) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        match (since, below) {
            (Some(since), Some(below)) if since >= below => None,
            _ => Some(Self { since, below }),
        }
    }
}

impl TryFrom<String> for VersionRange {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut range = Self::default();
        for part in text.split_whitespace() {
            if let Some(version) = part.strip_prefix(">=") {
                range.since = Some(version.parse()?);
            } else if let Some(version) = part.strip_prefix('<') {
                range.below = Some(version.parse()?);
            } else {
                return Err(format!("`{part}` is not a range of versions: `>=6.2`, `<6.2` or both are expected"));
            }
        }
        match range.and(Self::default()) {
            Some(range) if range != Self::default() => Ok(range),
            _ => Err(format!("`{text}` holds no version: `>=6.2`, `<6.2` or both are expected")),
        }
    }
}

impl From<VersionRange> for String {
    fn from(range: VersionRange) -> Self {
        range.to_string()
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.since, self.below) {
            (Some(since), Some(below)) => write!(f, ">={since} <{below}"),
            (Some(since), None) => write!(f, ">={since}"),
            (None, Some(below)) => write!(f, "<{below}"),
            (None, None) => f.write_str("any"),
        }
    }
}

/// Versions by the software that they are of, in lower case: `jetpack`, `macos`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SoftwareNeeds(pub BTreeMap<String, VersionRange>);

impl SoftwareNeeds {
    /// Whether nothing is needed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What both need together.
    ///
    /// # Errors
    /// The software of which no version suits both.
    pub fn and(&self, other: &Self) -> Result<Self, String> {
        let mut both = self.clone();
        for (software, range) in &other.0 {
            let known = both.0.entry(software.clone()).or_default();
            *known = known.and(*range).ok_or_else(|| software.clone())?;
        }
        Ok(both)
    }
}

/// The first version of a piece of software that an engine works with on some chips. There is no last one: two engines on
/// one device then never exclude each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngineNeed {
    /// The silicon that it holds on, by the beginning of its id.
    pub on: String,
    /// The software, in lower case.
    pub software: String,
    /// The first version.
    #[serde(with = "text")]
    #[schemars(with = "String")]
    pub since: Version,
    /// Where that stands.
    pub source: String,
}

/// Versions as texts.
mod text {
    use super::Version;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(version: &Version, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(version)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Version, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
