//! JSON of the database as values of Python, without a tree between them.

use pyo3::{
    IntoPyObjectExt, intern,
    prelude::*,
    sync::PyOnceLock,
    types::{PyDict, PyList, PyString},
};

use crate::classes::decimal;

/// Deeper values are read by Python, which refuses those that are too deep for it.
const DEPTH_MAX: usize = 100;

/// The value of a JSON text; a number with a fraction or an exponent is a `Decimal`: no digit is
/// lost.
///
/// What PostgreSQL stores is JSON. What is unusual in it, or is no JSON at all, Python's own module
/// reads, or refuses.
pub(crate) fn value<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    let mut reader = Reader { py, text, at: 0 };
    let read = reader.value(0);
    reader.skip_blanks();
    match read {
        Some(value) if reader.at == text.len() => Ok(value),
        _ => by_python(py, text),
    }
}

fn by_python<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let loads = LOADS.get_or_try_init(py, || {
        let module = py.import(intern!(py, "isobase._json"))?;
        module.getattr(intern!(py, "loads")).map(Bound::unbind)
    })?;
    loads.bind(py).call1((text,))
}

/// Every method gives none where the text is not as it expects.
struct Reader<'a, 'py> {
    py: Python<'py>,
    text: &'a str,
    at: usize,
}

impl<'a, 'py> Reader<'a, 'py> {
    fn value(&mut self, depth: usize) -> Option<Bound<'py, PyAny>> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.skip_blanks();
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => Some(PyString::new(self.py, &self.string()?).into_any()),
            b't' => self.word("true", true.into_bound_py_any(self.py).ok()?),
            b'f' => self.word("false", false.into_bound_py_any(self.py).ok()?),
            b'n' => self.word("null", self.py.None().into_bound(self.py)),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Bound<'py, PyAny>> {
        let dict = PyDict::new(self.py);
        self.at += 1;
        if self.is_next(b'}') {
            return Some(dict.into_any());
        }
        loop {
            self.skip_blanks();
            let name = self.string()?;
            if !self.is_next(b':') {
                return None;
            }
            let value = self.value(depth + 1)?;
            dict.set_item(PyString::new(self.py, &name), value).ok()?;
            if self.is_next(b'}') {
                return Some(dict.into_any());
            }
            if !self.is_next(b',') {
                return None;
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Bound<'py, PyAny>> {
        let list = PyList::empty(self.py);
        self.at += 1;
        if self.is_next(b']') {
            return Some(list.into_any());
        }
        loop {
            list.append(self.value(depth + 1)?).ok()?;
            if self.is_next(b']') {
                return Some(list.into_any());
            }
            if !self.is_next(b',') {
                return None;
            }
        }
    }

    fn string(&mut self) -> Option<std::borrow::Cow<'a, str>> {
        let rest = self.text.get(self.at..)?;
        let inner = rest.strip_prefix('"')?;
        let end = inner.bytes().position(|byte| matches!(byte, b'"' | b'\\') || byte < 0x20)?;
        if inner.as_bytes()[end] == b'"' {
            self.at += end + 2;
            return Some(inner[..end].into());
        }
        // With escapes: the end is the first quotation mark that is not one of them.
        let mut escaped = false;
        let end = inner.bytes().position(|byte| match byte {
            _ if escaped => {
                escaped = false;
                false
            }
            b'\\' => {
                escaped = true;
                false
            }
            byte => byte == b'"',
        })?;
        let text: String = serde_json::from_str(&rest[..end + 2]).ok()?;
        self.at += end + 2;
        Some(text.into())
    }

    fn number(&mut self) -> Option<Bound<'py, PyAny>> {
        let rest = &self.text[self.at..];
        let is_part = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
        let end = rest.bytes().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let digits = &rest[..end];
        if !digits.ends_with(|last: char| last.is_ascii_digit()) {
            return None;
        }
        self.at += end;
        if digits.contains(['.', 'e', 'E']) {
            return decimal(self.py, digits).ok();
        }
        // One that is larger Python reads.
        let number: i64 = digits.parse().ok().filter(|_| !digits.starts_with('+'))?;
        number.into_bound_py_any(self.py).ok()
    }

    fn word(&mut self, word: &str, value: Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
        self.text.get(self.at..)?.starts_with(word).then(|| {
            self.at += word.len();
            value
        })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes a mark, if it comes next.
    fn is_next(&mut self, mark: u8) -> bool {
        self.skip_blanks();
        let is_next = self.peek() == Some(mark);
        self.at += usize::from(is_next);
        is_next
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }
}
