//! Find the time zone in which a server evaluates the defaults of a table, such as `now()`.

#[cfg(feature = "postgres")]
use sqlx::{PgConnection, Row};

/// Whether a URL sets the zone of MySQL's sessions.
#[cfg(feature = "mysql")]
pub(crate) fn in_url(url: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|pair| matches!(pair.split_once('='), Some(("timezone" | "time-zone", _))))
}

/// Returns the zone that a session would have if sqlx did not start every one in UTC: of the URL's `options`, of the role
/// and the database, or of the server. Where the role may not see the server's, UTC, and says so in the log.
///
/// One simple query, which has no name and needs no transaction.
#[cfg(feature = "postgres")]
pub(crate) async fn of_postgres(
    connection: &mut PgConnection,
    options: Option<&str>,
) -> Result<String, sqlx::Error> {
    if let Some(zone) = options.and_then(in_options) {
        return Ok(zone);
    }
    let seen = sqlx::raw_sql(SEEN).fetch_one(&mut *connection).await?;
    if let Some(zone) = seen.try_get(0)? {
        return Ok(zone);
    }
    if seen.try_get::<Option<String>, _>(1)?.is_some() {
        let file = sqlx::raw_sql(IN_FILES).fetch_optional(&mut *connection).await?;
        if let Some(zone) = file.map(|file| file.try_get(0)).transpose()? {
            return Ok(zone);
        }
    }
    // The log's zone is no more than a hint: the two are the same in a new server, and set apart afterwards.
    let log: String = seen.try_get(2)?;
    if !is_utc(&log) {
        tracing::warn!(
            log_timezone = log,
            "the database hides its default time zone from this role: defaults of columns such as now() are evaluated in \
             UTC; to choose another zone, ALTER ROLE … SET timezone or add options[timezone]=… to the database's URL"
        );
    }
    Ok("UTC".to_owned())
}

/// The zone as far as any role sees it; whether the role sees the configuration files; the zone of the log.
///
/// The first session behind a pooler was started without sqlx's zone, and so knows the server's. Elsewhere, the source is
/// the client, and its default is hidden behind that.
#[cfg(feature = "postgres")]
const SEEN: &str = "
SELECT CASE WHEN s.source <> 'client' THEN s.reset_val ELSE (
        SELECT substr(c.setting, strpos(c.setting, '=') + 1)
        FROM pg_catalog.pg_db_role_setting d, unnest(d.setconfig) AS c(setting)
        WHERE lower(c.setting) LIKE 'timezone=%'
            AND d.setrole IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = session_user))
            AND d.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
        ORDER BY d.setrole = 0, d.setdatabase = 0 LIMIT 1
    ) END,
    CASE WHEN has_table_privilege('pg_catalog.pg_file_settings', 'SELECT')
        AND has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'EXECUTE') THEN 'yes' END,
    current_setting('log_timezone')
FROM pg_catalog.pg_settings s WHERE s.name = 'TimeZone'";

#[cfg(feature = "postgres")]
const IN_FILES: &str = "
SELECT setting FROM pg_catalog.pg_file_settings
WHERE lower(name) = 'timezone' AND applied ORDER BY seqno DESC LIMIT 1";

/// Returns the zone of libpq's `options`: `-c timezone=…` or `--timezone=…`, where a backslash keeps a space.
#[cfg(feature = "postgres")]
fn in_options(options: &str) -> Option<String> {
    let (mut words, mut word, mut escaped) = (vec![], String::new(), false);
    for character in options.chars() {
        match character {
            _ if escaped => (word.push(character), escaped = false).1,
            '\\' => escaped = true,
            ' ' | '\t' | '\n' => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    let zone = |word: &String| {
        let setting = word.strip_prefix("--").or(word.strip_prefix("-c")).unwrap_or(word);
        let (name, zone) = setting.split_once('=')?;
        name.eq_ignore_ascii_case("timezone").then(|| zone.to_owned())
    };
    words.iter().rev().find_map(zone)
}

#[cfg(feature = "postgres")]
fn is_utc(zone: &str) -> bool {
    let name = zone.rsplit('/').next().unwrap_or(zone);
    ["UTC", "UCT", "GMT", "Zulu", "Universal", "Greenwich"].iter().any(|utc| name.eq_ignore_ascii_case(utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "postgres")]
    #[test]
    fn zone_is_read_from_libpq_options() {
        for (options, zone) in [
            ("-c timezone=Asia/Shanghai", Some("Asia/Shanghai")),
            ("-ctimezone=+8 -c search_path=a", Some("+8")),
            ("--TimeZone=UTC", Some("UTC")),
            ("-c timezone=UTC --timezone=Europe/Berlin", Some("Europe/Berlin")),
            ("-c  timezone=a\\ b\\\\c", Some("a b\\c")),
            ("-c log_timezone=UTC", None),
            ("-c search_path=timezone", None),
            ("", None),
        ] {
            assert_eq!(in_options(options).as_deref(), zone, "{options}");
        }
    }

    #[cfg(feature = "mysql")]
    #[test]
    fn zone_of_the_url_is_kept() {
        for (url, zone) in [
            ("mysql://h/d?timezone=%2B08:00", true),
            ("mysql://h/d?charset=latin1&time-zone=SYSTEM", true),
            ("mysql://h/timezone", false),
            ("mysql://h/d?ssl-mode=DISABLED", false),
        ] {
            assert_eq!(in_url(url), zone, "{url}");
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn names_of_utc_need_no_warning() {
        for zone in ["UTC", "Etc/UTC", "GMT", "etc/utc", "Etc/Universal"] {
            assert!(is_utc(zone), "{zone}");
        }
        for zone in ["Asia/Shanghai", "Etc/GMT-8", "<+08>-08"] {
            assert!(!is_utc(zone), "{zone}");
        }
    }
}
