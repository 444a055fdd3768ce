//! Functions and operators on `inet` and `cidr`.

use backstay_model::{Error, Result, Value};

use super::text;
use crate::io::nested::network::{Network, parse};
use crate::{Call, CastContext, Table};

fn address(call: &Call<'_>, index: usize) -> Result<Network> {
    let stored = call.text(index)?;
    let is_cidr = call.arg_types.get(index) == Some(&backstay_model::Type::Cidr);
    parse(stored, is_cidr)
}

fn inet(mut network: Network) -> Result<Value> {
    network.cidr = false;
    text(network.to_string())
}

pub(super) fn register(table: &mut Table) {
    table
        .function("host(inet) text")
        .total()
        .scalar(|call| text(address(call, 0)?.address.to_string()));
    table
        .function("masklen(inet) integer")
        .total()
        .scalar(|call| Ok(Value::Int(address(call, 0)?.bits.into())));
    table
        .function("family(inet) integer")
        .total()
        .scalar(|call| Ok(Value::Int(if address(call, 0)?.width() == 32 { 4 } else { 6 })));
    table.function("text(inet) text").total().scalar(|call| {
        let network = address(call, 0)?;
        text(format!("{}/{}", network.address, network.bits))
    });
    table.function("abbrev(inet) text").total().scalar(|call| text(call.text(0)?));
    table.function("network(inet) cidr").total().scalar(|call| {
        let network = address(call, 0)?;
        let mut network = network.with_number(network.number() & !network.host_mask());
        network.cidr = true;
        text(network.to_string())
    });
    table.function("broadcast(inet) inet").total().scalar(|call| {
        let network = address(call, 0)?;
        inet(network.with_number(network.number() | network.host_mask()))
    });
    table.function("netmask(inet) inet").total().scalar(|call| {
        let network = address(call, 0)?;
        let full = Network { bits: network.width(), ..network };
        inet(full.with_number(!network.host_mask()))
    });
    table.function("hostmask(inet) inet").total().scalar(|call| {
        let network = address(call, 0)?;
        let full = Network { bits: network.width(), ..network };
        inet(full.with_number(network.host_mask()))
    });
    table.function("set_masklen(inet, integer) inet").scalar(|call| {
        let network = address(call, 0)?;
        let length = call.int(1)?;
        let bits = if length == -1 { Some(network.width()) } else { u8::try_from(length).ok() };
        match bits.filter(|bits| *bits <= network.width()) {
            Some(bits) => inet(Network { bits, ..network }),
            None => Err(Error::new("22023", format!("invalid mask length: {length}"))),
        }
    });
    table.cast(CastContext::Assignment, "::(inet) cidr").total().scalar(|call| {
        let network = address(call, 0)?;
        let mut network = network.with_number(network.number() & !network.host_mask());
        network.cidr = true;
        text(network.to_string())
    });
    relations(table);
}

macro_rules! relation {
    ($table:expr, $($symbol:literal => |$a:ident, $b:ident| $body:expr;)*) => {
        $($table.operator(concat!($symbol, "(inet, inet) boolean")).total().scalar(|call| {
            let ($a, $b) = (address(call, 0)?, address(call, 1)?);
            Ok(Value::Bool($body))
        });)*
    };
}

fn relations(table: &mut Table) {
    relation! { table,
        "<<" => |a, b| b.contains(&a) && b.bits < a.bits;
        "<<=" => |a, b| b.contains(&a);
        ">>" => |a, b| a.contains(&b) && a.bits < b.bits;
        ">>=" => |a, b| a.contains(&b);
        "&&" => |a, b| a.contains(&b) || b.contains(&a);
    }
}
