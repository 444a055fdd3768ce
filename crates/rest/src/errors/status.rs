//! From error codes to HTTP.

use backstay_model::Error;

/// The HTTP status of an error code. `anonymous`: the effective role is the anonymous one.
pub fn status(code: &str, message: &str, anonymous: bool) -> u16 {
    if let Some(number) = code.strip_prefix("PGRST") {
        return pgrst(number);
    }
    if let Some(number) = code.strip_prefix("PT") {
        return http_number(number).unwrap_or(500);
    }
    if let Some(number) = code.strip_prefix("BKS") {
        return http_number(number).filter(|status| *status >= 400).unwrap_or(400);
    }
    match code {
        "21000" if message.ends_with("requires a WHERE clause") => 400,
        "22023" if message.starts_with("role \"") && message.ends_with("does not exist") => 401,
        "23503" | "23505" => 409,
        "25006" => 405,
        "42501" if anonymous => 401,
        "42501" => 403,
        "42883" | "42P01" => 404,
        "21000" | "42P17" | "53400" => 500,
        "53100" => 507,
        // Here only what a caller nests too deeply meets it.
        "54001" => 400,
        "57P01" => 503,
        "P0001" => 400,
        _ => class(code.get(..2).unwrap_or_default()),
    }
}

/// The status of an SQLSTATE class.
fn class(class: &str) -> u16 {
    match class {
        "08" | "53" => 503,
        "0L" | "0P" | "28" => 403,
        "09" | "25" | "2D" | "38" | "39" | "3B" | "40" | "54" | "55" | "57" | "58" | "F0"
        | "HV" | "XX" | "P0" => 500,
        _ => 400,
    }
}

fn pgrst(number: &str) -> u16 {
    match number {
        "000" | "001" | "002" => 503,
        "003" => 504,
        "101" | "105" | "117" => 405,
        "103" => 416,
        "106" | "107" | "116" => 406,
        "125" | "126" | "202" | "205" => 404,
        "111" | "112" | "121" | "300" | "X00" => 500,
        "201" | "203" => 300,
        "301" | "302" | "303" => 401,
        _ => 400,
    }
}

fn http_number(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| (200..=599).contains(status))
}

/// The value of `WWW-Authenticate` of an error with this status; `None` where there is none.
pub fn authenticate(error: &Error, status: u16) -> Option<String> {
    if status != 401 {
        return None;
    }
    Some(match error.code.as_ref() {
        "PGRST301" | "PGRST303" => {
            let description = error.message.replace('\\', "\\\\").replace('"', "\\\"");
            format!("Bearer error=\"invalid_token\", error_description=\"{description}\"")
        }
        _ => "Bearer".to_owned(),
    })
}
