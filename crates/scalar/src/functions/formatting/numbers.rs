//! `to_char` of numbers and `to_number`.

mod print;
mod read;
mod template;

use backstay_model::{Numeric, Result, Type, Value};
use num_traits::Zero;

use super::names::roman;
use crate::functions::casts::numbers::numeric_to_int;
use crate::functions::numeric;
use crate::{Call, Table};
use template::Template;

/// Significant digits of a `double precision` and a `real`.
const DOUBLE_DIGITS: usize = 15;
const SINGLE_DIGITS: usize = 6;

pub(super) fn register(table: &mut Table) {
    for signature in ["to_char(integer, text) text", "to_char(bigint, text) text"] {
        table.function(signature).stable().scalar(|call| {
            let template = Template::parse(call.text(1)?)?;
            decimal(&Numeric::from(call.int(0)?), &template).map(Value::text)
        });
    }
    table.function("to_char(numeric, text) text").stable().scalar(|call| {
        let template = Template::parse(call.text(1)?)?;
        decimal(call.numeric(0)?, &template).map(Value::text)
    });
    for signature in ["to_char(real, text) text", "to_char(double precision, text) text"] {
        table.function(signature).stable().scalar(float);
    }
    table.function("to_number(text, text) numeric").stable().scalar(|call| {
        read::read(call.text(0)?, call.text(1)?)
            .map_or(Ok(Value::Null), |number| number.map(Value::Numeric))
    });
}

/// Prints an exact number.
fn decimal(number: &Numeric, template: &Template) -> Result<String> {
    if template.roman {
        if !matches!(number, Numeric::Finite { .. }) {
            numeric_to_int(&Type::Int4, number)?;
        }
        return Ok(roman_text(number.to_i64_rounded(), template));
    }
    if template.scientific {
        let text = scientific(number, template);
        return Ok(if text.starts_with('-') { text } else { format!(" {text}") });
    }
    let mut shifted = number.clone();
    let mut whole_digits = template.before_point;
    if template.multiply > 0 {
        let power =
            Numeric::new(Numeric::power_of_ten(u32::try_from(template.multiply).unwrap_or(0)), 0);
        shifted = numeric::multiply(number, &power)?;
        whole_digits += template.multiply;
    }
    let scale = i32::try_from(template.after_point).unwrap_or(0);
    let text = shifted.rescale(scale).to_string();
    print::print(template, &text, whole_digits)
}

/// Prints a float with no more digits than it has.
fn float(call: &Call<'_>) -> Result<Value> {
    let mut template = Template::parse(call.text(1)?)?;
    let number = call.float(0)?;
    if template.roman {
        #[expect(clippy::cast_possible_truncation, reason = "what does not fit prints as #")]
        let rounded = (number.abs() < 1e9).then_some(number.round_ties_even() as i64);
        return Ok(Value::text(roman_text(rounded, &template)));
    }
    if template.scientific {
        let exact = if number.is_finite() {
            exponent_form(number, template.after_point)
        } else {
            no_exponent(&template)
        };
        return Ok(Value::text(if exact.starts_with('-') { exact } else { format!(" {exact}") }));
    }
    let mut shifted = number;
    let mut whole_digits = template.before_point;
    if template.multiply > 0 {
        shifted *= 10_f64.powi(i32::try_from(template.multiply).unwrap_or(0));
        whole_digits += template.multiply;
    }
    let have =
        if call.arg_types.first() == Some(&Type::Float4) { SINGLE_DIGITS } else { DOUBLE_DIGITS };
    let whole = format!("{:.0}", shifted.abs()).len();
    if whole >= have {
        template.after_point = 0;
    } else {
        template.after_point = template.after_point.min(have - whole);
    }
    let text = if shifted.is_nan() {
        "NaN".to_owned()
    } else if shifted.is_infinite() {
        if shifted < 0.0 { "-Infinity" } else { "Infinity" }.to_owned()
    } else {
        format!("{shifted:.*}", template.after_point)
    };
    print::print(&template, &text, whole_digits).map(Value::text)
}

fn roman_text(number: Option<i64>, template: &Template) -> String {
    let text = match number {
        Some(number @ 1..=3_999) => roman(number),
        _ => hashes(15),
    };
    let text = if template.roman_lower { text.to_ascii_lowercase() } else { text };
    if template.fill { text } else { format!("{text:>15}") }
}

fn hashes(count: usize) -> String {
    "#".repeat(count)
}

/// `1.23e+03` of an exact number. Rounding may leave two digits before the point, as in PostgreSQL.
fn scientific(number: &Numeric, template: &Template) -> String {
    let Numeric::Finite { unscaled, scale } = number else { return no_exponent(template) };
    let digits = template.after_point;
    let count = i64::try_from(numeric::digit_count(unscaled)).unwrap_or(0).max(1);
    let exponent = if unscaled.is_zero() { 0 } else { count - 1 - i64::from(*scale) };
    let places = u16::try_from(count - 1).unwrap_or(u16::MAX);
    let significand =
        Numeric::new(unscaled.clone(), places).rescale(i32::try_from(digits).unwrap_or(0));
    format!("{significand}e{}{:02}", exponent_sign(exponent), exponent.abs())
}

/// What stands for `NaN` and infinities where an exponent is asked for.
fn no_exponent(template: &Template) -> String {
    let before = hashes(template.before_point);
    format!("{before}.{}", hashes(template.after_point + 4))
}

fn exponent_form(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i64 = exponent.parse().unwrap_or(0);
    format!("{mantissa}e{}{:02}", exponent_sign(exponent), exponent.abs())
}

fn exponent_sign(exponent: i64) -> char {
    if exponent < 0 { '-' } else { '+' }
}
