//! `ALTER TABLE`, and `ALTER VIEW`, `ALTER INDEX`, `ALTER SEQUENCE` in its shape.

use std::sync::Arc;

use backstay_catalog::{Relation, RelationKind, Work};
use backstay_expr::RelationId;
use backstay_model::{Error, Result};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType as At, ColumnDef, ConstrType, Constraint,
    DropBehavior, Node, ObjectType,
};

use super::constraint::Adding;
use super::drop::skip_or;
use super::drop_object::{Object, drop_all};
use super::names::{
    has_constraint, located, no_column, no_constraint, no_relation, written_schema, wrong_kind,
};
use super::role::role_name;
use super::sequence::elements;
use super::{Draft, alter_column, alter_type, bind, column, constraint, owner, view};

/// `ALTER TABLE`: its commands in PostgreSQL's order of passes.
pub(super) fn alter(draft: &mut Draft<'_>, stmt: &AlterTableStmt) -> Result<()> {
    if stmt.objtype() == ObjectType::ObjectType {
        return alter_type::alter_composite(draft, stmt);
    }
    let range =
        stmt.relation.as_ref().ok_or_else(|| Error::internal("ALTER TABLE without a table"))?;
    let (schema, name) = (written_schema(range), range.relname.as_str());
    let Ok(relation) = draft.find_relation(schema, name) else {
        if let Some(key) = draft.find_sequence(schema, name) {
            return alter_sequence(draft, &key, stmt);
        }
        if draft.find_index(schema, name).is_some() {
            draft.notice("options of indexes are not kept");
            return Ok(());
        }
        let error = located(no_relation(schema, name), range.location);
        return skip_or(draft, stmt.missing_ok, error);
    };
    let mut commands: Vec<&AlterTableCmd> = stmt
        .cmds
        .iter()
        .filter_map(|node| match node.node.as_ref() {
            Some(NodeEnum::AlterTableCmd(command)) => Some(&**command),
            _ => None,
        })
        .collect();
    commands.sort_by_key(|command| pass(command));
    let mut later = Vec::new();
    for command in commands {
        run(draft, relation.id, command, &mut later)?;
    }
    for constraint in &later {
        constraint::add(draft, relation.id, constraint, Adding::Later)?;
    }
    one_rebuild(&mut draft.work, relation.id);
    Ok(())
}

/// Two changes of the row id in one statement need one rebuild, the last.
fn one_rebuild(work: &mut Vec<Work>, id: RelationId) {
    let rebuild = Work::Rebuild(id);
    if let Some(last) = work.iter().rposition(|one| *one == rebuild) {
        let mut at = 0;
        work.retain(|one| {
            at += 1;
            *one != rebuild || at == last + 1
        });
    }
}

fn pass(command: &AlterTableCmd) -> u8 {
    match command.subtype() {
        At::AtDropColumn | At::AtDropConstraint => 0,
        At::AtAlterColumnType => 1,
        At::AtAddColumn => 2,
        At::AtSetExpression => 3,
        At::AtAddConstraint => match constraint_of(command).map(Constraint::contype) {
            Some(ConstrType::ConstrPrimary | ConstrType::ConstrUnique) => 5,
            Some(ConstrType::ConstrForeign) => 6,
            _ => 4,
        },
        At::AtColumnDefault | At::AtAddIdentity | At::AtSetIdentity => 4,
        At::AtSetNotNull | At::AtDropNotNull => 4,
        _ => 7,
    }
}

fn constraint_of(command: &AlterTableCmd) -> Option<&Constraint> {
    match command.def.as_deref()?.node.as_ref()? {
        NodeEnum::Constraint(constraint) => Some(constraint),
        _ => None,
    }
}

fn run(
    draft: &mut Draft<'_>,
    id: RelationId,
    command: &AlterTableCmd,
    later: &mut Vec<Constraint>,
) -> Result<()> {
    let relation = draft.known(id)?;
    if super::trigger::enable(draft, &relation, command)? {
        return Ok(());
    }
    check_kind(&relation, command.subtype())?;
    let cascade = command.behavior() == DropBehavior::DropCascade;
    match command.subtype() {
        At::AtAddColumn => add_column(draft, &relation, command, later),
        At::AtDropColumn => drop_column(draft, &relation, command, cascade),
        At::AtAddConstraint => match constraint_of(command) {
            Some(constraint) => constraint::add(draft, id, constraint, Adding::Later),
            None => Ok(()),
        },
        At::AtDropConstraint => drop_constraint(draft, &relation, command, cascade),
        At::AtValidateConstraint => validate(draft, &relation, &command.name),
        At::AtAlterConstraint => alter_constraint(draft, &relation, command),
        At::AtAlterColumnType
        | At::AtColumnDefault
        | At::AtSetNotNull
        | At::AtDropNotNull
        | At::AtSetExpression
        | At::AtDropExpression
        | At::AtAddIdentity
        | At::AtSetIdentity
        | At::AtDropIdentity => alter_column::alter(draft, &relation, command),
        At::AtEnableRowSecurity => set(draft, id, |one| one.row_security = true),
        At::AtDisableRowSecurity => set(draft, id, |one| one.row_security = false),
        At::AtForceRowSecurity => set(draft, id, |one| one.force_row_security = true),
        At::AtNoForceRowSecurity => set(draft, id, |one| one.force_row_security = false),
        At::AtReplicaIdentity => replica_identity(draft, id, command),
        At::AtChangeOwner => {
            let spec = command.newowner.as_ref();
            let spec = spec.ok_or_else(|| Error::internal("OWNER TO without a role"))?;
            let owner = role_name(draft, spec)?;
            owner::set_relation_owner(draft, id, &owner)
        }
        At::AtSetRelOptions | At::AtResetRelOptions => rel_options(draft, &relation, command),
        other => ignored_or_refused(draft, other),
    }
}

fn set(draft: &mut Draft<'_>, id: RelationId, change: impl FnOnce(&mut Relation)) -> Result<()> {
    change(draft.edit_relation(id)?);
    Ok(())
}

fn check_kind(relation: &Relation, command: At) -> Result<()> {
    let everywhere = matches!(
        command,
        At::AtChangeOwner
            | At::AtSetRelOptions
            | At::AtResetRelOptions
            | At::AtSetTableSpace
            | At::AtClusterOn
    );
    if relation.kind == RelationKind::Table || everywhere {
        return Ok(());
    }
    let Some(action) = action(command) else { return Err(wrong_kind(relation, "table")) };
    let message =
        format!("ALTER action {action} cannot be performed on relation \"{}\"", relation.name);
    Err(Error::new("42809", message)
        .with_details(format!("This operation is not supported for {}s.", relation.noun())))
}

/// How PostgreSQL calls a command that views have not.
fn action(command: At) -> Option<&'static str> {
    Some(match command {
        At::AtAddColumn => "ADD COLUMN",
        At::AtDropColumn => "DROP COLUMN",
        At::AtAddConstraint => "ADD CONSTRAINT",
        At::AtDropConstraint => "DROP CONSTRAINT",
        At::AtValidateConstraint => "VALIDATE CONSTRAINT",
        At::AtAlterColumnType => "ALTER COLUMN ... SET DATA TYPE",
        At::AtSetNotNull => "ALTER COLUMN ... SET NOT NULL",
        At::AtDropNotNull => "ALTER COLUMN ... DROP NOT NULL",
        At::AtAddIdentity => "ALTER COLUMN ... ADD IDENTITY",
        At::AtEnableRowSecurity => "ENABLE ROW SECURITY",
        At::AtDisableRowSecurity => "DISABLE ROW SECURITY",
        At::AtForceRowSecurity => "FORCE ROW SECURITY",
        At::AtNoForceRowSecurity => "NO FORCE ROW SECURITY",
        At::AtReplicaIdentity => "REPLICA IDENTITY",
        _ => return None,
    })
}

fn ignored_or_refused(draft: &mut Draft<'_>, command: At) -> Result<()> {
    let refused = match command {
        At::AtAddInherit | At::AtDropInherit => "INHERIT",
        At::AtAttachPartition | At::AtDetachPartition | At::AtDetachPartitionFinalize => {
            "ATTACH PARTITION"
        }
        At::AtAddOf | At::AtDropOf => "ALTER TABLE … OF",
        At::AtEnableRule | At::AtEnableAlwaysRule | At::AtDisableRule => "a rule of this name",
        _ => {
            draft.notice("a setting of storage, which this engine has not");
            return Ok(());
        }
    };
    Err(Error::unsupported(refused))
}

fn column_def(command: &AlterTableCmd) -> Result<&ColumnDef> {
    match command.def.as_deref().and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::ColumnDef(definition)) => Ok(definition),
        _ => Err(Error::internal("a column without a definition")),
    }
}

fn add_column(
    draft: &mut Draft<'_>,
    relation: &Relation,
    command: &AlterTableCmd,
    later: &mut Vec<Constraint>,
) -> Result<()> {
    let id = relation.id;
    let definition = column_def(command)?;
    if relation.column(&definition.colname).is_some() {
        let message = format!(
            "column \"{}\" of relation \"{}\" already exists",
            definition.colname, relation.name
        );
        let error = located(Error::new("42701", message), definition.location);
        return skip_or(draft, command.missing_ok, error);
    }
    let added = column::add(draft, id, definition)?;
    if let Some((number, node)) = &added.generated {
        column::set_generated(draft, id, *number, node)?;
    }
    let number = added.number;
    draft.work.push(Work::AddColumn { relation: id, column: number });
    let fresh = draft.known(id)?;
    if let Some(new) = fresh.column_by_number(number) {
        if let Some(value) = alter_column::value_of_new_rows(draft, new)? {
            draft.work.push(Work::Fill { relation: id, column: number, value });
        }
        if new.not_null {
            draft.work.push(Work::ValidateNotNull { relation: id, column: number });
        }
    }
    later.extend(added.constraints);
    Ok(())
}

fn drop_column(
    draft: &mut Draft<'_>,
    relation: &Relation,
    command: &AlterTableCmd,
    cascade: bool,
) -> Result<()> {
    let Some(column) = relation.column(&command.name) else {
        return skip_or(draft, command.missing_ok, no_column(relation, &command.name));
    };
    drop_all(draft, vec![Object::Column(relation.id, column.number)], cascade)
}

fn drop_constraint(
    draft: &mut Draft<'_>,
    relation: &Relation,
    command: &AlterTableCmd,
    cascade: bool,
) -> Result<()> {
    let name = command.name.as_str();
    let (id, owned) = (relation.id, name.to_owned());
    let object = if relation.keys().any(|key| key.name == name) {
        Object::Key(id, owned)
    } else if relation.checks.iter().any(|check| check.name == name) {
        Object::Check(id, owned)
    } else if relation.indexes.iter().any(|one| one.exclusion.is_some() && one.name == name) {
        Object::Index(id, owned)
    } else if has_constraint(relation, name) {
        Object::ForeignKey(id, owned)
    } else {
        return skip_or(draft, command.missing_ok, no_constraint(relation, name));
    };
    drop_all(draft, vec![object], cascade)
}

fn validate(draft: &mut Draft<'_>, relation: &Relation, name: &str) -> Result<()> {
    let id = relation.id;
    let stored = draft.edit_relation(id)?;
    let name = name.to_owned();
    if let Some(check) = stored.checks.iter_mut().find(|check| check.name == name) {
        if std::mem::take(&mut check.not_valid) {
            draft.work.push(Work::ValidateCheck { relation: id, name });
        }
        return Ok(());
    }
    if let Some(key) = stored.foreign_keys.iter_mut().find(|key| key.name == name) {
        if std::mem::take(&mut key.not_valid) {
            draft.work.push(Work::ValidateForeignKey { relation: id, name });
        }
        return Ok(());
    }
    if has_constraint(relation, &name) {
        let message = format!(
            "constraint \"{name}\" of relation \"{}\" is not a foreign key or check constraint",
            relation.name
        );
        return Err(Error::new("42809", message));
    }
    Err(no_constraint(relation, &name))
}

/// `ALTER CONSTRAINT … [NOT] DEFERRABLE [INITIALLY …]`.
fn alter_constraint(
    draft: &mut Draft<'_>,
    relation: &Relation,
    command: &AlterTableCmd,
) -> Result<()> {
    let (name, deferrable, deferred) = match command.def.as_deref().and_then(|n| n.node.as_ref()) {
        Some(NodeEnum::Constraint(one)) => (one.conname.as_str(), one.deferrable, one.initdeferred),
        Some(NodeEnum::AtalterConstraint(one)) => {
            (one.conname.as_str(), one.deferrable, one.initdeferred)
        }
        _ => return Ok(()),
    };
    let stored = draft.edit_relation(relation.id)?;
    match stored.foreign_keys.iter_mut().find(|key| key.name == name) {
        Some(key) => {
            key.deferrable = deferrable;
            key.deferred = deferred;
            Ok(())
        }
        None if has_constraint(relation, name) => {
            let message = format!(
                "constraint \"{name}\" of relation \"{}\" is not a foreign key constraint",
                relation.name
            );
            Err(Error::new("42809", message))
        }
        None => Err(no_constraint(relation, name)),
    }
}

fn replica_identity(draft: &mut Draft<'_>, id: RelationId, command: &AlterTableCmd) -> Result<()> {
    let full = match command.def.as_deref().and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::ReplicaIdentityStmt(stmt)) => stmt.identity_type == "f",
        _ => false,
    };
    set(draft, id, |one| one.replica_identity_full = full)
}

fn rel_options(draft: &mut Draft<'_>, relation: &Relation, command: &AlterTableCmd) -> Result<()> {
    let reset = command.subtype() == At::AtResetRelOptions;
    let nodes: &[Node] = match command.def.as_deref().and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::List(list)) => &list.items,
        _ => &[],
    };
    let RelationKind::View(known) = &relation.kind else {
        draft.notice("storage options of tables are not kept");
        return Ok(());
    };
    let mut changed = (**known).clone();
    if reset {
        for option in elements(nodes) {
            match option.defname.as_str() {
                "security_invoker" => changed.security_invoker = false,
                "check_option" => changed.check_option = false,
                _ => {}
            }
        }
    } else {
        view::options(&mut changed, nodes);
    }
    set(draft, relation.id, |one| one.kind = RelationKind::View(Box::new(changed)))
}

/// Dumps write `ALTER TABLE` for sequences as well; the owner is all that it can change.
fn alter_sequence(
    draft: &mut Draft<'_>,
    key: &(String, String),
    stmt: &AlterTableStmt,
) -> Result<()> {
    for node in &stmt.cmds {
        let Some(NodeEnum::AlterTableCmd(command)) = node.node.as_ref() else { continue };
        if command.subtype() != At::AtChangeOwner {
            draft.notice("storage options of sequences are not kept");
            continue;
        }
        let Some(spec) = &command.newowner else { continue };
        let owner = role_name(draft, spec)?;
        if let Some(sequence) = draft.edit().sequences.get_mut(key) {
            sequence.owner = owner;
        }
    }
    Ok(())
}

/// The objects in the way of a new type for a column: `0A000` as PostgreSQL says it.
pub(super) fn refuse_type_users(
    draft: &Draft<'_>,
    relation: &Relation,
    number: u16,
    name: &str,
) -> Result<()> {
    for other in draft.catalog.relations.values() {
        for (part, references) in super::depend::parts(other) {
            if !references.columns.contains(&(relation.id, number)) {
                continue;
            }
            let (what, detail) = match part {
                super::depend::Part::View => (
                    "used by a view or rule",
                    format!("rule _RETURN on view {} depends on column \"{name}\"", other.name),
                ),
                super::depend::Part::Policy(policy) => (
                    "used in a policy definition",
                    format!("policy {policy} on table {} depends on column \"{name}\"", other.name),
                ),
                super::depend::Part::Trigger(trigger) => (
                    "used in a trigger definition",
                    format!(
                        "trigger {trigger} on table {} depends on column \"{name}\"",
                        other.name
                    ),
                ),
                super::depend::Part::Generated(generated) if generated != number => {
                    let used = other.column_by_number(generated);
                    let used = used.map_or("", |column| column.name.as_str());
                    (
                        "used by a generated column",
                        format!("Column \"{name}\" is used by generated column \"{used}\"."),
                    )
                }
                _ => continue,
            };
            let message = format!("cannot alter type of a column {what}");
            return Err(Error::new("0A000", message).with_details(detail));
        }
    }
    Ok(())
}

/// Binds the checks and indexes that use a column again, over its new type.
pub(super) fn rebind_users(draft: &mut Draft<'_>, id: RelationId, number: u16) -> Result<()> {
    let relation: Arc<Relation> = draft.known(id)?;
    for (part, references) in super::depend::parts(&relation) {
        if !references.columns.contains(&(id, number)) {
            continue;
        }
        match part {
            super::depend::Part::Check(name) => {
                let Some(at) = relation.checks.iter().position(|check| check.name == name) else {
                    continue;
                };
                let node = super::text::parse_expression(&relation.checks[at].text)?;
                let fresh = bind::check(draft, &relation, &node)?;
                draft.edit_relation(id)?.checks[at].expr = fresh;
            }
            super::depend::Part::Index(name) => super::index::rebind(draft, id, &name)?,
            _ => {}
        }
    }
    Ok(())
}
