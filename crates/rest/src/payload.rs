//! The rows of a request body, with every value kept as the JSON text it was sent as.

/// Rows to write: a set of columns, and for each row and column a JSON text or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Payload {
    columns: Vec<String>,
    text: String,
    /// Row by row, one for each column: start and end in `text`; `ABSENT` for a key that the row
    /// does not have.
    cells: Vec<(u32, u32)>,
    rows: usize,
}

/// Marks a key that a row does not have.
const ABSENT: (u32, u32) = (u32::MAX, u32::MAX);

impl Payload {
    /// The columns to write: `columns=` if given, else the keys of the rows.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows there are; a row may have no columns at all.
    pub fn row_count(&self) -> usize {
        self.rows
    }

    /// The JSON text of a cell: `None` if the row does not have the key, `Some("null")` for an
    /// explicit null. Numbers keep all their digits.
    pub fn cell(&self, row: usize, column: usize) -> Option<&str> {
        if column >= self.columns.len() {
            return None;
        }
        let cell = *self.cells.get(row * self.columns.len() + column)?;
        if cell == ABSENT { None } else { self.text.get(cell.0 as usize..cell.1 as usize) }
    }

    /// The rows, each as the texts of its cells in the order of the columns.
    pub fn rows(&self) -> impl Iterator<Item = impl Iterator<Item = Option<&str>>> {
        (0..self.rows).map(move |row| (0..self.columns.len()).map(move |c| self.cell(row, c)))
    }
}
