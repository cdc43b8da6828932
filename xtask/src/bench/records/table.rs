//! Tables that read well and are Markdown too.

use std::fmt::Write as _;

/// Lays out rows under their headers. The first column is flush left, the
/// others are flush right but for those that hold words.
pub(in crate::bench) fn markdown(headers: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([headers[column].chars().count(), 3]).max().unwrap_or(3)
    };
    let columns: Vec<Column> = (0..headers.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let numeric = column > 0 && cells.clone().any(|cell| is_figure(cell));
            let right = numeric && cells.clone().all(|cell| cell.is_empty() || is_figure(cell));
            Column { width: width(column), right }
        })
        .collect();
    let mut out = String::new();
    let headers: Vec<String> = headers.iter().map(ToString::to_string).collect();
    line(&mut out, &columns, &headers);
    for Column { width, right } in &columns {
        let dashes = "-".repeat(*width);
        // Writing to a String cannot fail.
        let _ = if *right { write!(out, "|-{dashes}:") } else { write!(out, "|-{dashes}-") };
    }
    out.push_str("|\n");
    rows.iter().for_each(|row| line(&mut out, &columns, row));
    out
}

struct Column {
    width: usize,
    right: bool,
}

fn line(out: &mut String, columns: &[Column], cells: &[String]) {
    for (Column { width, right }, cell) in columns.iter().zip(cells) {
        let _ = if *right {
            write!(out, "| {cell:>width$} ")
        } else {
            write!(out, "| {cell:<width$} ")
        };
    }
    out.push_str("|\n");
}

fn is_figure(cell: &str) -> bool {
    cell.trim_start_matches('~').starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let row = |cells: &[&str]| cells.iter().map(ToString::to_string).collect::<Vec<_>>();
        let rows = [row(&["GET", "1,234/s", "yes"]), row(&["list of 100", "~7 µs", ""])];
        let text = markdown(&["load", "value", "met"], &rows);
        let expected = "\
            | load        |   value | met |\n\
            |-------------|--------:|-----|\n\
            | GET         | 1,234/s | yes |\n\
            | list of 100 |   ~7 µs |     |\n";
        assert_eq!(text, expected);
    }
}
