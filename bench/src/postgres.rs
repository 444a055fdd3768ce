//! A PostgreSQL server of its own for one run, and `pgbench` doing what Backstay does in it.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, bail};

use crate::scenarios::{ITEMS, OWNERS};

/// A running PostgreSQL.
pub(crate) struct Postgres {
    bin: PathBuf,
    folder: PathBuf,
    /// PostgreSQL refuses to run as root.
    as_user: Vec<&'static str>,
}

impl Postgres {
    /// Starts one in the folder, with the settings of Debian's package; `None` where it is not
    /// installed.
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Option<Self>> {
        let Some(bin) = newest_bin() else { return Ok(None) };
        let folder = folder.join("postgres");
        std::fs::create_dir(&folder)?;
        let mut as_user = Vec::new();
        if is_root()? {
            as_user = vec!["runuser", "-u", "postgres", "--"];
            let parent = folder.parent().context("a folder without a parent")?;
            std::fs::set_permissions(parent, std::fs::Permissions::from_mode(0o755))?;
            let owner = Command::new("id").args(["-u", "postgres"]).output()?;
            let owner: u32 = String::from_utf8(owner.stdout)?.trim().parse()?;
            chown(&folder, Some(owner), None)?;
        }
        let made = Self { bin, folder, as_user };
        let data = made.folder.join("data");
        let data = data.to_str().context("a folder that is no text")?;
        let initdb =
            ["-D", data, "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "-U", "postgres"];
        made.run("initdb", &initdb)?;
        let options =
            format!("-c listen_addresses='' -c unix_socket_directories={}", made.socket());
        let log = made.folder.join("log");
        let log = log.to_str().context("a folder that is no text")?;
        made.run("pg_ctl", &["-D", data, "-w", "-l", log, "-o", &options, "start"])?;
        Ok(Some(made))
    }

    fn socket(&self) -> String {
        self.folder.display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<Output> {
        let program = self.bin.join(program);
        let mut words = self.as_user.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        words.push(program.display().to_string());
        let (first, rest) = words.split_first().context("no program")?;
        let mut command = Command::new(first);
        let output = command.args(rest).args(arguments).current_dir(&self.folder).output()?;
        if !output.status.success() {
            bail!("{}: {}", program.display(), String::from_utf8_lossy(&output.stderr));
        }
        Ok(output)
    }

    /// What `database.url` says.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.socket().replace('/', "%2F"))
    }

    /// Makes a database; answers libpq's variables that lead there.
    pub(crate) fn database(&self, name: &str) -> anyhow::Result<[(&'static str, String); 3]> {
        self.run("createdb", &["-h", &self.socket(), "-U", "postgres", name])?;
        Ok([
            ("PGHOST", self.socket()),
            ("PGUSER", "postgres".to_owned()),
            ("PGDATABASE", name.to_owned()),
        ])
    }

    /// Transactions a second of the read by key: the same statement in the same transaction with the
    /// same settings, prepared, over as many connections.
    pub(crate) fn read_by_key(&self, connections: u64, seconds: f64) -> anyhow::Result<f64> {
        let script = self.folder.join("read.sql");
        std::fs::write(&script, read_script())?;
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o644))?;
        let output = self.run(
            "pgbench",
            &[
                "-h",
                &self.socket(),
                "-U",
                "postgres",
                "-n",
                "-M",
                "prepared",
                "-j",
                "2",
                "-c",
                &connections.to_string(),
                "-T",
                &format!("{:.0}", seconds.max(1.0)),
                "-f",
                script.to_str().context("a folder that is no text")?,
                "postgres",
            ],
        )?;
        let text = String::from_utf8(output.stdout)?;
        let line =
            text.lines().find(|line| line.starts_with("tps = ")).context("pgbench says no tps")?;
        Ok(line["tps = ".len()..].split(' ').next().unwrap_or_default().parse()?)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.folder.join("data").display().to_string();
        if let Err(error) = self.run("pg_ctl", &["-D", &data, "-m", "immediate", "stop"]) {
            tell(&error);
        }
    }
}

#[expect(clippy::print_stderr, reason = "a program for people")]
fn tell(error: &anyhow::Error) {
    eprintln!("PostgreSQL did not stop: {error}");
}

fn is_root() -> anyhow::Result<bool> {
    let output = Command::new("id").arg("-u").output()?;
    Ok(String::from_utf8(output.stdout)?.trim() == "0")
}

fn newest_bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> =
        versions.flatten().map(|entry| entry.path().join("bin")).collect();
    found.retain(|bin| bin.join("pgbench").exists());
    found.sort();
    found.pop()
}

fn read_script() -> String {
    format!(
        "\\set id random(1, {ITEMS})\n\
         begin read only;\n\
         select set_config('request.cookies', '{{}}', true), \
         set_config('request.headers', '{{\"host\":\"bench\",\"content-type\":\"application/json\"}}', true), \
         set_config('request.jwt.claim.role', 'authenticated', true), \
         set_config('request.jwt.claim.sub', '00000000-0000-4000-8000-' || lpad((:id % {OWNERS})::text, 12, '0'), true), \
         set_config('request.jwt.claims', '{{\"role\":\"authenticated\",\"sub\":\"00000000-0000-4000-8000-' || lpad((:id % {OWNERS})::text, 12, '0') || '\"}}', true), \
         set_config('request.method', 'GET', true), set_config('request.path', '/items', true), \
         set_config('role', 'authenticated', true), set_config('search_path', 'public, extensions', true), \
         set_config('statement_timeout', '8000', true), set_config('timezone', 'UTC', true);\n\
         select row_to_json(x) from (select r.* from public.items as r where r.id = :id limit 1000) as x;\n\
         commit;\n"
    )
}
