//! Rows in one value: how sets travel between functions of ours and SQLite.
//!
//! [`pack`] makes the value, the table function `pg_rows(value)` reads it: columns `c1`, `c2`…

use std::borrow::Cow;
use std::ffi::{CStr, c_int};
use std::marker::PhantomData;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::vtab::{
    Context, Filters, IndexConstraintOp, IndexInfo, Module, VTab, VTabConfig, VTabConnection,
    VTabCursor,
};
use rusqlite::{Connection, Result, ffi};

/// Limit: columns of a packed row.
pub(crate) const COLUMNS_MAX: usize = 128;

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

/// Appends one value to packed rows.
pub(crate) fn push(out: &mut Vec<u8>, value: ValueRef<'_>) {
    let long = |out: &mut Vec<u8>, tag: u8, bytes: &[u8]| {
        out.push(tag);
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(bytes);
    };
    match value {
        ValueRef::Null => out.push(NULL),
        ValueRef::Integer(number) => {
            out.push(INTEGER);
            out.extend_from_slice(&number.to_le_bytes());
        }
        ValueRef::Real(number) => {
            out.push(REAL);
            out.extend_from_slice(&number.to_le_bytes());
        }
        ValueRef::Text(bytes) => long(out, TEXT, bytes),
        ValueRef::Blob(bytes) => long(out, BLOB, bytes),
    }
}

/// Begins packed rows of this width.
pub(crate) fn begin(width: usize) -> Vec<u8> {
    (width as u64).to_le_bytes().to_vec()
}

/// Reads a number of eight bytes at `at`, and moves on.
fn word(data: &[u8], at: &mut usize) -> Option<[u8; 8]> {
    let bytes = data.get(*at..*at + 8)?.try_into().ok()?;
    *at += 8;
    Some(bytes)
}

/// Reads a value at `at`, and moves on.
fn read<'d>(data: &'d [u8], at: &mut usize) -> Option<ValueRef<'d>> {
    let tag = *data.get(*at)?;
    *at += 1;
    Some(match tag {
        NULL => ValueRef::Null,
        INTEGER => ValueRef::Integer(i64::from_le_bytes(word(data, at)?)),
        REAL => ValueRef::Real(f64::from_le_bytes(word(data, at)?)),
        _ => {
            let length = usize::try_from(u64::from_le_bytes(word(data, at)?)).ok()?;
            let bytes = data.get(*at..at.checked_add(length)?)?;
            *at += length;
            if tag == TEXT { ValueRef::Text(bytes) } else { ValueRef::Blob(bytes) }
        }
    })
}

/// Registers `pg_rows` on a connection.
pub(crate) fn register(connection: &Connection) -> Result<()> {
    const MODULE: Module<PackedRows> = Module::eponymous_only_module();
    connection.create_module(c"pg_rows", &MODULE, None::<()>)
}

#[repr(C)]
struct PackedRows {
    /// Must be first: SQLite sees only this.
    base: ffi::sqlite3_vtab,
}

fn declaration() -> Cow<'static, CStr> {
    static TEXT: std::sync::OnceLock<std::ffi::CString> = std::sync::OnceLock::new();
    let text = TEXT.get_or_init(|| {
        let columns: Vec<String> = (1..=COLUMNS_MAX).map(|at| format!("c{at}")).collect();
        let sql = format!("CREATE TABLE x({}, packed HIDDEN)", columns.join(","));
        std::ffi::CString::new(sql).unwrap_or_default()
    });
    Cow::Borrowed(text.as_c_str())
}

#[expect(unsafe_code, reason = "SQLite's interface for table functions")]
// SAFETY: the type is `repr(C)` and begins with SQLite's own structure, as the trait demands.
unsafe impl<'vtab> VTab<'vtab> for PackedRows {
    type Aux = ();
    type Cursor = Cursor<'vtab>;

    fn connect(
        db: &mut VTabConnection,
        _: Option<&()>,
        _: &[u8],
        _: &[u8],
        _: &[u8],
        _: &[&[u8]],
    ) -> Result<(Cow<'static, CStr>, Self)> {
        db.config(VTabConfig::Innocuous)?;
        Ok((declaration(), Self { base: ffi::sqlite3_vtab::default() }))
    }

    fn best_index(&self, info: &mut IndexInfo) -> Result<bool> {
        let mut given = None;
        let mut hidden = false;
        for (index, constraint) in info.constraints().enumerate() {
            if usize::try_from(constraint.column()) != Ok(COLUMNS_MAX) {
                continue;
            }
            hidden = true;
            if constraint.is_usable()
                && constraint.operator() == IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ
            {
                given = Some(index);
            }
        }
        let Some(index) = given else {
            // Without its argument the table has no rows to give; another join order has it.
            info.set_estimated_cost(1e12);
            return Ok(!hidden);
        };
        let mut usage = info.constraint_usage(index);
        usage.set_argv_index(1);
        usage.set_omit(true);
        info.set_estimated_cost(10.0);
        info.set_estimated_rows(10);
        Ok(true)
    }

    fn open(&mut self) -> Result<Cursor<'_>> {
        Ok(Cursor::default())
    }
}

#[derive(Default)]
#[repr(C)]
struct Cursor<'vtab> {
    /// Must be first: SQLite sees only this.
    base: ffi::sqlite3_vtab_cursor,
    data: Vec<u8>,
    width: usize,
    /// Where each value of the current row begins.
    starts: Vec<usize>,
    /// Where the next row begins.
    next: usize,
    row: i64,
    phantom: PhantomData<&'vtab PackedRows>,
}

impl Cursor<'_> {
    /// Finds the values of the row at `next`; no starts are left at the end.
    fn advance(&mut self) {
        self.starts.clear();
        self.row += 1;
        if self.next >= self.data.len() {
            return;
        }
        let mut at = self.next;
        for _ in 0..self.width {
            self.starts.push(at);
            if read(&self.data, &mut at).is_none() {
                self.starts.clear();
                return;
            }
        }
        self.next = at;
    }
}

#[expect(unsafe_code, reason = "SQLite's interface for table functions")]
// SAFETY: the type is `repr(C)` and begins with SQLite's own structure, as the trait demands.
unsafe impl VTabCursor for Cursor<'_> {
    fn filter(&mut self, _: c_int, _: Option<&str>, args: &Filters<'_>) -> Result<()> {
        self.data.clear();
        if !args.is_empty()
            && let Some(packed) = args.get::<Option<Vec<u8>>>(0)?
        {
            self.data = packed;
        }
        self.next = 0;
        self.row = 0;
        let width = word(&self.data, &mut self.next).map(u64::from_le_bytes);
        self.width = width.and_then(|width| usize::try_from(width).ok()).unwrap_or(0);
        if self.width == 0 {
            self.next = self.data.len();
        }
        self.advance();
        Ok(())
    }

    fn next(&mut self) -> Result<()> {
        self.advance();
        Ok(())
    }

    fn eof(&self) -> bool {
        self.starts.is_empty()
    }

    fn column(&self, context: &mut Context, column: c_int) -> Result<()> {
        let start = usize::try_from(column).ok().and_then(|column| self.starts.get(column));
        let value = start.and_then(|start| read(&self.data, &mut start.clone()));
        context.set_result(ToSqlOutput::Borrowed(value.unwrap_or(ValueRef::Null)))
    }

    fn rowid(&self) -> Result<i64> {
        Ok(self.row)
    }
}
