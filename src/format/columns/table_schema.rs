//! The columns of a stream's files: our metadata, the declared columns, the undeclared fields.
//!
//! In: the declared properties and the user's options. Out: a [`TableSchema`], made once per stream
//! and shared by the workers.
//!
//! Not here: how a JSON schema becomes a type (`json_schema`).

use std::borrow::Cow;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use serde_json::Value;

use super::conversion_issues::{PathStep, dotted};
use super::json_schema::data_columns;
use super::types::{Children, ColumnType, Field, Zone};
use crate::format::column_names::{ColumnNames, refused_names};
use crate::format::{
    ADDITIONAL_PROPERTIES, EXTRACTED_AT, GENERATION_ID, META, MetadataColumns, Nested, RAW_ID,
    StreamMeta, TypeOptions, UndeclaredFields,
};

/// The options that decide on the columns.
#[derive(Clone, Copy, Debug)]
pub struct TableSchemaOptions {
    /// Which metadata columns come first.
    pub metadata: MetadataColumns,
    /// What happens to fields that the schema does not declare.
    pub undeclared_fields: UndeclaredFields,
    /// How schemas become types.
    pub types: TypeOptions,
}

/// The columns of one stream.
#[derive(Debug)]
pub struct TableSchema {
    /// All of them, in the order of the file.
    pub fields: Vec<Field>,
    /// Warnings about them for the user, one sentence each.
    pub warnings: Vec<String>,
    pub(super) meta: StreamMeta,
    /// How many of the columns, at the beginning, are our metadata: those of
    /// [`MetadataColumns::names`].
    pub(super) metadata_columns: usize,
    /// Whether the last column is `_airbyte_additional_properties`.
    pub(super) additional: bool,
    /// Whether `_airbyte_meta` is JSON text in the file. Even then its rows are decoded into typed
    /// columns first.
    pub(super) meta_is_text: bool,
    /// The path of each node.
    paths: Vec<Vec<PathStep>>,
    /// The same, with dots.
    names: Vec<Arc<str>>,
}

impl TableSchema {
    /// The columns of a stream with these declared properties.
    #[must_use]
    pub fn new(
        options: &TableSchemaOptions,
        meta: &StreamMeta,
        properties: &[(String, Value)],
    ) -> Self {
        let ours = options.metadata.names();
        let keeps_undeclared = options.undeclared_fields == UndeclaredFields::Column;
        let mut beside = ours.to_vec();
        if keeps_undeclared {
            beside.push(ADDITIONAL_PROPERTIES);
        }
        let declared = data_columns(properties, &options.types, ours, &beside);
        let mut fields = metadata_fields(ours.len());
        fields.extend(declared.fields);
        // Readers refuse a file without columns.
        let additional = keeps_undeclared || fields.is_empty();
        if additional {
            fields.push(Field::new(ADDITIONAL_PROPERTIES, ColumnType::JsonText));
        }
        let mut paths = vec![Vec::new()];
        fields.iter().for_each(|field| add_paths(field, &[], &mut paths));
        let mut warnings = declared.warnings;
        if options.types.names == ColumnNames::Original {
            let mut names = Vec::new();
            walk(&fields, "", &mut |field, _| names.push(field.name.clone()));
            warnings.extend(refused_names(names.iter().map(String::as_str)));
        }
        let own = fields.iter_mut().take(ours.len());
        let meta_column = own
            .into_iter()
            .find(|field| field.name == META && options.types.nested == Nested::Json);
        let meta_is_text = meta_column.is_some();
        if let Some(field) = meta_column {
            field.column_type = ColumnType::JsonText;
        }
        Self {
            fields,
            warnings,
            meta: *meta,
            metadata_columns: ours.len(),
            additional,
            meta_is_text,
            names: paths.iter().map(|path| Arc::from(dotted(path, &[]))).collect(),
            paths,
        }
    }

    /// The Arrow schema of these columns.
    #[must_use]
    pub fn to_arrow(&self) -> SchemaRef {
        Arc::new(Schema::new(self.fields.iter().map(Field::to_arrow).collect::<Vec<_>>()))
    }

    /// The columns and members whose names in the file differ from the schema, in the order of the
    /// file: the path in the file, with dots and with `[]` for elements, and the name in the
    /// schema.
    #[must_use]
    pub fn renamed(&self) -> Vec<(String, String)> {
        let mut renamed = Vec::new();
        walk(&self.fields, "", &mut |field, path| {
            if field.name != field.source_name {
                renamed.push((path.to_owned(), field.source_name.clone()));
            }
        });
        renamed
    }

    /// How many leaf columns the top-level column with the most of them has.
    #[must_use]
    pub fn widest_column(&self) -> usize {
        self.fields.iter().map(|field| leaves(&field.column_type)).max().unwrap_or_default()
    }

    /// The columns into which rows are decoded: those of the file, except that `_airbyte_meta` is
    /// always typed.
    pub(super) fn decoded_fields(&self) -> Cow<'_, [Field]> {
        if !self.meta_is_text {
            return Cow::Borrowed(&self.fields);
        }
        let mut fields = self.fields.clone();
        for field in
            fields.iter_mut().take(self.metadata_columns).filter(|field| field.name == META)
        {
            *field = meta_field();
        }
        Cow::Owned(fields)
    }

    /// The node of `_airbyte_additional_properties`, which is the last one.
    pub(super) fn additional_node(&self) -> u32 {
        self.paths.len().saturating_sub(1) as u32
    }

    pub(super) fn path(&self, node: u32) -> &[PathStep] {
        self.paths.get(node as usize).map_or(&[], Vec::as_slice)
    }

    pub(super) fn name(&self, node: u32) -> Arc<str> {
        self.names.get(node as usize).cloned().unwrap_or_default()
    }
}

/// Calls `visit` with every field and its path in the file, outer fields before inner ones.
fn walk(fields: &[Field], parent: &str, visit: &mut dyn FnMut(&Field, &str)) {
    for field in fields {
        let mut path =
            if parent.is_empty() { field.name.clone() } else { format!("{parent}.{}", field.name) };
        visit(field, &path);
        let mut children = field.column_type.children();
        while let Children::Elements(element) = children {
            path.push_str("[]");
            children = element.children();
        }
        if let Children::Members(members) = children {
            walk(members, &path, visit);
        }
    }
}

/// The first `count` of our columns.
fn metadata_fields(count: usize) -> Vec<Field> {
    let mut fields = vec![
        Field::new(RAW_ID, ColumnType::Text),
        Field::new(EXTRACTED_AT, ColumnType::Timestamp(Zone::Utc)),
        Field::new(GENERATION_ID, ColumnType::Integer),
        meta_field(),
    ];
    fields.truncate(count);
    fields
}

/// `_airbyte_meta`, typed.
fn meta_field() -> Field {
    let text = |name: &str| Field::new(name, ColumnType::Text);
    let change = ColumnType::Struct(vec![text("field"), text("change"), text("reason")]);
    let meta = vec![
        Field::new("sync_id", ColumnType::Integer),
        Field::new("changes", ColumnType::List(Box::new(change))),
    ];
    Field::new(META, ColumnType::Struct(meta))
}

/// How many leaf columns hold the values of a type.
fn leaves(column_type: &ColumnType) -> usize {
    match column_type.children() {
        Children::None => 1,
        Children::Members(fields) => fields.iter().map(|field| leaves(&field.column_type)).sum(),
        Children::Elements(element) => leaves(element),
    }
}

/// Adds the paths of a field and of everything inside it, in the order of their nodes: the one in
/// which `decode_plan` counts them.
fn add_paths(field: &Field, parent: &[PathStep], paths: &mut Vec<Vec<PathStep>>) {
    let path = [parent, &[PathStep::Name(field.source_name.clone())]].concat();
    paths.push(path.clone());
    add_inner_paths(&field.column_type, &path, paths);
}

fn add_inner_paths(column_type: &ColumnType, path: &[PathStep], paths: &mut Vec<Vec<PathStep>>) {
    match column_type.children() {
        Children::None => {}
        Children::Members(fields) => fields.iter().for_each(|field| add_paths(field, path, paths)),
        Children::Elements(element) => {
            let inner = [path, &[PathStep::Element]].concat();
            paths.push(inner.clone());
            add_inner_paths(element, &inner, paths);
        }
    }
}
