//! Joins: conditions, `USING` and `NATURAL` spelt out.

use backstay_expr::{Expr, From, JoinKind};
use backstay_model::{Error, Result, Type};
use pg_query::protobuf::{JoinExpr, JoinType};

use super::from::{refuse_duplicates, rename_columns};
use crate::Binder;
use crate::nodes::{inner, required, strings};
use crate::scope::{Clause, Namespace, Table};

impl Binder<'_> {
    pub(crate) fn join(&mut self, node: &JoinExpr) -> Result<(From, Namespace)> {
        let (left, mut left_names) = self.bind_entry(required(node.larg.as_deref())?)?;
        let before = self.scope().names.clone();
        self.scope().names.extend(left_names.clone());
        let right = required(node.rarg.as_deref()).and_then(|right| self.bind_entry(right));
        self.scope().names = before.clone();
        let (right, mut right_names) = right?;
        refuse_duplicates(&left_names.tables, &right_names.tables)?;
        let kind = match node.jointype() {
            JoinType::JoinInner => JoinKind::Inner,
            JoinType::JoinLeft => JoinKind::Left,
            JoinType::JoinRight => JoinKind::Right,
            JoinType::JoinFull => JoinKind::Full,
            _ => return Err(Error::internal("a join of another kind")),
        };
        if matches!(kind, JoinKind::Right | JoinKind::Full) {
            mark_nullable(&mut left_names);
        }
        if matches!(kind, JoinKind::Left | JoinKind::Full) {
            mark_nullable(&mut right_names);
        }
        let using = if node.is_natural {
            common_names(&left_names, &right_names)
        } else {
            strings(&node.using_clause).into_iter().map(str::to_owned).collect()
        };
        let mut names = Namespace::default();
        let mut conditions = Vec::new();
        for name in &using {
            let left = using_column(&mut left_names, name, "left")?;
            let right = using_column(&mut right_names, name, "right")?;
            let (condition, merged) = self.merge(kind, left, right)?;
            conditions.push(condition);
            names.columns.push((name.clone(), merged));
        }
        names.extend(left_names);
        names.extend(right_names);
        let mut on = Expr::all_of(conditions);
        if let Some(condition) = inner(node.quals.as_deref()) {
            self.scope().names = names.clone();
            let bound =
                self.within(Clause::JoinOn, |binder| binder.condition("JOIN/ON", condition));
            self.scope().names = before;
            on = Some(bound?);
        }
        let kind = match (kind, &on) {
            (JoinKind::Inner, None) => JoinKind::Cross,
            (kind, _) => kind,
        };
        if kind != JoinKind::Cross && on.is_none() {
            on = Some(Expr::bool(true));
        }
        let from = From::Join { kind, left: Box::new(left), right: Box::new(right), on };
        Ok((from, self.alias_join(node, names, using.len())?))
    }

    /// The condition `left = right` of a `USING` column, and the one column that stands for both.
    fn merge(&self, kind: JoinKind, left: Expr, right: Expr) -> Result<(Expr, Expr)> {
        let ty = self.resolver.common_type("JOIN/USING", &[left.ty(), right.ty()])?;
        let condition = self.resolver.binary("=", left.clone(), right.clone())?;
        let left = self.resolver.coerce_to_common("JOIN/USING", left, &ty)?;
        let right = self.resolver.coerce_to_common("JOIN/USING", right, &ty)?;
        let merged = match kind {
            JoinKind::Inner | JoinKind::Left | JoinKind::Cross => left,
            JoinKind::Right => right,
            JoinKind::Full => Expr::Coalesce { args: vec![left, right], ty },
        };
        Ok((condition, merged))
    }

    fn alias_join(
        &mut self,
        node: &JoinExpr,
        mut names: Namespace,
        merged: usize,
    ) -> Result<Namespace> {
        let table = |name: &str, columns: &[(String, Expr)]| Table {
            alias: name.to_owned(),
            schema: None,
            rel: None,
            columns: columns.to_vec(),
            row_type: Type::Record,
            scalar: false,
            nullable: false,
            relation: None,
        };
        if let Some(alias) = &node.join_using_alias {
            names.tables.push(table(&alias.aliasname, &names.columns[..merged]));
        }
        let Some(alias) = &node.alias else { return Ok(names) };
        let mut table = table(&alias.aliasname, &names.columns);
        rename_columns(&mut table, Some(alias))?;
        Ok(Namespace::of(table))
    }
}

fn mark_nullable(names: &mut Namespace) {
    for table in &mut names.tables {
        table.nullable = true;
    }
}

fn common_names(left: &Namespace, right: &Namespace) -> Vec<String> {
    let is_right = |name: &String| right.columns.iter().any(|(known, _)| known == name);
    left.columns.iter().map(|(name, _)| name).filter(|name| is_right(name)).cloned().collect()
}

/// Takes the column out of the bare names of its side.
fn using_column(names: &mut Namespace, name: &str, side: &str) -> Result<Expr> {
    let mut found = names.columns.iter().enumerate().filter(|(_, (known, _))| known == name);
    let Some((at, _)) = found.next() else {
        return Err(Error::new(
            "42703",
            format!("column \"{name}\" specified in USING clause does not exist in {side} table"),
        ));
    };
    if found.next().is_some() {
        return Err(Error::new(
            "42702",
            format!("common column name \"{name}\" appears more than once in {side} table"),
        ));
    }
    Ok(names.columns.remove(at).1)
}
