//! What settings files and variables mean, and how mistakes are told.

use std::fs;

use super::*;

fn read(
    ours: &str,
    supabase: Option<&str>,
    variables: &[(&str, &str)],
) -> Result<Settings, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("backstay.toml");
    fs::write(&file, ours).expect("written");
    let config = folder.path().join("config.toml");
    if let Some(text) = supabase {
        fs::write(&config, text).expect("written");
    }
    let variables =
        variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    load(&file, supabase.map(|_| config.as_path()), &variables)
        .map(|loaded| loaded.settings)
        .map_err(|report| format!("{report:?}"))
}

#[test]
fn an_empty_file_gives_the_defaults() {
    let settings = read("", None, &[]).expect("valid");
    assert_eq!(settings, Settings::default());
    assert!(settings.api.require_rls);
}

#[test]
fn unknown_keys_and_bad_values_are_shown_where_they_stand() {
    let error = read("[api]\nmax_row = 5\n", None, &[]).expect_err("misspelt");
    assert!(
        error.contains("unknown field `max_row`") && error.contains("backstay.toml:2"),
        "{error}"
    );
    let error = read("[api]\nmax_rows = \"many\"\n", None, &[]).expect_err("a word");
    assert!(error.contains("invalid type") && error.contains("backstay.toml:2"), "{error}");
}

#[test]
fn variables_outrank_the_file() {
    let variables = [("BACKSTAY_API_MAX_ROWS", "7"), ("BACKSTAY_API_SCHEMAS", "shop, public")];
    let settings = read("[api]\nmax_rows = 5\n", None, &variables).expect("valid");
    assert_eq!(settings.api.max_rows, 7);
    assert_eq!(settings.api.schemas, ["shop", "public"]);
}

#[test]
fn names_of_other_servers_are_understood() {
    let settings = read("", None, &[("PGRST_DB_MAX_ROWS", "9")]).expect("valid");
    assert_eq!(settings.api.max_rows, 9);
    let secrets = [("PGRST_JWT_SECRET", "a"), ("GOTRUE_JWT_SECRET", "b")];
    assert!(read("", None, &secrets).expect_err("differ").contains("different values"));
}

#[test]
fn unknown_variables_are_refused_by_name() {
    let error = read("", None, &[("BACKSTAY_API_MAXROWS", "7")]).expect_err("misspelt");
    assert!(error.contains("BACKSTAY_API_MAXROWS"), "{error}");
    let error = read("", None, &[("BACKSTAY_API_MAX_ROWS", "x")]).expect_err("a word");
    assert!(error.contains("must be a whole number"), "{error}");
}

#[test]
fn bad_values_of_variables_are_told_by_their_names() {
    for (name, value) in [
        ("BACKSTAY_DATABASE_DURABILITY", "sometimes"),
        ("BACKSTAY_SERVER_PORT", "70000"),
        ("BACKSTAY_LIMITS_EMBEDS", "-1"),
        ("BACKSTAY_DATABASE_URL", "oracle://nowhere"),
        ("BACKSTAY_API_SCHEMAS", " , "),
        ("GOTRUE_JWT_SECRET", "short"),
        ("PGRST_DB_TX_END", "never"),
    ] {
        let error = read("[api]\nmax_rows = 5\n", None, &[(name, value)]).expect_err(name);
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn a_supabase_folder_keeps_its_port_and_open_tables() {
    let config = "project_id = \"x\"\n[api]\nschemas = [\"public\", \"api\"]\n[studio]\nport = 1\n";
    let settings = read("", Some(config), &[]).expect("valid");
    assert_eq!(settings.server.port, 54321);
    assert!(!settings.api.require_rls);
    assert_eq!(settings.api.schemas, ["public", "api"]);
}

#[test]
fn weak_secrets_and_absent_engines_are_refused() {
    let error = read("[auth]\njwt_secret = \"short\"\n", None, &[]).expect_err("short");
    assert!(error.contains("jwt_secret"), "{error}");
    let error = read("[auth]\nencryption_key = \"short\"\n", None, &[]).expect_err("short");
    assert!(error.contains("encryption_key"), "{error}");
    let error = read("[auth.email]\notp_length = 2\n", None, &[]).expect_err("two digits");
    assert!(error.contains("auth.email.otp_length"), "{error}");
    let error = read("[database]\nurl = \"mysql://x\"\n", None, &[]).expect_err("absent");
    assert!(error.contains("mysql"), "{error}");
}

#[test]
fn the_url_of_the_platform_counts_where_the_project_names_none() {
    let platform = [("DATABASE_URL", "postgres://platform/x")];
    let settings = read("", None, &platform).expect("valid");
    assert_eq!(settings.database.url, "postgres://platform/x");
    let settings =
        read("[database]\nurl = \"postgres://own/x\"\n", None, &platform).expect("valid");
    assert_eq!(settings.database.url, "postgres://own/x");
    let settings = read("", None, &[("DATABASE_URL", "mysql://other/x")]).expect("valid");
    assert_eq!(settings.database.url, "");
}

#[test]
fn generated_files_are_read_or_refused_with_their_place() {
    let whole = toml::to_string(&Settings::default()).expect("written");
    let tables = whole.split("\n\n").map(|table| table.as_bytes().to_vec());
    let words = vec![
        "[server]\n",
        "[api]\n",
        "[auth.email.smtp]\n",
        "[limits]\n",
        "[app]\n",
        "[[",
        "]]",
        "schemas = [",
        "url = \"postgres://",
        "\"env(HOME)\"",
        "jwt_secret = ",
        "certificate = ",
        "port = ",
        "= ",
        "\n",
        "'''",
        "\"\"\"",
        "#",
        "inf",
        "1979-05-27",
        "true",
        "-1",
    ];
    let inputs = tables.chain([whole.clone().into_bytes()]).collect();
    let seeds = backstay_fuzz::Seeds { inputs, words };
    let folder = tempfile::tempdir().expect("a folder");
    backstay_fuzz::search("settings", seeds, (3_000, 8 << 20), move |input| {
        let file = folder.path().join("backstay.toml");
        fs::write(&file, input).expect("written");
        match load(&file, None, &BTreeMap::new()) {
            Ok(loaded) => format!("read with {} notes", loaded.notes.len()),
            Err(report) => report.to_string(),
        }
    });
}
