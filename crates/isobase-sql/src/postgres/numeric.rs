//! PostgreSQL's `numeric`, digit by digit.

/// The text of a number in the binary form: groups of four decimal digits.
///
/// Source: PostgreSQL 15, `src/backend/utils/adt/numeric.c`, `numeric_send`.
pub(crate) fn text(raw: &[u8]) -> Option<String> {
    let word = |at: usize| raw.get(at..at + 2).map(|two| i16::from_be_bytes([two[0], two[1]]));
    let count = usize::try_from(word(0)?).ok()?;
    let weight = i32::from(word(2)?);
    let scale = usize::try_from(word(6)?).ok()?;
    let negative = match word(4)?.cast_unsigned() {
        0x0000 => false,
        0x4000 => true,
        0xC000 => return Some("NaN".to_owned()),
        0xD000 => return Some("Infinity".to_owned()),
        0xF000 => return Some("-Infinity".to_owned()),
        _ => return None,
    };
    let group = |at: i32| match usize::try_from(at) {
        Ok(at) if at < count => word(8 + 2 * at),
        _ => Some(0),
    };
    let mut digits = String::new();
    for at in 0..=weight.max(0) {
        let at = if weight < 0 { -1 } else { at };
        digits.push_str(&format!("{:04}", group(at)?));
    }
    let whole = digits.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let mut fraction = String::new();
    let mut at = weight + 1;
    while fraction.len() < scale {
        fraction.push_str(&format!("{:04}", group(at)?));
        at += 1;
    }
    fraction.truncate(scale);
    let sign = if negative { "-" } else { "" };
    let point = if scale > 0 { "." } else { "" };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(weight: i16, sign: u16, scale: i16, groups: &[i16]) -> Vec<u8> {
        let count = i16::try_from(groups.len()).unwrap();
        let head = [count, weight, sign.cast_signed(), scale];
        head.iter().chain(groups).flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn groups_become_digits() {
        let cases = [
            (raw(0, 0, 2, &[1, 5000]), "1.50"),
            (raw(-1, 0x4000, 4, &[25]), "-0.0025"),
            (raw(-2, 0, 8, &[1]), "0.00000001"),
            (raw(2, 0, 0, &[12, 3]), "1200030000"),
            (raw(0, 0, 0, &[]), "0"),
            (raw(0, 0, 3, &[]), "0.000"),
            (raw(0, 0xC000, 0, &[]), "NaN"),
            (raw(0, 0xF000, 0, &[]), "-Infinity"),
        ];
        for (raw, expected) in cases {
            assert_eq!(text(&raw).as_deref(), Some(expected));
        }
        assert_eq!(text(&[0, 1]), None);
    }
}
