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
    // Every group is four digits, a point and a sign.
    let mut out = String::with_capacity(4 * count.max(1) + scale + 2);
    if negative {
        out.push('-');
    }
    let mut leading = true;
    for at in 0..=weight {
        let four = group(at)?;
        match leading {
            true if four == 0 && at < weight => {}
            true => out.push_str(&four.to_string()),
            false => push_four(&mut out, four, 4)?,
        }
        leading = leading && four == 0;
    }
    if weight < 0 {
        out.push('0');
    }
    if scale > 0 {
        out.push('.');
    }
    let (mut left, mut at) = (scale, weight + 1);
    while left > 0 {
        let shown = left.min(4);
        push_four(&mut out, group(at)?, shown)?;
        (left, at) = (left - shown, at + 1);
    }
    Some(out)
}

/// The first so many of the four digits of a group.
fn push_four(out: &mut String, four: i16, shown: usize) -> Option<()> {
    let four = u16::try_from(four).ok().filter(|four| *four < 10_000)?;
    let digits = [four / 1000, four / 100 % 10, four / 10 % 10, four % 10];
    let digit = |digit: &u16| char::from(b'0' + u8::try_from(*digit).unwrap_or(0));
    out.extend(digits.iter().take(shown).map(digit));
    Some(())
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
