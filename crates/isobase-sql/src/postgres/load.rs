//! Many rows at once, by COPY: in its binary form where every value has one, which the server reads
//! in half the time, else in its text form.

use std::pin::{Pin, pin};

use bytes::Bytes;
use futures_util::{SinkExt, Stream, StreamExt};
use isobase_postgres::{
    Connection, Keep,
    tokio_postgres::{
        CopyInSink,
        types::{Kind, Type},
    },
};

use super::{binary_rows, copy, refused};
use crate::{Error, Value};

/// Rows that are sent together, in one form.
const PIECE_ROWS: usize = 1_024;

/// Writes rows into columns of a table, both as they stand in SQL; gives their number. To be
/// called in a transaction: rows of both forms take a COPY each.
pub(crate) async fn load(
    connection: &Connection,
    table: &str,
    columns: &str,
    rows: impl Stream<Item = Result<Vec<Vec<Value>>, Error>>,
) -> Result<u64, Error> {
    let types = types(connection, table, columns).await?;
    let mut loaded = 0;
    let mut open: Option<Copy> = None;
    let mut rows = pin!(rows);
    while let Some(part) = rows.next().await {
        for piece in part?.chunks(PIECE_ROWS) {
            let (form, bytes) = encoded(&types, piece);
            if let Some(other) = open.take_if(|copy| copy.form != form) {
                loaded += other.finish().await?;
            }
            let copy = match &mut open {
                Some(copy) => copy,
                None => open.insert(Copy::begin(connection, table, columns, form).await?),
            };
            copy.send(bytes).await?;
        }
    }
    if let Some(copy) = open {
        loaded += copy.finish().await?;
    }
    Ok(loaded)
}

/// The types of the columns, as they are in this transaction: what was read of the catalogue
/// before may be out of date, and binary values are those of one type only.
async fn types(connection: &Connection, table: &str, columns: &str) -> Result<Vec<Type>, Error> {
    let sql = format!("SELECT {columns} FROM {table}");
    let prepared = connection.prepare_text(&sql, Keep::Nothing).await;
    let statement = prepared.map_err(|error| refused(error, &sql))?;
    Ok(statement.columns().iter().map(|column| plain(column.type_()).clone()).collect())
}

/// The type below domains, whose form they have.
fn plain(ty: &Type) -> &Type {
    match ty.kind() {
        Kind::Domain(base) => plain(base),
        _ => ty,
    }
}

fn encoded(types: &[Type], rows: &[Vec<Value>]) -> (Form, Vec<u8>) {
    match binary_rows::write(types, rows) {
        Some(bytes) => (Form::Binary, bytes),
        None => (Form::Text, copy::text_of(rows)),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Binary,
    Text,
}

/// A COPY under way. Its drop ends it, and nothing is written.
struct Copy {
    form: Form,
    sql: String,
    sink: Pin<Box<CopyInSink<Bytes>>>,
}

impl Copy {
    async fn begin(
        connection: &Connection,
        table: &str,
        columns: &str,
        form: Form,
    ) -> Result<Self, Error> {
        let option = match form {
            Form::Binary => " (FORMAT binary)",
            Form::Text => "",
        };
        let sql = format!("COPY {table} ({columns}) FROM STDIN{option}");
        let begun = connection.client().copy_in(&sql).await;
        let sink = Box::pin(begun.map_err(|error| refused(error, &sql))?);
        let mut copy = Self { form, sql, sink };
        if form == Form::Binary {
            copy.send(binary_rows::HEADER.to_vec()).await?;
        }
        Ok(copy)
    }

    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        let sent = self.sink.feed(Bytes::from(bytes)).await;
        sent.map_err(|error| refused(error, &self.sql))
    }

    async fn finish(mut self) -> Result<u64, Error> {
        if self.form == Form::Binary {
            self.send(binary_rows::TRAILER.to_vec()).await?;
        }
        let finished = self.sink.as_mut().finish().await;
        finished.map_err(|error| refused(error, &self.sql))
    }
}
