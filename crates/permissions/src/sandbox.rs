//! One table, narrowed to what one principal may see. The first lock: private fields, one
//! constructor.

use std::sync::Arc;

use sandbar_catalog::{FieldId, TableId};

use crate::condition::RowFilter;
use crate::mask::Mask;

/// One table, narrowed to what one principal may see: the only thing that can be scanned.
///
/// It cannot be forged or edited; only [`Grants::sandbox`](crate::Grants::sandbox) makes one:
///
/// ```compile_fail
/// fn forge(table: sandbar_catalog::TableId) -> sandbar_permissions::Sandbox {
///     sandbar_permissions::Sandbox {
///         table,
///         rows: sandbar_permissions::RowFilter::Everything,
///         cells: Vec::new().into(),
///         clear_key: true,
///         min_group_size: None,
///         lifted: Vec::new().into(),
///         policies: Vec::new().into(),
///     }
/// }
/// ```
///
/// ```
/// fn ask(grants: &sandbar_permissions::Grants, table: sandbar_catalog::TableId) {
///     let sandbox: Result<sandbar_permissions::Sandbox, _> = grants.sandbox(table);
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Sandbox {
    table: TableId,
    rows: RowFilter,
    cells: Arc<[Cell]>,
    clear_key: bool,
    min_group_size: Option<u32>,
    lifted: Arc<[bool]>,
    policies: Arc<[Arc<str>]>,
}

/// What the principal sees of one stored field, over the rows that he sees.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// The value.
    Clear,
    /// Nothing: the field does not exist for him.
    Hidden,
    /// Something else in place of the value.
    Masked(Mask),
    /// It depends on the row: the first filter that lets the row pass decides, and where none
    /// does the value is NULL.
    ByRow(Vec<(RowFilter, Option<Mask>)>),
}

impl Sandbox {
    pub(crate) fn new(
        table: TableId,
        rows: RowFilter,
        cells: Arc<[Cell]>,
        clear_key: bool,
        min_group_size: Option<u32>,
    ) -> Self {
        let (lifted, policies) = (Arc::default(), Arc::default());
        Self { table, rows, cells, clear_key, min_group_size, lifted, policies }
    }

    /// The same, made by policies of these names.
    pub(crate) fn made_by(self, policies: Arc<[Arc<str>]>) -> Self {
        Self { policies, ..self }
    }

    /// The same with stored fields that some metrics read with their authors' rights.
    pub(crate) fn with_lifted(self, lifted: Arc<[bool]>) -> Self {
        Self { lifted, ..self }
    }

    /// The table.
    pub fn table(&self) -> TableId {
        self.table
    }

    /// The rows the principal sees.
    pub fn rows(&self) -> &RowFilter {
        &self.rows
    }

    /// What the principal sees of a field of this table; a field of another table is hidden.
    pub fn cell(&self, field: FieldId) -> &Cell {
        if field.table() != self.table {
            return &Cell::Hidden;
        }
        self.cells.get(field.index()).unwrap_or(&Cell::Hidden)
    }

    /// Whether what tells the rows apart, where there is something, does so for this principal:
    /// neither it nor, in a derived table, what it is made of is masked.
    pub fn has_clear_key(&self) -> bool {
        self.clear_key
    }

    /// Whether a field is given clear as well, for numbers of metrics that read it with their
    /// authors' rights.
    pub fn lifts(&self, field: FieldId) -> bool {
        field.table() == self.table && self.lifted.get(field.index()).copied().unwrap_or(false)
    }

    /// The names of the policies that made it, each once.
    pub fn policies(&self) -> &[Arc<str>] {
        &self.policies
    }

    /// Of how many rows something is told at least; `None`: of single rows too.
    pub fn min_group_size(&self) -> Option<u32> {
        self.min_group_size
    }

    /// Whether rows of other tables decide what is shown.
    pub fn looks_at_others(&self) -> bool {
        let looks = |rows: &RowFilter| match rows {
            RowFilter::Everything | RowFilter::Never => false,
            RowFilter::Where(condition) => !condition.is_own(),
        };
        let by_row = |cell: &Cell| match cell {
            Cell::Clear | Cell::Hidden | Cell::Masked(_) => false,
            Cell::ByRow(rules) => rules.iter().any(|(rows, _)| looks(rows)),
        };
        looks(&self.rows) || self.cells.iter().any(by_row)
    }

    /// Whether rows are left out, or what is of few rows, whatever fields are read.
    pub fn leaves_out(&self) -> bool {
        self.min_group_size.is_some() || !self.rows.is_everything()
    }

    /// Whether anything is narrowed: rows, what is told of few rows, or the values of some field,
    /// read or not. Hidden fields count: it is not for an asker to be told.
    pub fn is_narrowed(&self) -> bool {
        self.leaves_out() || self.cells.iter().any(|cell| *cell != Cell::Clear)
    }
}
