//! Sequences, and the ones behind serial and identity columns.

use backstay_catalog::{Identity, Sequence, Work};
use backstay_expr::RelationId;
use backstay_model::{Error, Result, Type};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterSeqStmt, CreateSeqStmt, DefElem, Node};

use super::names::{
    located, no_column, no_relation, qualified, relation_exists, string_list, written_schema,
};
use super::{Draft, bind, column, defaults, text};

/// `CREATE SEQUENCE`.
pub(super) fn create(draft: &mut Draft<'_>, stmt: &CreateSeqStmt) -> Result<()> {
    let range =
        stmt.sequence.as_ref().ok_or_else(|| Error::internal("CREATE SEQUENCE without a name"))?;
    let schema = draft.creation_schema(written_schema(range))?;
    if draft.relation_name_taken(&schema, &range.relname) {
        if stmt.if_not_exists {
            draft.notice(format!("relation \"{}\" already exists, skipping", range.relname));
            return Ok(());
        }
        return Err(located(relation_exists(&range.relname), range.location));
    }
    let sequence = make(draft, &schema, Type::Int8, None, &stmt.options)?;
    install(draft, (schema, range.relname.clone()), sequence);
    Ok(())
}

fn install(draft: &mut Draft<'_>, key: (String, String), sequence: Sequence) {
    draft.work.push(Work::CreateSequence { schema: key.0.clone(), name: key.1.clone() });
    draft.edit().sequences.insert(key, sequence);
}

fn make(
    draft: &Draft<'_>,
    schema: &str,
    ty: Type,
    owned_by: Option<(RelationId, u16)>,
    options: &[Node],
) -> Result<Sequence> {
    let owner = draft.session.role.clone();
    let acl = defaults::privileges_of_new(&draft.catalog, &owner, schema, 'S');
    let mut sequence = Sequence {
        ty,
        start: 1,
        increment: 1,
        min: 1,
        max: i64::MAX,
        cycle: false,
        owned_by,
        owner,
        acl,
    };
    apply(draft, &mut sequence, options, true)?;
    Ok(sequence)
}

/// The least and the greatest number of a type.
fn bounds(ty: &Type) -> (i64, i64) {
    match ty {
        Type::Int2 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        Type::Int4 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    }
}

/// Applies the options; answers what `RESTART` says.
fn apply(
    draft: &Draft<'_>,
    sequence: &mut Sequence,
    options: &[Node],
    new: bool,
) -> Result<Option<i64>> {
    let find = |name: &str| elements(options).find(|option| option.defname == name);
    let old = bounds(&sequence.ty);
    if let Some(Node { node: Some(NodeEnum::TypeName(name)) }) =
        find("as").and_then(|option| option.arg.as_deref())
    {
        let (ty, _) = draft.resolve_type(name)?;
        if !matches!(ty, Type::Int2 | Type::Int4 | Type::Int8) {
            return Err(invalid("sequence type must be smallint, integer, or bigint"));
        }
        sequence.ty = ty;
    }
    if let Some(option) = find("increment") {
        sequence.increment = number(option)?;
        if sequence.increment == 0 {
            return Err(invalid("INCREMENT must not be zero"));
        }
    }
    if let Some(option) = find("cycle") {
        sequence.cycle = truth(option);
    }
    let (least, greatest) = bounds(&sequence.ty);
    let ascending = sequence.increment > 0;
    match find("maxvalue") {
        Some(option) if option.arg.is_some() => sequence.max = number(option)?,
        Some(_) => sequence.max = if ascending { greatest } else { -1 },
        None if new || sequence.max == old.1 => {
            sequence.max = if ascending { greatest } else { -1 };
        }
        None => {}
    }
    match find("minvalue") {
        Some(option) if option.arg.is_some() => sequence.min = number(option)?,
        Some(_) => sequence.min = if ascending { 1 } else { least },
        None if new => sequence.min = if ascending { 1 } else { least },
        None => {}
    }
    if sequence.min >= sequence.max {
        return Err(invalid(format!(
            "MINVALUE ({}) must be less than MAXVALUE ({})",
            sequence.min, sequence.max
        )));
    }
    match find("start") {
        Some(option) => sequence.start = number(option)?,
        None if new => sequence.start = if ascending { sequence.min } else { sequence.max },
        None => {}
    }
    check_range(sequence, sequence.start, "START")?;
    let Some(option) = find("restart") else { return Ok(None) };
    let value = if option.arg.is_some() { number(option)? } else { sequence.start };
    check_range(sequence, value, "RESTART")?;
    Ok(Some(value))
}

fn check_range(sequence: &Sequence, value: i64, what: &str) -> Result<()> {
    if value < sequence.min {
        return Err(invalid(format!(
            "{what} value ({value}) cannot be less than MINVALUE ({})",
            sequence.min
        )));
    }
    if value > sequence.max {
        return Err(invalid(format!(
            "{what} value ({value}) cannot be greater than MAXVALUE ({})",
            sequence.max
        )));
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new("22023", message)
}

/// The options in a list of nodes.
pub(super) fn elements(options: &[Node]) -> impl Iterator<Item = &DefElem> {
    options.iter().filter_map(|node| match node.node.as_ref() {
        Some(NodeEnum::DefElem(element)) => Some(&**element),
        _ => None,
    })
}

fn number(option: &DefElem) -> Result<i64> {
    let value = match option.arg.as_deref().and_then(|arg| arg.node.as_ref()) {
        Some(NodeEnum::Integer(integer)) => Some(i64::from(integer.ival)),
        Some(NodeEnum::Float(float)) => float.fval.parse().ok(),
        _ => None,
    };
    value.ok_or_else(|| {
        located(
            Error::new("42601", format!("{} requires an integer value", option.defname)),
            option.location,
        )
    })
}

/// An option's truth; one without a value is true.
pub(super) fn truth(option: &DefElem) -> bool {
    match option.arg.as_deref().and_then(|arg| arg.node.as_ref()) {
        Some(NodeEnum::Boolean(boolean)) => boolean.boolval,
        Some(NodeEnum::Integer(integer)) => integer.ival != 0,
        Some(NodeEnum::String(text)) => {
            matches!(text.sval.to_ascii_lowercase().as_str(), "true" | "on" | "yes" | "1")
        }
        _ => true,
    }
}

/// Makes the sequence of a serial column and its default.
pub(super) fn attach_serial(draft: &mut Draft<'_>, id: RelationId, number: u16) -> Result<()> {
    let (schema, name) = attach(draft, id, number, &[])?;
    let node = text::parse_expression(&column::nextval_text(&schema, &name))?;
    let relation = draft.known(id)?;
    let column =
        relation.column_by_number(number).ok_or_else(|| Error::internal("a column is missing"))?;
    let expr = bind::default(draft, &node, (&column.name, &column.ty, column.modifier))?;
    let shown = backstay_model::types::display_name(&schema, &name);
    let column = column::edit(draft, id, number)?;
    column.default = Some(expr);
    column.default_text =
        Some(format!("nextval({}::regclass)", backstay_model::quote_literal(&shown)));
    Ok(())
}

/// Makes the sequence of an identity column.
pub(super) fn attach_identity(
    draft: &mut Draft<'_>,
    id: RelationId,
    number: u16,
    identity: Identity,
    options: &[Node],
) -> Result<()> {
    let relation = draft.known(id)?;
    let column =
        relation.column_by_number(number).ok_or_else(|| Error::internal("a column is missing"))?;
    if !matches!(column.ty, Type::Int2 | Type::Int4 | Type::Int8) {
        return Err(invalid("identity column type must be smallint, integer, or bigint"));
    }
    attach(draft, id, number, options)?;
    let column = column::edit(draft, id, number)?;
    column.identity = Some(identity);
    column.not_null = true;
    Ok(())
}

fn attach(
    draft: &mut Draft<'_>,
    id: RelationId,
    number: u16,
    options: &[Node],
) -> Result<(String, String)> {
    let relation = draft.known(id)?;
    let column =
        relation.column_by_number(number).ok_or_else(|| Error::internal("a column is missing"))?;
    let named = elements(options).find(|option| option.defname == "sequence_name");
    let key = match named.and_then(|option| option.arg.as_deref()) {
        Some(list) => {
            let parts = string_list(list);
            let (schema, name) = qualified(&parts);
            let schema = schema.unwrap_or(&relation.schema).to_owned();
            if draft.relation_name_taken(&schema, name) {
                return Err(relation_exists(name));
            }
            (schema, name.to_owned())
        }
        None => {
            let parts = (relation.name.as_str(), Some(column.name.as_str()));
            let name = draft.choose_relation_name(&relation.schema, parts, "seq", false);
            (relation.schema.clone(), name)
        }
    };
    let sequence = make(draft, &key.0, column.ty.clone(), Some((id, number)), options)?;
    install(draft, key.clone(), sequence);
    column::edit(draft, id, number)?.sequence = Some(format!("{}.{}", key.0, key.1));
    Ok(key)
}

/// `ALTER SEQUENCE`.
pub(super) fn alter(draft: &mut Draft<'_>, stmt: &AlterSeqStmt) -> Result<()> {
    let range =
        stmt.sequence.as_ref().ok_or_else(|| Error::internal("ALTER SEQUENCE without a name"))?;
    let schema = written_schema(range);
    let Some(key) = draft.find_sequence(schema, &range.relname) else {
        if stmt.missing_ok {
            draft.notice(format!("relation \"{}\" does not exist, skipping", range.relname));
            return Ok(());
        }
        return Err(located(no_relation(schema, &range.relname), range.location));
    };
    change(draft, &key, &stmt.options)
}

/// Changes a sequence by options.
pub(super) fn change(
    draft: &mut Draft<'_>,
    key: &(String, String),
    options: &[Node],
) -> Result<()> {
    let Some(mut sequence) = draft.catalog.sequences.get(key).cloned() else {
        return Err(no_relation(Some(&key.0), &key.1));
    };
    let restart = apply(draft, &mut sequence, options, false)?;
    if let Some(option) = elements(options).find(|option| option.defname == "owned_by") {
        own(draft, key, &mut sequence, option)?;
    }
    draft.edit().sequences.insert(key.clone(), sequence);
    if let Some(value) = restart {
        let (schema, name) = key.clone();
        draft.work.push(Work::RestartSequence { schema, name, value });
    }
    Ok(())
}

/// `OWNED BY table.column` or `OWNED BY NONE`.
fn own(
    draft: &mut Draft<'_>,
    key: &(String, String),
    sequence: &mut Sequence,
    option: &DefElem,
) -> Result<()> {
    let parts = option.arg.as_deref().map(string_list).unwrap_or_default();
    if parts == ["none"] {
        sequence.owned_by = None;
        return Ok(());
    }
    let Some((column, table)) = parts.split_last() else { return Ok(()) };
    if table.is_empty() {
        return Err(Error::new("42601", "invalid OWNED BY option")
            .with_hint("Specify OWNED BY table.column or OWNED BY NONE."));
    }
    let (schema, name) = qualified(table);
    let relation = draft.find_relation(schema, name)?;
    if relation.schema != key.0 {
        return Err(Error::new(
            "55000",
            "sequence must be in same schema as table it is linked to",
        ));
    }
    let found = relation.column(column).ok_or_else(|| no_column(&relation, column))?;
    sequence.owned_by = Some((relation.id, found.number));
    let number = found.number;
    column::edit(draft, relation.id, number)?.sequence = Some(format!("{}.{}", key.0, key.1));
    Ok(())
}
