//! The session as its functions show it.

use backstay_model::{Error, Value};

use crate::environment::fixed::FixedEnvironment;
use crate::{Call, Environment, table};

fn call(env: &dyn Environment, symbol: &str, args: &[Value]) -> Result<Value, Error> {
    let function = table().get(symbol).unwrap_or_else(|| panic!("no row {symbol}"));
    let result = function.result.clone();
    function.call(&Call { env, args, arg_types: &function.args, result: &result })
}

fn with_claims(claims: &str) -> FixedEnvironment {
    let env = FixedEnvironment::new();
    env.set_setting("request.jwt.claims", claims, true).expect("setting");
    env
}

#[test]
fn claims_come_from_the_token() {
    let id = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    let env = with_claims(&format!(
        "{{\"sub\":\"{id}\",\"role\":\"authenticated\",\"email\":\"a@b.co\",\"aal\":\"aal2\"}}"
    ));
    let uuid = call(&env, "auth.uid()", &[]).expect("uid");
    assert_eq!(crate::io::output(&env, &backstay_model::Type::Uuid, &uuid).as_deref(), Ok(id));
    assert_eq!(call(&env, "auth.role()", &[]), Ok(Value::text("authenticated")));
    assert_eq!(call(&env, "auth.email()", &[]), Ok(Value::text("a@b.co")));
    let jwt = call(&env, "auth.jwt()", &[]).expect("jwt");
    assert!(jwt.as_str().is_some_and(|text| text.starts_with("{\"aal\": \"aal2\"")));
}

#[test]
fn without_claims_there_is_nobody() {
    for env in [FixedEnvironment::new(), with_claims(""), with_claims("{\"sub\":\"\"}")] {
        assert_eq!(call(&env, "auth.uid()", &[]), Ok(Value::Null));
    }
    let env = with_claims("{\"sub\":\"x\"}");
    assert_eq!(call(&env, "auth.uid()", &[]).expect_err("no uuid").code, "22P02");
}

#[test]
fn the_topic_is_the_channels() {
    let env = FixedEnvironment::new();
    assert_eq!(call(&env, "realtime.topic()", &[]), Ok(Value::Null));
    env.set_setting("realtime.topic", "room:1", true).expect("setting");
    assert_eq!(call(&env, "realtime.topic()", &[]), Ok(Value::text("room:1")));
}

#[test]
fn an_old_claim_setting_goes_first() {
    let env = with_claims("{\"role\":\"anon\"}");
    env.set_setting("request.jwt.claim.role", "service_role", true).expect("setting");
    assert_eq!(call(&env, "auth.role()", &[]), Ok(Value::text("service_role")));
}

#[test]
fn settings_can_be_set_and_shown() {
    let env = FixedEnvironment::new();
    let set = [Value::text("app.tenant"), Value::text("7"), Value::Bool(true)];
    assert_eq!(call(&env, "set_config(text,text,boolean)", &set), Ok(Value::text("7")));
    let name = [Value::text("App.Tenant")];
    assert_eq!(call(&env, "current_setting(text)", &name), Ok(Value::text("7")));
    let unknown = [Value::text("app.none")];
    let error = call(&env, "current_setting(text)", &unknown).expect_err("unknown");
    assert_eq!(error.code, "42704");
    assert_eq!(error.message, "unrecognized configuration parameter \"app.none\"");
    let missing_ok = [Value::text("app.none"), Value::Bool(true)];
    assert_eq!(call(&env, "current_setting(text,boolean)", &missing_ok), Ok(Value::Null));
}

#[test]
fn paths_of_objects_have_folders_a_name_and_an_extension() {
    super::super::cases::check(
        "storage.foldername(text) | u1/avatars/me.png => {u1,avatars}\n\
         storage.foldername(text) | me.png => {}\n\
         storage.foldername(text) | /a => {\"\"}\n\
         storage.filename(text) | u1/avatars/me.png => me.png\n\
         storage.extension(text) | u1/a.b/me.tar.gz => gz\n\
         storage.extension(text) | '' => NULL\n\
         num_nulls(\"any\") | integer:1 | text:NULL => 1\n\
         num_nonnulls(\"any\") | integer:1 | text:NULL => 1\n\
         pg_typeof(\"any\") | timestamp with time zone:NULL => timestamp with time zone\n\
         current_schema() => public\n\
         current_user() => postgres\n\
         to_regclass(text) | public.x => NULL\n\
         pg_sleep(double precision) | 1000000 => ERROR 0A000 pg_sleep for more than 10 seconds is not supported",
    );
}

#[test]
fn sizes_are_shown_in_the_unit_that_fits() {
    super::super::cases::check(
        "pg_size_pretty(bigint) | 10239 => 10239 bytes\n\
         pg_size_pretty(bigint) | 10240 => 10 kB\n\
         pg_size_pretty(bigint) | 123456789 => 118 MB\n\
         pg_size_pretty(bigint) | -123456789012 => -115 GB\n\
         pg_size_pretty(bigint) | 1571840 => 1535 kB\n\
         pg_size_pretty(bigint) | 20971519 => 20 MB",
    );
}
