//! What is wrong or weak about a database: its age, its roles, its login.

use std::sync::Arc;

use backstay_catalog::Catalog;
use backstay_model::Result;

use crate::failure::Failure;
use crate::pool::Pool;

/// The oldest release that is served.
const VERSION_MIN: u32 = 150_000;
/// The roles that keys and tokens give.
const ROLES: &[&str] = &["anon", "authenticated", "service_role"];

/// One finding a line; nothing when all is well.
///
/// # Errors
/// As the connection raises.
pub(crate) async fn check(pool: &Arc<Pool>, catalog: &Catalog) -> Result<Vec<String>> {
    let mut lease = pool.lease().await?;
    let asked = "SELECT pg_catalog.current_setting('server_version'), \
                 pg_catalog.current_setting('server_version_num')";
    let rows = lease.connection()?.client.query_typed(asked, &[]).await;
    let rows = rows.map_err(|error| Failure::from(error).error)?;
    lease.give_back();
    let mut findings = Vec::new();
    for row in &rows {
        let text = |column| row.try_get::<_, String>(column).map_err(|e| Failure::from(e).error);
        let (name, number) = (text(0)?, text(1)?);
        if number.parse::<u32>().is_ok_and(|number| number < VERSION_MIN) {
            findings
                .push(format!("PostgreSQL {name} is older than what is tested: use 15 or later"));
        }
    }
    for role in ROLES {
        match catalog.roles.get(*role) {
            None => findings
                .push(format!("the role \"{role}\" does not exist: CREATE ROLE {role} NOLOGIN")),
            Some(known) if known.superuser => {
                findings.push(format!("the role \"{role}\" is a superuser: no policy binds it"));
            }
            Some(_) => {}
        }
    }
    Ok(findings)
}
