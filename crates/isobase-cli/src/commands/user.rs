//! `isobase user`: accounts of people, through the running service or in the database.

use std::io;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use http::Method;
use isobase::{Purpose, Store};
use isobase_auth::{Account, AccountError, Accounts, NewAccount, Role, random_password};
use isobase_client::{Body, Client, Request};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    command::AppCommand,
    failure::Failure,
    flags::AppFlags,
    local,
    opening::open_failure,
    print::Printer,
    service_failure::client_failure,
    settings::{Config, Given, Loaded, account_options},
};

const EXAMPLES: &str = "\
Examples:
  isobase user create ann --owner      an account that may do everything; its password is printed
  isobase user create bob --email bob@example.org --role viewer --password-stdin < password.txt
  isobase user list
  isobase user role bob admin
  isobase user password bob            a new password, printed; all sessions of bob end
  isobase user delete bob

NAME is a name, an e-mail address or an id. While a service runs with this data folder, it is asked.";

/// Accounts that are read at a time.
const PAGE: u32 = 1_000;

/// Make, list, change and delete accounts of people
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum UserCommand {
    /// Make an account
    Create {
        /// What it is called
        name: String,
        /// Its e-mail address
        #[arg(long)]
        email: Option<String>,
        /// Make it an owner, who may do everything
        #[arg(long, conflicts_with = "role")]
        owner: bool,
        /// What it may do: owner, admin, editor, support, viewer, user, or a word of the app's own
        #[arg(long, default_value = "user")]
        role: Role,
        #[command(flatten)]
        password: PasswordFlags,
        #[command(flatten)]
        app: AppFlags,
    },
    /// List the accounts
    List {
        #[command(flatten)]
        app: AppFlags,
    },
    /// Give an account another role
    Role {
        /// Its name, e-mail address or id
        name: String,
        /// The role: owner, admin, user, or a word of the app's own
        role: Role,
        #[command(flatten)]
        app: AppFlags,
    },
    /// Give an account another password, and end its sessions
    Password {
        /// Its name, e-mail address or id
        name: String,
        #[command(flatten)]
        password: PasswordFlags,
        #[command(flatten)]
        app: AppFlags,
    },
    /// Remove the second factor of an account that has lost its app and its recovery codes
    ResetSecondFactor {
        /// Its name, e-mail address or id
        name: String,
        #[command(flatten)]
        app: AppFlags,
    },
    /// Delete an account with its sessions
    Delete {
        /// Its name, e-mail address or id
        name: String,
        #[command(flatten)]
        app: AppFlags,
    },
}

/// Where a password comes from.
#[derive(Debug, Args)]
pub(crate) struct PasswordFlags {
    /// Read the password from standard input, its first line; without this one is made and printed
    #[arg(long = "password-stdin")]
    from_stdin: bool,
}

impl UserCommand {
    fn app(&self) -> &AppFlags {
        match self {
            Self::Create { app, .. }
            | Self::List { app }
            | Self::Role { app, .. }
            | Self::Password { app, .. }
            | Self::ResetSecondFactor { app, .. }
            | Self::Delete { app, .. } => app,
        }
    }
}

impl AppCommand for UserCommand {
    fn given(&self) -> Given {
        self.app().given()
    }

    async fn run_in(self, (loaded, config): (&Loaded, &Config), printer: Printer) -> Result<()> {
        let is_made = matches!(self, Self::Create { .. });
        let Some(users) = Users::find(loaded, config, is_made).await? else {
            return match &self {
                Self::Role { name, .. }
                | Self::Password { name, .. }
                | Self::ResetSecondFactor { name, .. }
                | Self::Delete { name, .. } => Err(unknown(name).into()),
                _ => {
                    list(&[], printer);
                    Ok(())
                }
            };
        };
        let done = carry_out(&self, &users, printer).await;
        users.close().await?;
        done
    }
}

async fn carry_out(command: &UserCommand, users: &Users, printer: Printer) -> Result<()> {
    match command {
        UserCommand::Create { name, email, owner, role, password, .. } => {
            let role = if *owner { Role::owner() } else { role.clone() };
            let password = Password::of(password)?;
            let new = NewAccount { name, email: email.as_deref(), password: &password.text };
            let user = users.create(new, &role).await?;
            let told = format!("{} {name} was made", user.role);
            tell(printer, &user, &told, Some(&password));
            Ok(())
        }
        UserCommand::List { .. } => {
            list(&users.list().await?, printer);
            Ok(())
        }
        UserCommand::Role { name, role, .. } => {
            let user = users.change(name, json!({ "role": role.as_str() })).await?;
            tell(printer, &user, &format!("{} is {role} now", user.username), None);
            Ok(())
        }
        UserCommand::Password { name, password, .. } => {
            let password = Password::of(password)?;
            let user = users.change(name, json!({ "password": password.text })).await?;
            let told = format!("{} has another password; its sessions are over", user.username);
            tell(printer, &user, &told, Some(&password));
            Ok(())
        }
        UserCommand::ResetSecondFactor { name, .. } => {
            let user = users.change(name, json!({ "second_factor": false })).await?;
            tell(
                printer,
                &user,
                &format!("{} signs in by password alone now", user.username),
                None,
            );
            Ok(())
        }
        UserCommand::Delete { name, .. } => {
            users.delete(name).await?;
            match printer.json {
                true => printer.json_line(&json!({ "deleted": name })),
                false => printer.note(&format!("{name} is deleted")),
            }
            Ok(())
        }
    }
}

/// A password that was read, or made and is to be shown.
struct Password {
    text: String,
    is_made: bool,
}

impl Password {
    fn of(flags: &PasswordFlags) -> Result<Self> {
        if !flags.from_stdin {
            return Ok(Self { text: random_password()?, is_made: true });
        }
        let mut text = String::new();
        io::stdin().read_line(&mut text).context("cannot read the password")?;
        let text = text.trim_end_matches(['\n', '\r']).to_owned();
        match text.is_empty() {
            false => Ok(Self { text, is_made: false }),
            true => Err(Failure::usage("standard input has no password")
                .hint("without --password-stdin one is made and printed")
                .into()),
        }
    }
}

/// Where the accounts are.
enum Users {
    /// In a database that this process has opened.
    Direct(Store, Box<Accounts>),
    /// Behind the service that has it.
    Service(Client),
}

impl Users {
    /// Finds them: the running service of the data folder, else the database of the settings.
    /// `None` if no database was ever made, unless it is to be.
    async fn find(loaded: &Loaded, config: &Config, is_made: bool) -> Result<Option<Self>> {
        if let Some(service) = local::service_of(&config.data).await {
            return Ok(Some(Self::Service(service.client(None)?)));
        }
        if !config.records.is_kept() {
            return Err(Failure::usage(format!(
                "the accounts are in the memory of a service (memory:), and none runs with the \
                 data folder {}",
                config.data.display()
            ))
            .hint("start it first; a database in memory forgets its accounts when it stops")
            .into());
        }
        if !is_made && config.records.missing_file().is_some() {
            return Ok(None);
        }
        let opened = config.records.open(Purpose::Use, &config.options).await;
        let store = opened.map_err(open_failure)?.store(&config.options);
        let store = store.with_schemas(config.schemas.clone());
        let accounts = Accounts::new(&store, account_options(loaded));
        Ok(Some(Self::Direct(store, Box::new(accounts))))
    }

    async fn create(&self, new: NewAccount<'_>, role: &Role) -> Result<User> {
        match self {
            Self::Direct(_, accounts) => Ok(User::of(&accounts.create(new, role).await?)),
            Self::Service(client) => {
                let body = json!({
                    "username": new.name, "email": new.email, "password": new.password,
                    "role": role.as_str(),
                });
                answer(client, request(Method::POST, &[]).body(Body::json(body.to_string()))).await
            }
        }
    }

    async fn list(&self) -> Result<Vec<User>> {
        let (mut users, mut cursor) = (Vec::new(), None);
        loop {
            let ListedUsers { mut accounts, next } = match self {
                Self::Direct(_, accounts) => {
                    let page = accounts.list(cursor, PAGE).await?;
                    let accounts = page.accounts.iter().map(User::of).collect();
                    ListedUsers { accounts, next: page.next }
                }
                Self::Service(client) => {
                    let request = request(Method::GET, &[]).parameter("limit", &PAGE.to_string());
                    let request = match &cursor {
                        Some(cursor) => request.parameter("cursor", cursor),
                        None => request,
                    };
                    answer(client, request).await?
                }
            };
            users.append(&mut accounts);
            cursor = next;
            if cursor.is_none() {
                return Ok(users);
            }
        }
    }

    /// Changes what the body names: `role`, `second_factor` or `password`.
    async fn change(&self, name: &str, change: Value) -> Result<User> {
        match self {
            Self::Direct(_, accounts) => {
                let mut account = found(accounts, name).await?;
                if let Some(role) = change["role"].as_str() {
                    account = accounts.set_role(&account, &role.parse()?).await?;
                }
                if change["second_factor"] == false {
                    account = accounts.remove_second_factor(&account).await?;
                }
                if let Some(password) = change["password"].as_str() {
                    account = accounts.set_password(&account, password, None).await?;
                }
                Ok(User::of(&account))
            }
            Self::Service(client) => {
                let body = Body::json(change.to_string());
                answer(client, request(Method::PATCH, &[name]).body(body)).await
            }
        }
    }

    async fn delete(&self, name: &str) -> Result<()> {
        match self {
            Self::Direct(_, accounts) => {
                let account = found(accounts, name).await?;
                Ok(accounts.delete(&account).await?)
            }
            Self::Service(client) => {
                let _: Value = answer(client, request(Method::DELETE, &[name])).await?;
                Ok(())
            }
        }
    }

    async fn close(self) -> Result<()> {
        if let Self::Direct(store, _) = self {
            store.close().await?;
        }
        Ok(())
    }
}

async fn found(accounts: &Accounts, name: &str) -> Result<Account, Failure> {
    let found = accounts.find(name).await.map_err(|error| failed(&error))?;
    found.ok_or_else(|| unknown(name))
}

fn failed(error: &AccountError) -> Failure {
    Failure::new(error.to_string())
}

fn request(method: Method, rest: &[&str]) -> Request {
    Request::new(method, &[&["api", "v1", "accounts"], rest].concat())
}

async fn answer<T: DeserializeOwned>(client: &Client, request: Request) -> Result<T> {
    let answer = client.send(request).await.map_err(client_failure)?;
    Ok(answer.json().await.map_err(client_failure)?)
}

/// An account as it is shown.
#[derive(Serialize, Deserialize)]
struct User {
    id: Value,
    username: String,
    email: Option<String>,
    verified: bool,
    role: String,
    second_factor: bool,
    disabled: bool,
    created_at: String,
}

impl User {
    fn of(account: &Account) -> Self {
        let id = account.id.to_string();
        Self {
            id: id.parse::<i64>().map_or(Value::from(id), Value::from),
            username: account.name.clone(),
            email: account.email.clone(),
            verified: account.verified,
            role: account.role.to_string(),
            second_factor: account.second_factor,
            disabled: account.disabled,
            created_at: account.created_at.to_string(),
        }
    }
}

#[derive(Deserialize)]
struct ListedUsers {
    accounts: Vec<User>,
    next: Option<String>,
}

fn tell(printer: Printer, user: &User, told: &str, password: Option<&Password>) {
    let shown = password.filter(|password| password.is_made);
    if printer.json {
        let mut line = json!(user);
        if let Some(password) = shown {
            line["password"] = password.text.as_str().into();
        }
        printer.json_line(&line);
        return;
    }
    match shown {
        Some(password) => {
            printer.note(&format!("{told}; its password is shown only now"));
            printer.line(&password.text);
        }
        None => printer.note(told),
    }
}

fn list(users: &[User], printer: Printer) {
    if printer.json {
        printer.json_line(&json!({ "accounts": users }));
        return;
    }
    if users.is_empty() {
        printer.note("there are no accounts; isobase user create makes one");
    }
    let widest = |text: fn(&User) -> &str| {
        users.iter().map(|user| text(user).chars().count()).max().unwrap_or_default()
    };
    let (names, roles) = (widest(|user| &user.username), widest(|user| &user.role));
    for User { id, username, email, role, second_factor, disabled, created_at, .. } in users {
        let day: String = created_at.chars().take(10).collect();
        let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        let email = email.as_deref().unwrap_or("-");
        let factor = if *second_factor { "  second factor" } else { "" };
        let state = if *disabled { "  disabled" } else { "" };
        let line =
            format!("{id}  {username:names$}  {role:roles$}  {email}  made {day}{factor}{state}");
        printer.line(&line);
    }
}

fn unknown(name: &str) -> Failure {
    Failure::new(format!("there is no account {name:?}"))
        .hint("isobase user list shows the accounts of this database")
}
