//! Registries of tables, and rows that fit them.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use isobase_sql::{Dialect, Family, MockDataGenerator, Record, Related, SchemaRegistry, Table};
use pyo3::{
    prelude::*,
    types::{PyDict, PyList},
};

use crate::{failure, from_python, runtime, session::Connector, to_python};

/// The forms of tables.
#[pyclass(frozen, module = "isobase._native")]
#[derive(Debug)]
pub(crate) struct Registry(Arc<SchemaRegistry>);

/// Makes rows up.
#[pyclass(frozen, module = "isobase._native")]
#[derive(Debug)]
pub(crate) struct Generator {
    registry: Arc<SchemaRegistry>,
    seed: std::sync::atomic::AtomicU64,
    realistic: bool,
}

#[pymethods]
impl Registry {
    #[staticmethod]
    fn from_database(py: Python<'_>, connector: &Connector) -> PyResult<Self> {
        let (handle, db) = (runtime::handle()?, connector.0.clone());
        let read = py.detach(|| handle.block_on(SchemaRegistry::from_database(&db)));
        read.map(|registry| Self(Arc::new(registry))).map_err(|error| failure::of(py, error))
    }

    #[staticmethod]
    fn from_file(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let read = SchemaRegistry::from_file(Dialect::Postgres, &path);
        read.map(|registry| Self(Arc::new(registry))).map_err(|error| failure::of(py, error))
    }

    fn table<'py>(
        &self,
        py: Python<'py>,
        schema: &str,
        table: &str,
    ) -> PyResult<Bound<'py, PyDict>> {
        let table = self.0.table(schema, table).map_err(|error| failure::of(py, error))?;
        described(py, table)
    }

    fn schemas(&self) -> Vec<String> {
        self.0.schemas().map(str::to_owned).collect()
    }

    fn tables(&self, schema: &str) -> Vec<String> {
        self.0.tables(schema).into_iter().map(|table| table.name).collect()
    }

    /// Nothing, or the reason against the row.
    fn validate(
        &self,
        py: Python<'_>,
        schema: &str,
        table: &str,
        data: &Bound<'_, PyAny>,
    ) -> PyResult<Option<String>> {
        self.0.table(schema, table).map_err(|error| failure::of(py, error))?;
        let data = from_python::record(data)?;
        Ok(self.0.validate_insert_data(schema, table, &data).err().map(|error| error.message))
    }
}

#[pymethods]
impl Generator {
    #[new]
    #[pyo3(signature = (registry, seed, realistic=false))]
    fn new(registry: &Registry, seed: u64, realistic: bool) -> Self {
        Self { registry: Arc::clone(&registry.0), seed: seed.into(), realistic }
    }

    fn rows<'py>(
        &self,
        py: Python<'py>,
        schema: &str,
        table: &str,
        count: usize,
        overrides: &Bound<'_, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        let overrides = from_python::record(overrides)?;
        let rows = self.generator().generate_rows(schema, table, count, &overrides);
        list(py, &rows.map_err(|error| failure::of(py, error))?)
    }

    fn related<'py>(
        &self,
        py: Python<'py>,
        schema: &str,
        table: &str,
        related: Vec<(String, Option<String>, usize, Option<String>)>,
        count: usize,
    ) -> PyResult<Bound<'py, PyDict>> {
        let related: BTreeMap<String, Related> = related
            .into_iter()
            .map(|(table, schema, count, column)| (table, Related { schema, count, column }))
            .collect();
        let made = self.generator().generate_related_rows(schema, table, &related, count);
        let all = PyDict::new(py);
        for (name, rows) in made.map_err(|error| failure::of(py, error))? {
            all.set_item(name, list(py, &rows)?)?;
        }
        Ok(all)
    }

    /// Writes rows into a database; gives the number for each table.
    fn fill(
        &self,
        py: Python<'_>,
        connector: &Connector,
        schema: &str,
        tables: Vec<String>,
        count: u64,
    ) -> PyResult<Vec<(String, u64)>> {
        let (handle, db) = (runtime::handle()?, connector.0.clone());
        let mut generator = self.generator();
        let filled = py.detach(|| {
            let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
            handle.block_on(generator.fill(&db, schema, &tables, count))
        });
        filled.map(|filled| filled.tables).map_err(|error| failure::of(py, error))
    }
}

impl Generator {
    /// Each call goes on with another seed: the rows of one seed come in the order of the calls.
    fn generator(&self) -> MockDataGenerator<'_> {
        let step = 0x9e37_79b9;
        let seed = self.seed.fetch_add(step, std::sync::atomic::Ordering::Relaxed);
        let generator = MockDataGenerator::new(&self.registry, seed);
        if self.realistic { generator.realistic() } else { generator }
    }
}

fn list<'py>(py: Python<'py>, rows: &[Record]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for row in rows {
        let dict = PyDict::new(py);
        for (name, value) in row {
            dict.set_item(name, to_python::value(py, value)?)?;
        }
        list.append(dict)?;
    }
    Ok(list)
}

fn described<'py>(py: Python<'py>, table: &Table) -> PyResult<Bound<'py, PyDict>> {
    let columns = PyDict::new(py);
    for column in &table.columns {
        let one = PyDict::new(py);
        one.set_item("type", &column.data_type)?;
        one.set_item("nullable", column.nullable)?;
        one.set_item("default", &column.default)?;
        one.set_item("max_length", column.max_length)?;
        one.set_item("generated", column.generated)?;
        if let Family::Enum(labels) = Family::of(column) {
            one.set_item("labels", labels)?;
        }
        columns.set_item(&column.name, one)?;
    }
    let keys = PyDict::new(py);
    for key in &table.foreign_keys {
        for (column, other) in key.columns.iter().zip(&key.references) {
            let one = PyDict::new(py);
            one.set_item("schema", &key.schema)?;
            one.set_item("table", &key.table)?;
            one.set_item("column", other)?;
            keys.set_item(column, one)?;
        }
    }
    let indexes = PyDict::new(py);
    for index in &table.indexes {
        let one = PyDict::new(py);
        one.set_item("unique", index.unique)?;
        one.set_item("definition", &index.definition)?;
        indexes.set_item(&index.name, one)?;
    }
    let all = PyDict::new(py);
    all.set_item("columns", columns)?;
    all.set_item("primary_keys", &table.primary_key)?;
    all.set_item("foreign_keys", keys)?;
    all.set_item("indexes", indexes)?;
    Ok(all)
}
