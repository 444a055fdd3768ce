//! The bootstrap against an empty catalogue.

use super::*;

#[test]
fn an_empty_catalogue_gets_what_projects_refer_to() {
    let catalog = catalog().unwrap();
    let users = catalog.relation("auth", "users").unwrap();
    assert_eq!(users.columns.len(), 35);
    assert_eq!(users.physical, "auth.users");
    assert!(users.column("confirmed_at").unwrap().generated.is_some());
    assert!(users.row_security);
    for table in ["buckets", "objects"] {
        assert!(catalog.relation("storage", table).unwrap().row_security);
    }
    assert!(catalog.relation("realtime", "messages").unwrap().row_security);
    assert!(catalog.relation("supabase_migrations", "schema_migrations").is_some());
    assert!(catalog.publications.contains_key("supabase_realtime"));
    assert!(catalog.bypasses_row_security("service_role"));
    assert!(!catalog.bypasses_row_security("authenticated"));
}

#[test]
fn a_catalogue_that_is_up_to_date_gets_nothing_more() {
    let catalog = catalog().unwrap();
    assert!(pending(&catalog).unwrap().is_none());
}

#[test]
fn every_foreign_key_has_an_index() {
    let catalog = catalog().unwrap();
    let sessions = catalog.relation("auth", "sessions").unwrap();
    assert!(sessions.indexes.iter().all(|index| !index.hidden));
    let parts = catalog.relation("storage", "s3_multipart_uploads_parts").unwrap();
    assert_eq!(parts.indexes.iter().filter(|index| index.hidden).count(), 2);
}
