//! Read settings from the environment and from `.env`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::types::error::BuildError;
use crate::types::secret::Secret;

/// The variables of the environment and of the `.env` file in the working directory; the environment takes precedence.
///
/// The file is read, not loaded: the process's environment stays as it is, since changing it is unsound once threads run.
#[derive(Debug)]
pub(crate) struct Env {
    variables: HashMap<String, String>,
    file: PathBuf,
    file_found: bool,
}

impl Env {
    /// # Errors
    /// If `.env` exists and cannot be read.
    pub(crate) fn load() -> Result<Self, BuildError> {
        let directory = std::env::current_dir().unwrap_or_default();
        Self::read(&directory, std::env::vars_os().filter_map(utf8))
    }

    fn read(
        directory: &Path,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, BuildError> {
        let file = directory.join(".env");
        let mut variables = HashMap::new();
        let file_found = file.is_file();
        if file_found {
            let unreadable = |why: String| BuildError::new(format!("cannot read {}: {why}", file.display()));
            let text = std::fs::read_to_string(&file).map_err(|error| unreadable(error.to_string()))?;
            let text = text.trim_start_matches('\u{feff}');
            if let Some(name) = text.lines().find_map(bare_dollar) {
                return Err(unreadable(format!(
                    "put the value of {name} into single quotes, for it has a `$`"
                )));
            }
            for variable in dotenvy::from_read_iter(text.as_bytes()) {
                let (name, value) = variable.map_err(|error| unreadable(explain(&error)))?;
                variables.insert(name, value);
            }
        }
        variables.extend(environment.filter(|(_, value)| !value.trim().is_empty()));
        Ok(Self { variables, file, file_found })
    }

    /// The variable, if it is set to something.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The secret in the variable, or in the file that the variable with `_FILE` after its name names, as orchestrators mount
    /// secrets. White space at the ends is left out: editors and `echo` put a newline there.
    ///
    /// # Errors
    /// If both are set, or the file cannot be read, is over 64 KiB long, or has nothing in it.
    pub(crate) fn secret(&self, name: &str) -> Result<Option<Secret>, BuildError> {
        let file_name = format!("{name}_FILE");
        match (self.get(name), self.get(&file_name)) {
            (None, None) => Ok(None),
            (Some(secret), None) => Ok(Some(secret.into())),
            (Some(_), Some(_)) => {
                Err(BuildError::new(format!("{name} and {file_name} are both set: remove one of them")))
            }
            (None, Some(path)) => {
                // What is no path may be the secret itself, in the wrong variable.
                let shown = if Path::new(path).is_absolute() { format!(" {path}") } else { String::new() };
                let fail = |why: &str| BuildError::new(format!("the file{shown} of {file_name} {why}"));
                let text = read(path).map_err(|error| fail("cannot be read as text").with_source(error))?;
                if text.len() > MAX_SECRET_LEN {
                    return Err(fail("is over 64 KiB long, and so no secret"));
                }
                let secret = text.trim_start_matches('\u{feff}').trim();
                if secret.is_empty() { Err(fail("is empty")) } else { Ok(Some(secret.into())) }
            }
        }
    }

    /// Starts to read variables of which all that is missing or wrong is reported together.
    pub(crate) fn reader(&self) -> EnvReader<'_> {
        EnvReader { env: self, missing: Vec::new(), wrong: Vec::new() }
    }

    /// Says where was looked for `them`.
    fn places(&self, them: &str) -> String {
        let found = if self.file_found {
            format!("which does not set {them}")
        } else {
            "which does not exist".to_owned()
        };
        format!("looked in the environment and in {}, {found}", self.file.display())
    }
}

/// Reads variables, and collects what is missing or wrong: whoever sets a service up learns all of it at the first start.
///
/// What it returns for such a one stands for nothing, and is not used: [`EnvReader::finish`] fails.
pub(crate) struct EnvReader<'a> {
    env: &'a Env,
    missing: Vec<String>,
    wrong: Vec<BuildError>,
}

impl EnvReader<'_> {
    /// The variable, which has to be set.
    pub(crate) fn require(&mut self, name: &str) -> String {
        let value = self.env.get(name).map(str::to_owned);
        value.unwrap_or_else(|| {
            self.missing.push(format!("{name} is not set"));
            String::new()
        })
    }

    /// The secret in the variable, or in the file that the one with `_FILE` after its name names; one of them has to be set.
    pub(crate) fn require_secret(&mut self, name: &str) -> Secret {
        match self.env.secret(name) {
            Ok(Some(secret)) => return secret,
            Ok(None) => self.missing.push(format!("{name} is not set, nor is {name}_FILE")),
            Err(error) => self.wrong.push(error),
        }
        Secret::new("")
    }

    /// What a variable says, if that is right.
    pub(crate) fn check<T>(&mut self, parsed: Result<T, BuildError>) -> Option<T> {
        parsed.map_err(|error| self.wrong.push(error)).ok()
    }

    /// Checks a value that was [required](Self::require), unless it is missing.
    pub(crate) fn check_required<T>(
        &mut self,
        value: &str,
        parse: impl FnOnce(&str) -> Result<T, BuildError>,
    ) {
        if !value.is_empty() {
            self.check(parse(value));
        }
    }

    /// # Errors
    /// If any of them is missing or wrong: names each of them, and the places that were searched.
    pub(crate) fn finish(mut self) -> Result<(), BuildError> {
        let problems = self.missing.len() + self.wrong.len();
        if problems == 0 {
            return Ok(());
        }
        if problems == 1
            && let Some(error) = self.wrong.pop()
        {
            return Err(error);
        }
        let mut text =
            if problems == 1 { String::new() } else { format!("{problems} settings are missing or wrong: ") };
        // Debug, which has the reason as well: of several, none can be the source.
        let wrong = self.wrong.iter().map(|error| format!("{error:?}"));
        text += &wrong.chain(self.missing.iter().cloned()).collect::<Vec<_>>().join("; ");
        if !self.missing.is_empty() {
            let them = if self.missing.len() == 1 { "it" } else { "them" };
            text += &format!(": {}", self.env.places(them));
        }
        Err(BuildError::new(text))
    }
}

/// Longest file with a secret, in bytes: the wrong one may be endless, as `/dev/zero` is.
const MAX_SECRET_LEN: usize = 64 * 1024;

/// Reads a file up to one byte more than a secret may have.
fn read(path: &str) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_SECRET_LEN as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

fn utf8((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

/// The name of a variable whose value would silently lose what follows a `$`, as in `pa$$word`: dotenvy puts the value of
/// a variable there, while Python's dotenv does so for `${name}` only.
fn bare_dollar(line: &str) -> Option<&str> {
    let (name, value) = line.split_once('=')?;
    let value = value.trim_start();
    let bare = value.match_indices('$').any(|(at, _)| {
        let escaped = value.get(..at).is_some_and(|before| before.ends_with('\\'));
        !escaped && !value.get(at + 1..).is_some_and(|after| after.starts_with('{'))
    });
    let skipped = line.trim_start().starts_with('#') || value.starts_with('\'');
    (bare && !skipped).then(|| name.trim().trim_start_matches("export "))
}

/// Describes only the place: the parser's own error shows the line, which may hold a secret.
fn explain(error: &dotenvy::Error) -> String {
    match error {
        dotenvy::Error::LineParse(_, at) => format!("a line cannot be parsed, at its column {at}"),
        dotenvy::Error::Io(error) => error.to_string(),
        _ => "its contents are invalid".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str, file: Option<&str>) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("aigc-auth-env-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        if let Some(file) = file {
            std::fs::write(directory.join(".env"), file).unwrap();
        }
        directory
    }

    fn variables(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
        pairs
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect::<Vec<_>>()
            .into_iter()
    }

    #[test]
    fn environment_takes_precedence_over_the_file() {
        let directory = directory("both", Some("# app\nA=file\nexport B='from file'\nC=\nD=file\n"));
        let env = Env::read(&directory, variables(&[("A", "process"), ("D", "  ")])).unwrap();
        for (name, expected) in
            [("A", Some("process")), ("B", Some("from file")), ("C", None), ("D", Some("file")), ("E", None)]
        {
            assert_eq!(env.get(name), expected, "{name}");
        }
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn missing_variable_is_named_with_the_places() {
        let with = directory("with", Some("A=1"));
        let without = directory("without", None);
        for (directory, why) in [(&with, "which does not set it"), (&without, "which does not exist")] {
            let env = Env::read(directory, variables(&[])).unwrap();
            let mut reader = env.reader();
            reader.require("AIGC_AUTH_APP_ID");
            let text = reader.finish().unwrap_err().to_string();
            let file = directory.join(".env").display().to_string();
            for part in ["AIGC_AUTH_APP_ID", "environment", &file, why] {
                assert!(text.contains(part), "{text}");
            }
        }
        std::fs::remove_dir_all(with).unwrap();
        std::fs::remove_dir_all(without).unwrap();
    }

    #[test]
    fn secret_may_be_in_a_file() {
        let directory = directory("secret", None);
        let path = |name: &str| directory.join(name).display().to_string();
        for (name, content) in [("right", "hunter2 \r\n\n"), ("empty", " \n"), ("bytes", "")] {
            std::fs::write(path(name), content).unwrap();
        }
        std::fs::write(path("bytes"), b"\xff\xfe").unwrap();
        for (variables_set, expected) in [
            (vec![], Ok(None)),
            (vec![("SECRET", " hunter2\n".to_owned())], Ok(Some("hunter2"))),
            (vec![("SECRET_FILE", path("right"))], Ok(Some("hunter2"))),
            (vec![("SECRET_FILE", path("empty"))], Err("is empty")),
            (vec![("SECRET_FILE", path("absent"))], Err("cannot be read as text")),
            (vec![("SECRET_FILE", path("bytes"))], Err("cannot be read as text")),
            (vec![("SECRET", "x".to_owned()), ("SECRET_FILE", path("right"))], Err("both set")),
        ] {
            let set: Vec<_> = variables_set.iter().map(|(name, value)| (*name, &**value)).collect();
            let env = Env::read(&directory, variables(&set)).unwrap();
            match (env.secret("SECRET"), expected) {
                (Ok(secret), Ok(expected)) => {
                    assert_eq!(secret.as_ref().map(Secret::expose), expected, "{set:?}");
                    let mut reader = env.reader();
                    reader.require_secret("SECRET");
                    let missing = reader.finish().err().map(|error| error.to_string());
                    let text = "SECRET is not set, nor is SECRET_FILE: looked in the environment and in";
                    assert_eq!(missing.is_some_and(|missing| missing.starts_with(text)), secret.is_none());
                }
                (Err(error), Err(why)) => {
                    let text = error.to_string();
                    assert!(text.contains(why) && text.contains("SECRET_FILE"), "{text}");
                    assert!(!text.contains("hunter2"), "{text}");
                }
                (secret, _) => panic!("{set:?}: {secret:?}"),
            }
        }
        std::fs::remove_dir_all(directory).unwrap();
    }

    /// The wrong file may be endless, and what was meant for the other variable is a secret.
    #[test]
    fn wrong_file_of_a_secret_neither_fills_memory_nor_is_shown_if_it_is_the_secret() {
        let directory = directory("odd-secrets", None);
        let path = |name: &str| directory.join(name).display().to_string();
        std::fs::write(path("large"), "x".repeat(64 * 1024 + 1)).unwrap();
        std::fs::write(path("largest"), "x".repeat(64 * 1024)).unwrap();
        for (file, why) in [
            ("/dev/zero".to_owned(), "is over 64 KiB"),
            (path("large"), "is over 64 KiB"),
            (directory.display().to_string(), "cannot be read as text"),
            ("hunter2".to_owned(), "cannot be read as text"),
        ] {
            let env = Env::read(&directory, variables(&[("SECRET_FILE", &file)])).unwrap();
            let error = env.secret("SECRET").unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains(why) && text.contains("SECRET_FILE"), "{file}: {text}");
            assert_eq!(text.contains(&file), file.starts_with('/'), "{text}");
        }
        let env = Env::read(&directory, variables(&[("SECRET_FILE", &path("largest"))])).unwrap();
        assert_eq!(env.secret("SECRET").unwrap().unwrap().expose().len(), 64 * 1024);
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn all_that_is_missing_or_wrong_is_reported_at_once() {
        let directory = directory("all", None);
        let absent = directory.join("absent").display().to_string();
        let env = Env::read(&directory, variables(&[("SECRET_FILE", &absent), ("PORT", "hunter2")])).unwrap();
        let mut reader = env.reader();
        assert_eq!(reader.require("ID"), "");
        assert_eq!(reader.require_secret("SECRET").expose(), "");
        assert_eq!(reader.check(Err::<u16, _>(BuildError::new("PORT must be a port"))), None);
        assert_eq!(reader.check(Ok(7)), Some(7));
        reader.check_required("", |_| Err::<(), _>(BuildError::new("an empty id")));
        reader.require("URL");
        let text = reader.finish().unwrap_err().to_string();
        let file = directory.join(".env").display().to_string();
        for part in [
            "4 settings are missing or wrong: ",
            &absent,
            "of SECRET_FILE cannot be read as text: ",
            "PORT must be a port; ID is not set; URL is not set: looked in the environment and in ",
            &format!("{file}, which does not exist"),
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("hunter2") && !text.contains("empty id"), "{text}");
        assert!(env.reader().finish().is_ok());
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn bare_dollar_is_an_error() {
        for (line, expected) in [
            ("SECRET='pa$$word'", Ok("pa$$word")),
            ("SECRET=pa\\$word", Ok("pa$word")),
            ("# SECRET=pa$word\nSECRET=x", Ok("x")),
            ("OTHER=pa\nSECRET=${OTHER}ss", Ok("pass")),
            ("\u{feff}SECRET=x", Ok("x")),
            ("SECRET=pa$word", Err(())),
            ("export SECRET=\"pa$word\"", Err(())),
        ] {
            let directory = directory("dollar", Some(line));
            let env = Env::read(&directory, variables(&[]));
            std::fs::remove_dir_all(directory).unwrap();
            match (env, expected) {
                (Ok(env), Ok(expected)) => assert_eq!(env.get("SECRET"), Some(expected), "{line}"),
                (Err(error), Err(())) => {
                    let text = error.to_string();
                    assert!(text.contains("the value of SECRET into single quotes"), "{text}");
                    assert!(!text.contains("word"), "{text}");
                }
                (env, _) => panic!("{line}: {env:?}"),
            }
        }
    }

    #[test]
    fn unreadable_file_is_an_error_without_values() {
        let directory = directory("broken", Some("AIGC_AUTH_APP_SECRET='hunter2"));
        let error = Env::read(&directory, variables(&[])).unwrap_err();
        assert!(error.to_string().contains(".env") && !format!("{error:?}").contains("hunter2"), "{error:?}");
        std::fs::remove_dir_all(directory).unwrap();
    }
}
