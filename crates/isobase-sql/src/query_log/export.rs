//! The log as files.

use std::{
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value as Json, json};

use super::{LoggedQuery, QueryLogger, Statistics};
use crate::{Error, Value, civil};

/// Microseconds from 1970-01-01 to 2000-01-01.
const TO_2000_MICROS: i64 = 946_684_800_000_000;

impl QueryLogger {
    /// The statements and the statistics as a JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let queries: Vec<Json> = self.queries().iter().map(as_json).collect();
        let document = json!({ "queries": queries, "stats": self.statistics().to_json() });
        format!("{document:#}")
    }

    /// Writes the statements and the statistics into a JSON file.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn export_to_json(&self, path: &Path) -> Result<(), Error> {
        write(path, &self.to_json())
    }

    /// Writes the statements into a CSV file.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn export_to_csv(&self, path: &Path) -> Result<(), Error> {
        let mut text = String::from("Timestamp,Query,Parameters,Execution Time (ms)\r\n");
        for query in self.queries() {
            let parameters = Value::Array(query.parameters.clone()).to_json();
            let time = query.milliseconds.to_string();
            let fields = [&timestamp(query.at), &query.query, &parameters, &time];
            let fields: Vec<String> = fields.iter().map(|field| csv_field(field)).collect();
            text.push_str(&fields.join(","));
            text.push_str("\r\n");
        }
        write(path, &text)
    }
}

impl Statistics {
    /// The statistics as JSON, with the names of the specification.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let times = &self.performance;
        json!({
            "count": self.count,
            "table_access": self.table_access,
            "performance": {
                "avg_time": times.avg_time,
                "min_time": times.min_time,
                "max_time": times.max_time,
                "total_time": times.total_time,
                "median_time": times.median_time,
                "p95_time": times.p95_time,
            },
            "slow_query_count": self.slow_query_count,
        })
    }
}

fn as_json(query: &LoggedQuery) -> Json {
    let parameters: Vec<Json> = query
        .parameters
        .iter()
        .map(|value| serde_json::from_str(&value.to_json()).unwrap_or(Json::Null))
        .collect();
    json!({
        "query": query.query,
        "params": parameters,
        "execution_time": query.milliseconds,
        "timestamp": timestamp(query.at),
    })
}

/// ISO 8601 in UTC.
fn timestamp(at: SystemTime) -> String {
    let micros = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    let micros = i64::try_from(micros).unwrap_or(i64::MAX - 1);
    let text = civil::moment_text(micros.saturating_sub(TO_2000_MICROS), "+00:00");
    text.replacen(' ', "T", 1)
}

/// RFC 4180; and a text that a spreadsheet would take for a formula is one no more.
fn csv_field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|error| Error::io("write", path, &error))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn files_hold_what_was_noted() {
        let folder = tempfile::tempdir().unwrap();
        let logger = QueryLogger::new(Duration::from_millis(50));
        logger.log_query("SELECT \"a\", 1\nFROM t", &["x,\"y".into()], Duration::from_millis(50));
        logger.log_query("=1+1", &[Value::Null], Duration::from_micros(50_001));
        assert_eq!(logger.statistics().slow_query_count, 1, "slow is strictly more");
        assert_eq!(logger.slow_queries(Some(Duration::ZERO)).len(), 2);
        let (json, csv) = (folder.path().join("a.json"), folder.path().join("a.csv"));
        logger.export_to_json(&json).unwrap();
        logger.export_to_csv(&csv).unwrap();
        let read: Json = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
        assert_eq!(read["queries"][0]["params"], json!(["x,\"y"]));
        assert_eq!(read["stats"]["table_access"], json!({"t": 1}));
        let csv = fs::read_to_string(csv).unwrap();
        assert!(csv.starts_with("Timestamp,Query,Parameters,Execution Time (ms)\r\n20"));
        assert!(csv.contains("\"SELECT \"\"a\"\", 1\nFROM t\""), "{csv}");
        assert!(csv.contains(",'=1+1,[null],50.00"), "{csv}");
        assert!(
            logger.summary().starts_with("===== Database Query Summary =====\nTotal queries: 2")
        );
    }
}
