//! Calls of functions through the API, and what only counts.

use backstay_engine::Format;
use backstay_expr::{Body, Expr, From, Query};
use backstay_model::{Error, Result, Type};
use backstay_plan::{Call, CallResult};

use super::nodes::select_of;
use super::values::Given;
use super::{Layout, Renderer};

impl<'a> Renderer<'a> {
    /// A call.
    pub(super) fn call(&mut self, call: &'a Call) -> Result<Layout> {
        self.runs_functions = true;
        match &call.result {
            CallResult::Void => {
                self.push("SELECT FROM ");
                self.user_call(call.function, &call.arguments)?;
                self.push(" AS r");
                Ok(Layout::Void)
            }
            CallResult::Scalar(_) => self.values(call, (None, false)),
            CallResult::Scalars { limit, .. } => self.values(call, (*limit, true)),
            CallResult::Rows { set, node, count } => {
                if let Some(count) = count {
                    // The function runs once, however often its rows are read.
                    let call = scanned(&select_of(node)?.from)
                        .ok_or_else(|| Error::internal("a call whose rows are not read"))?;
                    self.push("WITH called AS MATERIALIZED (SELECT * FROM ");
                    self.expr(call)?;
                    self.push(" AS r) ");
                    self.called = Some(call);
                    let counting = self.apart(|this| this.query(count))?;
                    return self.shaped(*set, |this| this.rows(node, Some(&(counting, "c1"))));
                }
                self.shaped(*set, |this| this.rows(node, None))
            }
        }
    }

    /// One composite value is an object, not an array of one.
    fn shaped(
        &mut self,
        set: bool,
        rows: impl FnOnce(&mut Self) -> Result<Layout>,
    ) -> Result<Layout> {
        let csv = self.format == Format::Csv;
        Ok(match rows(self)? {
            Layout::Rows { total, header, .. } => Layout::Rows { total, array: set || csv, header },
            other => other,
        })
    }

    fn values(&mut self, call: &'a Call, (limit, array): (Option<u64>, bool)) -> Result<Layout> {
        match self.format {
            Format::Json | Format::Aggregate(_) => {
                self.push("SELECT pg_catalog.to_json(r.v) FROM ");
            }
            // As a row of one column, for its quotes.
            Format::Csv => self.push("SELECT ROW(r.v)::pg_catalog.text FROM "),
            Format::Value => {
                let ty = match &call.result {
                    CallResult::Scalar(ty) | CallResult::Scalars { ty, .. } => ty,
                    CallResult::Void | CallResult::Rows { .. } => &Type::Void,
                };
                let bare = self.bare(ty);
                self.push(&format!("SELECT r.v::{bare} FROM "));
            }
        }
        self.user_call(call.function, &call.arguments)?;
        self.push(" AS r (v)");
        if let Some(limit) = limit {
            let number = self.argument(Given::Text(Some(limit.to_string())));
            self.push(&format!(" LIMIT ${number}::pg_catalog.int8"));
        }
        let array = array || self.format == Format::Csv;
        Ok(Layout::Rows { total: false, array, header: vec!["pgrst_scalar".to_owned()] })
    }

    /// The type whose binary form is what a body shows of a type: its bytes or its text.
    pub(super) fn bare(&self, ty: &Type) -> &'static str {
        match ty.base(self.catalog()) {
            Type::Bytea => "pg_catalog.bytea",
            _ => "pg_catalog.text",
        }
    }

    /// The rows that a count counts, one `SELECT` without outputs.
    pub(super) fn counted_rows(&mut self, count: &'a Query) -> Result<()> {
        let Body::Select(select) = &count.body else {
            return Err(Error::internal("a count is a select"));
        };
        for from in &select.from {
            self.enter(from)?;
        }
        self.push("SELECT 1");
        self.source(select)
    }
}

/// The call that a `FROM` begins with.
fn scanned(from: &[From]) -> Option<&Expr> {
    match from.first()? {
        From::Function(scan) => Some(&scan.call),
        From::Join { left, .. } => scanned(std::slice::from_ref(left)),
        From::Relation(_) | From::Query { .. } | From::Cte { .. } => None,
    }
}
