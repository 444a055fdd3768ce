//! Row constructors, and rows without a declared type as JSON.

use backstay_expr::Expr;
use backstay_model::{Result, Type};
use backstay_typing::Argument;
use pg_query::NodeEnum;
use pg_query::protobuf::RowExpr;

use super::calls::text;
use crate::Binder;
use crate::nodes::each;

/// Functions that turn a row into a JSON object; the last of the pair says whether into `jsonb`.
const ROW_TO_JSON: &[(&str, bool)] =
    &[("row_to_json", false), ("to_json", false), ("to_jsonb", true)];

/// Functions that hold rows as JSON objects inside what they make.
const WITH_ROWS_INSIDE: &[(&str, bool)] = &[
    ("json_agg", false),
    ("jsonb_agg", true),
    ("json_build_object", false),
    ("jsonb_build_object", true),
    ("json_build_array", false),
    ("jsonb_build_array", true),
    ("json_object_agg", false),
    ("jsonb_object_agg", true),
];

impl Binder<'_> {
    pub(crate) fn row(&mut self, node: &RowExpr) -> Result<Expr> {
        let mut fields = Vec::new();
        for argument in each(&node.args) {
            match argument {
                NodeEnum::ColumnRef(reference) if self.is_star(reference) => {
                    let expanded = self.expand_star(reference)?;
                    fields.extend(expanded.into_iter().map(|(_, expr)| expr));
                }
                other => fields.push(self.expr(other)?),
            }
        }
        Ok(Expr::Row { fields, ty: Type::Record })
    }

    /// A row of a sub-select has names for its fields only while binding, so its JSON form is built
    /// here: `to_jsonb(r)` becomes `jsonb_build_object('a', r.a, …)`.
    pub(crate) fn json_of_rows(
        &mut self,
        function: &str,
        args: &mut [Argument],
    ) -> Result<Option<Expr>> {
        if let Some((_, binary)) = ROW_TO_JSON.iter().find(|(name, _)| *name == function)
            && let Some(first) = args.first()
            && args.len() == 1
            && first.expr.ty() == Type::Record
        {
            return self.json_object(&first.expr.clone(), *binary);
        }
        if let ("row_to_json", [only]) = (function, &*args)
            && let Type::Composite(_) = only.expr.ty()
        {
            // `record` would forget what the fields are.
            let found = self.resolver.call(Some("pg_catalog"), "to_json", args.to_vec(), false)?;
            return self.plain_call(found, "to_json").map(Some);
        }
        if let Some((_, binary)) = WITH_ROWS_INSIDE.iter().find(|(name, _)| *name == function) {
            for argument in args {
                if argument.expr.ty() == Type::Record
                    && let Some(object) = self.json_object(&argument.expr, *binary)?
                {
                    argument.expr = object;
                }
            }
        }
        Ok(None)
    }

    fn json_object(&mut self, row: &Expr, binary: bool) -> Result<Option<Expr>> {
        let (fields, nullable) = match row {
            Expr::WholeRow { rel, .. } => {
                let table = self.scopes.iter().rev().find_map(|scope| scope.names.table(*rel));
                let Some(table) = table else { return Ok(None) };
                (table.columns.clone(), table.nullable)
            }
            Expr::Argument { .. } => {
                let Some(fields) = self.fields(row) else { return Ok(None) };
                let field = |(index, (name, ty)): (usize, (String, Type))| {
                    (name, Expr::Field { expr: Box::new(row.clone()), index, ty })
                };
                (fields.into_iter().enumerate().map(field).collect(), true)
            }
            Expr::Row { fields, .. } => {
                let named = (1..).zip(fields);
                (named.map(|(at, field)| (format!("f{at}"), field.clone())).collect(), false)
            }
            _ => return Ok(None),
        };
        let name = if binary { "jsonb_build_object" } else { "json_build_object" };
        let mut args = Vec::with_capacity(fields.len() * 2);
        for (key, value) in fields {
            args.push(Argument::positional(text(&key)));
            let value = match value.ty() {
                Type::Record => self.json_object(&value, binary)?.unwrap_or(value),
                _ => value,
            };
            args.push(Argument::positional(value));
        }
        let found = self.resolver.call(Some("pg_catalog"), name, args, false)?;
        let object = self.plain_call(found, name)?;
        if !nullable {
            return Ok(Some(object));
        }
        // The row that an outer join did not find is null, not an object of nulls.
        let ty = object.ty();
        let absent = Expr::IsNull { expr: Box::new(row.clone()), negated: false };
        Ok(Some(Expr::Case {
            branches: vec![(absent, Expr::null(ty.clone()))],
            otherwise: Some(Box::new(object)),
            ty,
        }))
    }
}
