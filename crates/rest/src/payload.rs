//! The rows of a request body, with every value kept as the JSON text it was sent as.

mod csv;
mod json;

pub(crate) use json::too_deep;

#[cfg(test)]
mod tests;

use backstay_model::Result;

use crate::errors;
use crate::settings::Limits;

/// Rows to write: a set of columns, and for each row and column a JSON text or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
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
        let cell = *self.cells.get(row.checked_mul(self.columns.len())? + column)?;
        if cell == ABSENT { None } else { self.text.get(cell.0 as usize..cell.1 as usize) }
    }

    /// The rows, each as the texts of its cells in the order of the columns.
    pub fn rows(&self) -> impl Iterator<Item = impl Iterator<Item = Option<&str>>> {
        (0..self.rows).map(move |row| (0..self.columns.len()).map(move |c| self.cell(row, c)))
    }

    /// Takes the rows out and leaves the columns.
    pub(crate) fn detach_rows(&mut self) -> Self {
        let columns = self.columns.clone();
        std::mem::replace(self, Self { columns, ..Self::default() })
    }

    /// Takes the one row out and leaves the columns and which of them the row has.
    pub(crate) fn detach_row(&mut self) -> Self {
        let taken = self.detach_rows();
        let present = |cell: &(u32, u32)| if *cell == ABSENT { ABSENT } else { (0, 0) };
        self.cells = taken.cells.iter().map(present).collect();
        self.rows = taken.rows;
        taken
    }

    /// Keeps the first row only.
    pub(crate) fn truncate_to_first(&mut self) {
        self.rows = self.rows.min(1);
        self.cells.truncate(self.columns.len());
    }

    /// Reads JSON. Without `columns` all rows must have the same keys.
    pub(crate) fn from_json(
        body: Vec<u8>,
        columns: Option<&[String]>,
        limits: &Limits,
    ) -> Result<Self> {
        let text = String::from_utf8(body).map_err(|_| errors::invalid_json())?;
        Ok(Self::find(&text, columns, limits)?.with_text(text))
    }

    /// Finds the rows of a JSON text, which is still to be given by [`Payload::with_text`].
    pub(crate) fn find(text: &str, columns: Option<&[String]>, limits: &Limits) -> Result<Self> {
        json::parse(text, columns, limits)
    }

    /// Gives the text whose rows were found.
    pub(crate) fn with_text(self, text: String) -> Self {
        Self { text, ..self }
    }

    /// The text.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// Reads CSV with a header line.
    pub(crate) fn from_csv(
        body: &[u8],
        columns: Option<&[String]>,
        limits: &Limits,
    ) -> Result<Self> {
        let text = str::from_utf8(body)
            .map_err(|_| errors::invalid_body("The body is not valid UTF-8"))?;
        let mut lines = csv::records(text)?.into_iter();
        let header: Vec<String> = match lines.next() {
            Some(fields) => fields.into_iter().map(std::borrow::Cow::into_owned).collect(),
            None => return Err(errors::invalid_body("parse error (not enough input)")),
        };
        let mut rows = Rows::new(header, columns);
        for fields in lines {
            if fields.len() != rows.header.len() {
                return Err(errors::invalid_body("All lines must have same number of fields"));
            }
            check_cells((rows.payload.rows + 1) * rows.payload.columns.len(), limits)?;
            rows.push(
                fields.iter().map(|field| if field == "NULL" { None } else { Some(&**field) }),
            )?;
        }
        Ok(rows.payload)
    }

    /// Makes one row of a form's fields.
    pub(crate) fn from_form(
        fields: &[(String, String)],
        columns: Option<&[String]>,
    ) -> Result<Self> {
        let header = fields.iter().map(|(name, _)| name.clone()).collect();
        let mut rows = Rows::new(header, columns);
        rows.push(fields.iter().map(|(_, value)| Some(value.as_str())))?;
        Ok(rows.payload)
    }
}

/// Does the text nest arrays and objects deeper than the limit? It must be valid JSON.
pub(crate) fn nests_deeper(text: &str, limit: usize) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Rows of plain text, on their way into a payload as JSON strings.
struct Rows {
    header: Vec<String>,
    /// For each field of the header the column it goes to.
    targets: Vec<Option<usize>>,
    payload: Payload,
}

impl Rows {
    fn new(header: Vec<String>, columns: Option<&[String]>) -> Self {
        let columns: indexmap::IndexSet<String> = match columns {
            Some(columns) => columns.iter().cloned().collect(),
            None => header.iter().cloned().collect(),
        };
        let targets = header.iter().map(|name| columns.get_index_of(name)).collect();
        let columns = columns.into_iter().collect();
        Self { header, targets, payload: Payload { columns, ..Payload::default() } }
    }

    fn push<'f>(&mut self, fields: impl Iterator<Item = Option<&'f str>>) -> Result<()> {
        let payload = &mut self.payload;
        let start = payload.cells.len();
        payload.cells.resize(start + payload.columns.len(), ABSENT);
        for (field, target) in fields.zip(&self.targets) {
            let Some(target) = *target else { continue };
            let from = payload.text.len();
            match field {
                None => payload.text.push_str("null"),
                Some(text) => errors::push_json_string(&mut payload.text, text),
            }
            if let Some(cell) = payload.cells.get_mut(start + target) {
                *cell = span(from, payload.text.len())?;
            }
        }
        payload.rows += 1;
        Ok(())
    }
}

/// Checks the number of cells of a payload that is about to get another row.
fn check_cells(cells: usize, limits: &Limits) -> Result<()> {
    if cells > limits.payload_cells {
        let details = format!(
            "more rows times columns than the limit of {} (setting `limits.payload_cells`)",
            limits.payload_cells
        );
        return Err(errors::invalid_body("The body is too large").with_details(details));
    }
    Ok(())
}

/// Positions in a body, which must be smaller than 4 GiB.
fn span(from: usize, to: usize) -> Result<(u32, u32)> {
    match (u32::try_from(from), u32::try_from(to)) {
        (Ok(from), Ok(to)) if to < u32::MAX => Ok((from, to)),
        _ => Err(errors::invalid_body("The body is too large")),
    }
}
