//! `inet`, `cidr` and `macaddr`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use backstay_model::{Error, Result};

/// An address with the length of its network part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The address.
    pub address: IpAddr,
    /// Bits of the network part: up to 32, or 128.
    pub bits: u8,
    /// Printed with its length always?
    pub cidr: bool,
}

impl Network {
    /// 32 or 128.
    pub fn width(&self) -> u8 {
        if self.address.is_ipv4() { 32 } else { 128 }
    }

    /// The address as a number.
    pub fn number(&self) -> u128 {
        match self.address {
            IpAddr::V4(address) => u128::from(u32::from(address)),
            IpAddr::V6(address) => u128::from(address),
        }
    }

    /// Another address of the same family.
    #[must_use]
    pub fn with_number(mut self, number: u128) -> Self {
        self.address = match self.address {
            IpAddr::V4(_) => {
                IpAddr::V4(Ipv4Addr::from(u32::try_from(number & 0xFFFF_FFFF).unwrap_or(0)))
            }
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(number)),
        };
        self
    }

    /// The mask of the host part.
    pub fn host_mask(&self) -> u128 {
        let host = u32::from(self.width() - self.bits);
        if host >= 128 { u128::MAX } else { (1u128 << host) - 1 }
    }

    /// Does it hold the other (equal networks included)?
    pub fn contains(&self, other: &Self) -> bool {
        self.width() == other.width()
            && self.bits <= other.bits
            && (self.number() ^ other.number()) & !self.host_mask() & Self::full(self.width()) == 0
    }

    fn full(width: u8) -> u128 {
        if width == 32 { u128::from(u32::MAX) } else { u128::MAX }
    }

    /// The key of PostgreSQL's order: family, network part, length, address.
    pub fn order(&self) -> (u8, u128, u8, u128) {
        (self.width(), self.number() & !self.host_mask(), self.bits, self.number())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if self.cidr || self.bits != self.width() {
            write!(f, "/{}", self.bits)?;
        }
        Ok(())
    }
}

/// Reads an `inet`, or a `cidr` (whose host part must be zero).
///
/// # Errors
/// `22P02`.
pub fn parse(text: &str, cidr: bool) -> Result<Network> {
    let name = if cidr { "cidr" } else { "inet" };
    let bad = || Error::invalid_input(name, text);
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => {
            if bits.is_empty() || bits.len() > 3 || !bits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(bad());
            }
            (address, Some(bits.parse::<u8>().map_err(|_| bad())?))
        }
        None => (text, None),
    };
    let (address, default_bits) = if address.contains(':') {
        (IpAddr::V6(address.parse().map_err(|_| bad())?), 128)
    } else {
        let (octets, count) = octets(address).ok_or_else(bad)?;
        // PostgreSQL abbreviates networks only, and there by the old address classes.
        if count < 4 && !cidr && bits.is_none() {
            return Err(bad());
        }
        let class = match octets[0] {
            0..=127 => 8,
            128..=191 => 16,
            192..=223 => 24,
            224..=239 => 4,
            240..=255 => 32,
        };
        let default = if cidr && count < 4 { class.max(count * 8) } else { 32 };
        (IpAddr::V4(Ipv4Addr::from(octets)), default)
    };
    let network = Network { address, bits: bits.unwrap_or(default_bits), cidr };
    if network.bits > network.width() {
        return Err(bad());
    }
    if cidr && network.number() & network.host_mask() != 0 {
        return Err(Error::new("22P02", format!("invalid cidr value: \"{text}\""))
            .with_details("Value has bits set to right of mask."));
    }
    Ok(network)
}

/// Up to four octets, and how many were written.
fn octets(text: &str) -> Option<([u8; 4], u8)> {
    let mut octets = [0u8; 4];
    let mut count = 0u8;
    for part in text.split('.') {
        if part.is_empty() || part.len() > 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *octets.get_mut(usize::from(count))? = part.parse().ok()?;
        count += 1;
    }
    Some((octets, count))
}

/// Reads a hardware address in any of PostgreSQL's spellings.
///
/// # Errors
/// `22P02`.
pub fn parse_mac(text: &str) -> Result<String> {
    let bad = || Error::invalid_input("macaddr", text);
    let trimmed = text.trim();
    let digits: String = trimmed.chars().filter(char::is_ascii_hexdigit).collect();
    let separators: String = trimmed.chars().filter(|c| !c.is_ascii_hexdigit()).collect();
    let spelling_known =
        matches!(separators.as_str(), "" | ":" | "-" | ".." | "--" | ":::::" | "-----");
    if digits.len() != 12 || !spelling_known {
        return Err(bad());
    }
    let digits = digits.to_ascii_lowercase();
    let pairs: Vec<&str> = (0..6).filter_map(|i| digits.get(i * 2..i * 2 + 2)).collect();
    Ok(pairs.join(":"))
}
