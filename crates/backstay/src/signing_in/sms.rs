//! Sign-in by phone, from `[auth.sms]`.

use std::time::Duration;

use backstay_auth::SmsSettings;
use miette::miette;

use super::duration;
use crate::host::Mode;
use crate::settings::Sms;

pub(super) fn settings(sms: &Sms, mode: Mode) -> miette::Result<SmsSettings> {
    let usual = if mode == Mode::Dev { "1s" } else { "60s" };
    let given = sms.max_frequency.as_str();
    let interval =
        duration("auth.sms.max_frequency", if given.is_empty() { usual } else { given })?;
    let until = sms.test_otp_valid_until.trim();
    let until = (!until.is_empty()).then(|| until.parse()).transpose().map_err(|error| {
        miette!(
            help = "write it like 2027-01-31T12:00:00Z",
            "`auth.sms.test_otp_valid_until` is no time: {error}"
        )
    })?;
    let made = SmsSettings {
        enabled: sms.enable_signup,
        autoconfirm: !sms.enable_confirmations,
        code_digits: sms.otp_length,
        code_life: Duration::from_secs(sms.otp_expiry),
        interval: interval.unwrap_or_default(),
        template: sms.template.clone(),
        test_codes: sms
            .test_otp
            .iter()
            .map(|(phone, code)| (phone.trim_start_matches('+').to_owned(), code.clone()))
            .collect(),
        test_codes_until: until,
    };
    made.message("123456").map_err(|error| {
        miette!(help = "the code is {{ .Code }}", "`auth.sms.template` cannot be read: {error}")
    })?;
    Ok(made)
}
