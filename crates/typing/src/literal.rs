//! Literals: from text to values while binding.

use backstay_expr::{CastMethod, Expr};
use backstay_model::{Error, Modifier, Result, Type, TypeSource, Value};
use backstay_scalar::environment::SequenceAction;
use backstay_scalar::environment::fixed::FIXED_NOW_MICROS;
use backstay_scalar::{Environment, io};
use jiff::tz::TimeZone;

use crate::Resolver;

/// What literals are read with: UTC, the catalogue's types, no settings. Words that mean the current
/// time never reach it (they are left for run time).
pub struct LiteralEnvironment<'c> {
    types: &'c dyn TypeSource,
    zone: TimeZone,
}

impl<'c> LiteralEnvironment<'c> {
    /// An environment that knows these user-defined types.
    pub fn new(types: &'c dyn TypeSource) -> Self {
        Self { types, zone: TimeZone::UTC }
    }
}

impl Environment for LiteralEnvironment<'_> {
    fn types(&self) -> &dyn TypeSource {
        self.types
    }

    fn now_micros(&self) -> i64 {
        FIXED_NOW_MICROS
    }

    fn clock_micros(&self) -> i64 {
        FIXED_NOW_MICROS
    }

    fn time_zone(&self) -> &TimeZone {
        &self.zone
    }

    fn role(&self) -> &'static str {
        "postgres"
    }

    fn setting(&self, _name: &str) -> Option<String> {
        None
    }

    fn set_setting(&self, name: &str, _value: &str, _local: bool) -> Result<()> {
        Err(Error::unsupported(format!("setting \"{name}\" while binding")))
    }

    fn sequence(&self, name: &str, _action: SequenceAction) -> Result<i64> {
        Err(Error::unsupported(format!("using sequence \"{name}\" while binding")))
    }
}

/// Does the meaning of this literal depend on when it is read?
fn depends_on_clock(ty: &Type, text: &str) -> bool {
    if !matches!(ty, Type::Date | Type::Time | Type::TimeTz | Type::Timestamp | Type::TimestampTz) {
        return false;
    }
    let text = text.trim_start().to_ascii_lowercase();
    ["now", "today", "tomorrow", "yesterday"].iter().any(|word| text.starts_with(word))
}

impl Resolver<'_> {
    /// Reads the text as a literal of the type; `explicit` says whether a modifier cuts (a cast) or
    /// refuses (an assignment) what is too long.
    ///
    /// # Errors
    /// As the type's input function raises (`22P02`, `22003`, `22007`…).
    pub fn literal(
        &self,
        ty: &Type,
        modifier: Option<Modifier>,
        text: &str,
        explicit: bool,
    ) -> Result<Expr> {
        let base = ty.base(self.catalog());
        if depends_on_clock(&base, text) {
            return Ok(Expr::Cast {
                expr: Box::new(Expr::constant(Value::text(text), Type::Text)),
                method: CastMethod::Io,
                modifier,
                explicit,
                ty: ty.clone(),
            });
        }
        let env = LiteralEnvironment::new(self.catalog());
        let mut value = io::input(&env, &base, None, text)?;
        if let Some(modifier) = modifier {
            value = io::apply_modifier(&env, &base, modifier, value, explicit)?;
        }
        let literal = Expr::constant(value, base.clone());
        Ok(if base == *ty { literal } else { self.as_domain(literal, ty, explicit) })
    }

    /// Labels an expression of the base type as the domain; whoever computes it checks the domain.
    pub(crate) fn as_domain(&self, expr: Expr, domain: &Type, explicit: bool) -> Expr {
        let modifier = match domain {
            Type::Domain(id) => self.catalog().domain_base(*id).and_then(|(_, modifier)| modifier),
            _ => None,
        };
        Expr::Cast {
            expr: Box::new(expr),
            method: CastMethod::Relabel,
            modifier,
            explicit,
            ty: domain.clone(),
        }
    }
}
