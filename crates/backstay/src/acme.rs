//! Certificates from an authority that speaks ACME (RFC 8555): ordered at the start, renewed in time.
//!
//! The authority checks each domain by a request over plain HTTP, which the redirecting listener
//! answers. Account, certificate and key lie in `.backstay/acme/`; a new certificate is taken into use
//! like any that was replaced there.

mod certificate;
mod courier;
mod failure;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use backstay_http::listener::Challenges;
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount,
    NewOrder, Order, OrderStatus, RetryPolicy,
};
use miette::{IntoDiagnostic as _, WrapErr as _, miette};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use self::certificate::Certificate;
use self::courier::Courier;
use self::failure::Failure;
use crate::private_file;
use crate::project::Project;
use crate::settings::Acme;

/// The clock may be set and the computer may sleep, so it is looked at least so often.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);
/// Time after a failure until the next try; authorities count failures by the hour.
const TRY_AGAIN: Duration = Duration::from_secs(15 * 60);
/// How long an authority may take to check the domains, or to sign.
const PATIENCE: Duration = Duration::from_secs(90);

/// An authority, and what is asked of it.
pub(crate) struct Authority {
    settings: Acme,
    folder: PathBuf,
}

/// An account as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The authority that it is with.
    directory: String,
    credentials: AccountCredentials,
}

impl Authority {
    /// The authority of a project, if it has one.
    ///
    /// # Errors
    /// If the folder for what it gives cannot be made.
    pub(crate) fn of(project: &Project) -> miette::Result<Option<Self>> {
        let settings = project.loaded.settings.server.tls.acme.clone();
        if !settings.is_on() {
            return Ok(None);
        }
        project.prepare_state()?;
        let folder = project.state.join("acme");
        std::fs::create_dir_all(&folder)
            .into_diagnostic()
            .wrap_err_with(|| format!("cannot make {}", folder.display()))?;
        Ok(Some(Self { settings, folder }))
    }

    /// The file with the certificate chain and its key.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }

    /// Orders a certificate whenever there is none that will do. SIGHUP tries again at once.
    pub(crate) async fn keep(self, challenges: &Challenges) -> Infallible {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else {
            return std::future::pending().await;
        };
        loop {
            let wait = match self.wait() {
                Some(wait) => wait,
                None => self.renew(challenges).await,
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = hangup.recv() => {}
            }
        }
    }

    /// How long the certificate will still do; `None` if there is none that does.
    fn wait(&self) -> Option<Duration> {
        let found = Certificate::read(&self.certificate())?;
        if !found.is_for(&self.settings.domains) {
            return None;
        }
        let left = found.renew_at().duration_since(SystemTime::now()).ok()?;
        Some(left.min(LOOK_AGAIN))
    }

    /// Orders a certificate; answers how long to wait until it is looked at again.
    async fn renew(&self, challenges: &Challenges) -> Duration {
        let domains = self.settings.domains.join(", ");
        tracing::info!(domains, authority = self.settings.directory, "a certificate is ordered");
        let outcome = self.obtain(challenges).await;
        challenges.clear();
        let failed = match outcome {
            Ok(()) => match self.wait() {
                Some(wait) => {
                    tracing::info!(domains, "the authority gave a certificate");
                    return wait;
                }
                None => miette!(
                    help = "set the clock of this machine right",
                    "the certificate that the authority gave is out of date, or for other names"
                ),
            },
            Err(error) => error,
        };
        let hint = failed.help().map(|help| help.to_string()).unwrap_or_default();
        let minutes = TRY_AGAIN.as_secs() / 60;
        let error = format!("{failed:#}");
        tracing::error!(
            error,
            hint,
            "no certificate; tried again in {minutes} minutes or at SIGHUP"
        );
        TRY_AGAIN
    }

    /// Orders a certificate and keeps it.
    async fn obtain(&self, challenges: &Challenges) -> miette::Result<()> {
        let account = self.account().await?;
        let pem = self.order(&account, challenges).await?;
        private_file::write(&self.certificate(), &pem)
    }

    /// The account that is kept, or a new one.
    async fn account(&self) -> miette::Result<Account> {
        let file = self.folder.join("account.json");
        let courier = Courier::new().into_diagnostic()?;
        let builder = Account::builder_with_http(Box::new(courier));
        if let Some(kept) = self.kept(&file)? {
            let found = builder.from_credentials(kept.credentials).await;
            return found.map_err(|error| self.failed(error));
        }
        let contact = self.contact();
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let wanted = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let directory = self.settings.directory.clone();
        let made = builder.create(&wanted, directory.clone(), None).await;
        let (account, credentials) = made.map_err(|error| self.failed(error))?;
        let text = serde_json::to_string(&Kept { directory, credentials }).into_diagnostic()?;
        private_file::write(&file, &text)?;
        Ok(account)
    }

    /// The account of this authority that is kept.
    fn kept(&self, file: &Path) -> miette::Result<Option<Kept>> {
        let unreadable = || format!("cannot read {}; remove it for a new account", file.display());
        if !file.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(file).into_diagnostic().wrap_err_with(unreadable)?;
        let kept: Kept = serde_json::from_str(&text).into_diagnostic().wrap_err_with(unreadable)?;
        Ok((kept.directory == self.settings.directory).then_some(kept))
    }

    fn contact(&self) -> Option<String> {
        let contact = &self.settings.contact;
        if contact.is_empty() || contact.starts_with("mailto:") {
            return (!contact.is_empty()).then(|| contact.clone());
        }
        Some(format!("mailto:{contact}"))
    }

    /// The key and the certificate chain, as PEM.
    async fn order(&self, account: &Account, challenges: &Challenges) -> miette::Result<String> {
        let names: Vec<Identifier> =
            self.settings.domains.iter().cloned().map(Identifier::Dns).collect();
        let ordered = account.new_order(&NewOrder::new(&names)).await;
        let mut order = match ordered {
            Err(error) if failure::is_unknown_account(&error) => {
                // The next try makes a new one.
                std::fs::remove_file(self.folder.join("account.json")).into_diagnostic()?;
                return Err(self.failed(error));
            }
            ordered => ordered.map_err(|error| self.failed(error))?,
        };
        self.answer(&mut order, challenges).await?;
        let policy = RetryPolicy::new().timeout(PATIENCE);
        let ready = order.poll_ready(&policy).await;
        if !matches!(ready, Ok(OrderStatus::Ready)) {
            return Err(self.refused(&mut order, ready.err()).await);
        }
        let key = order.finalize().await.map_err(|error| self.failed(error))?;
        let chain = order.poll_certificate(&policy).await.map_err(|error| self.failed(error))?;
        Ok(format!("{key}{chain}"))
    }

    /// Has the authority check each domain that it has not checked lately.
    async fn answer(&self, order: &mut Order, challenges: &Challenges) -> miette::Result<()> {
        let mut authorizations = order.authorizations();
        while let Some(found) = authorizations.next().await {
            let mut authorization = found.map_err(|error| self.failed(error))?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let mut challenge =
                authorization.challenge(ChallengeType::Http01).ok_or_else(|| {
                    miette!(
                        help = "use an authority that does",
                        "the authority {} does not check domains by http-01",
                        self.settings.directory
                    )
                })?;
            challenges.answer(&challenge.token, challenge.key_authorization().as_str());
            challenge.set_ready().await.map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// Why the authority does not give the certificate: what it found wrong with a domain.
    async fn refused(
        &self,
        order: &mut Order,
        error: Option<instant_acme::Error>,
    ) -> miette::Report {
        let mut authorizations = order.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            let domain = authorization.identifier().to_string();
            let Ok(state) = authorization.refresh().await else { continue };
            let problem = state.challenges.iter().find_map(|one| one.error.clone());
            if let Some(problem) = problem {
                return Failure::Unchecked { domain, problem }.into();
            }
        }
        match error {
            Some(error) => self.failed(error),
            None => miette!("the authority {} gave up the order", self.settings.directory),
        }
    }

    fn failed(&self, error: instant_acme::Error) -> miette::Report {
        Failure::of(&self.settings.directory, error).into()
    }
}
