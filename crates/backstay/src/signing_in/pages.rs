//! The hosted pages as the settings and `templates/pages/` of a project make them.

use std::collections::BTreeMap;

use backstay_auth::{CaptchaProvider, CaptchaWidget, PageSettings, Pages};
use miette::{IntoDiagnostic as _, WrapErr as _, miette};

use crate::project::Project;

/// The pages of a project.
///
/// # Errors
/// A template or setting that cannot be used, with its name.
pub(super) fn pages(project: &Project, external_url: &str) -> miette::Result<Pages> {
    let given = &project.loaded.settings.auth.pages;
    for (name, path) in [("logo", &given.logo), ("stylesheet", &given.stylesheet)] {
        if !path.is_empty() && (!path.starts_with('/') || path.starts_with("//")) {
            return Err(miette!(
                help = "pages load nothing from elsewhere: put it into public/ and write /NAME",
                "`auth.pages.{name}` is no path on this server: `{path}`"
            ));
        }
    }
    let settings = PageSettings {
        enabled: given.enabled,
        project: project.loaded.settings.project_id.clone(),
        logo: given.logo.clone(),
        stylesheet: given.stylesheet.clone(),
        accent: given.accent.clone(),
        captcha: captcha(project),
        templates: templates(project)?,
    };
    Pages::new(settings, external_url)
        .map_err(|error| miette!(help = "look at [auth.pages] and templates/pages/", "{error}"))
}

/// The widget of the captcha, where one is demanded: without it nobody could sign in here.
fn captcha(project: &Project) -> Option<CaptchaWidget> {
    let auth = &project.loaded.settings.auth;
    if !auth.captcha.enabled || !auth.pages.enabled {
        return None;
    }
    let site_key = auth.pages.captcha_site_key.clone();
    if site_key.is_empty() {
        tracing::warn!(
            "captchas are demanded, and the hosted pages show none: set \
             auth.pages.captcha_site_key, or auth.pages.enabled = false"
        );
        return None;
    }
    let provider = match auth.captcha.provider.as_str() {
        "turnstile" => CaptchaProvider::Turnstile,
        _ => CaptchaProvider::HCaptcha,
    };
    Some(CaptchaWidget { provider, site_key })
}

/// The project's templates by name.
fn templates(project: &Project) -> miette::Result<BTreeMap<String, String>> {
    let folder = project.source.join("templates").join("pages");
    let mut templates = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(templates);
    }
    let read = |path: &std::path::Path| {
        std::fs::read_to_string(path)
            .into_diagnostic()
            .wrap_err_with(|| format!("cannot read the template {}", path.display()))
    };
    let entries = std::fs::read_dir(&folder)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry.into_diagnostic()?.path();
        if path.extension().is_some_and(|extension| extension == "html") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            templates.insert(name, read(&path)?);
        }
    }
    Ok(templates)
}
