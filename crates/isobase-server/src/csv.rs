//! Comma-separated values (RFC 4180) that no program takes for formulas.

/// Appends a row.
pub(crate) fn write_row<'a>(cells: impl IntoIterator<Item = &'a str>, out: &mut Vec<u8>) {
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_cell(cell, out);
    }
    out.extend_from_slice(b"\r\n");
}

/// A cell that begins as a formula gets an apostrophe in front: spreadsheets show the text then.
/// Source: OWASP, CSV Injection (2026-11).
fn write_cell(cell: &str, out: &mut Vec<u8>) {
    let formula =
        cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && cell.parse::<f64>().is_err();
    if !formula && !cell.contains([',', '"', '\r', '\n']) {
        out.extend_from_slice(cell.as_bytes());
        return;
    }
    out.push(b'"');
    if formula {
        out.push(b'\'');
    }
    out.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_text_and_never_formulas() {
        let row = |cells: &[&str]| {
            let mut out = Vec::new();
            write_row(cells.iter().copied(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(row(&["a", "", "b c"]), "a,,b c\r\n");
        assert_eq!(
            row(&["a,b", "say \"x\"", "two\nlines"]),
            "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\"\r\n"
        );
        assert_eq!(
            row(&["=1+1", "@x", "+a", "-b", "\t=x"]),
            "\"'=1+1\",\"'@x\",\"'+a\",\"'-b\",\"'\t=x\"\r\n"
        );
        assert_eq!(row(&["-5", "+1.5", "=\"x\""]), "-5,+1.5,\"'=\"\"x\"\"\"\r\n");
    }
}
