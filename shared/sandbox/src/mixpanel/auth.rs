//! Who may import: service accounts and project tokens over HTTP Basic.
//!
//! Source: `docs.mixpanel.com/reference/import-events` and `…/reference/service-accounts`, read on 2026-08-21.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A Mixpanel project, as far as ingestion knows it.
#[derive(Debug, Clone)]
pub struct Project {
    /// Its id: the `project_id` of a service account's requests.
    pub id: String,
    /// Whom it lets in.
    pub access: Access,
    /// The age in days beyond which events are refused, if the project has one.
    pub retention_days: Option<u32>,
    /// How it knows that a device is a user's.
    pub id_merge: IdMerge,
}

/// How a project knows that a device is a user's (`docs.mixpanel.com/docs/tracking-methods/id-management`, read on
/// 2026-08-21).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IdMerge {
    /// By events that have both ids.
    #[default]
    Simplified,
    /// By being told: `$merge`.
    Original,
}

/// Whom a project lets in.
#[derive(Debug, Clone)]
pub enum Access {
    /// Anyone who sends HTTP Basic credentials with a user name.
    Open,
    /// Exactly these.
    Only(Vec<Credential>),
}

/// Something that a project accepts. Its `Debug` text shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// `user:secret`, with the project's id in the query.
    ServiceAccount {
        /// The user name.
        username: String,
        /// The secret.
        secret: String,
    },
    /// `token:`, with no password; the project's id may be left out.
    Token(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceAccount { .. } => f.write_str("ServiceAccount(…)"),
            Self::Token(_) => f.write_str("Token(…)"),
        }
    }
}

impl Project {
    /// A project that lets anyone in who sends any Basic credentials.
    pub fn open() -> Self {
        Self { id: "sandbox".to_owned(), access: Access::Open, retention_days: None, id_merge: IdMerge::default() }
    }

    /// A project that lets in exactly `credentials`.
    pub fn closed(id: impl Into<String>, credentials: Vec<Credential>) -> Self {
        Self { id: id.into(), access: Access::Only(credentials), retention_days: None, id_merge: IdMerge::default() }
    }

    /// Does it let in a request with this `Authorization` header and `project_id`?
    pub fn lets_in(&self, authorization: Option<&str>, project_id: Option<&str>) -> bool {
        let Some((user, password)) = authorization.and_then(basic) else {
            return false;
        };
        let named = project_id == Some(&self.id);
        match &self.access {
            Access::Open => !user.is_empty(),
            Access::Only(credentials) => credentials.iter().any(|credential| match credential {
                Credential::ServiceAccount { username, secret } => named && *username == user && *secret == password,
                Credential::Token(token) => (named || project_id.is_none()) && *token == user && password.is_empty(),
            }),
        }
    }

    /// The name under which profiles of this token are kept; `None` if it is not the project's.
    pub fn of_token(&self, token: &str) -> Option<String> {
        match &self.access {
            Access::Open => Some(token.to_owned()),
            Access::Only(credentials) => {
                credentials.contains(&Credential::Token(token.to_owned())).then(|| self.id.clone())
            }
        }
    }

    /// The name under which a request's events are kept. An open project is as many projects as its callers name.
    pub fn kept_as(&self, authorization: Option<&str>, project_id: Option<&str>) -> String {
        match (&self.access, project_id) {
            (Access::Only(_), _) => self.id.clone(),
            (Access::Open, Some(id)) => id.to_owned(),
            (Access::Open, None) => match authorization.and_then(basic) {
                Some((token, password)) if password.is_empty() => token,
                _ => self.id.clone(),
            },
        }
    }
}

/// User and password of a Basic header. Mixpanel also takes `user:secret` that is not encoded.
fn basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let credentials = credentials.trim();
    let text = if credentials.contains(':') {
        credentials.to_owned()
    } else {
        String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?
    };
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(credentials: &str) -> String {
        format!("Basic {}", STANDARD.encode(credentials))
    }

    fn closed() -> Project {
        let account = Credential::ServiceAccount { username: "sa".into(), secret: "pw".into() };
        Project::closed("7", vec![account, Credential::Token("tok".into())])
    }

    #[test]
    fn service_accounts_name_their_project() {
        let project = closed();
        assert!(project.lets_in(Some(&header("sa:pw")), Some("7")));
        assert!(project.lets_in(Some("Basic sa:pw"), Some("7")));
        assert!(!project.lets_in(Some(&header("sa:pw")), None));
        assert!(!project.lets_in(Some(&header("sa:pw")), Some("8")));
        assert!(!project.lets_in(Some(&header("sa:no")), Some("7")));
    }

    #[test]
    fn tokens_have_no_password() {
        let project = closed();
        assert!(project.lets_in(Some(&header("tok:")), None));
        assert!(!project.lets_in(Some(&header("tok:")), Some("8")));
        assert!(!project.lets_in(Some(&header("tok:x")), None));
    }

    #[test]
    fn an_open_project_wants_any_basic_credentials() {
        let project = Project::open();
        assert!(project.lets_in(Some(&header("a:b")), None));
        for refused in ["Bearer x", "Basic ???", "Basic", "Basic OmI="] {
            assert!(!project.lets_in(Some(refused), None), "{refused}");
        }
        assert!(!project.lets_in(None, None));
    }

    #[test]
    fn events_are_kept_under_the_project_that_was_named() {
        assert_eq!(Project::open().kept_as(Some(&header("a:b")), Some("9")), "9");
        assert_eq!(Project::open().kept_as(Some(&header("tok:")), None), "tok");
        assert_eq!(Project::open().kept_as(Some(&header("a:b")), None), "sandbox");
        assert_eq!(closed().kept_as(Some(&header("tok:")), None), "7");
    }

    #[test]
    fn debug_text_shows_no_secret() {
        let text = format!("{:?}", closed());
        assert!(!text.contains("pw") && !text.contains("tok"), "{text}");
    }
}
