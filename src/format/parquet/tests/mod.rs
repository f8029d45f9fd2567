//! Files are read back with the library's own reader, which checks offsets and lengths, and their
//! footers are compared.

mod tables;

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StringArray, StructArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::basic::{ColumnOrder, Compression, Encoding};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::statistics::Statistics;
use proptest::prelude::*;

use self::tables::{Draw, EVERY_TYPE, every_type, field, list, table, values};
use super::*;
use crate::error::{Classified, FailureType};

const CODECS: [Codec; 7] = [
    Codec::Snappy,
    Codec::Zstd { level: None },
    Codec::Zstd { level: Some(22) },
    Codec::Gzip { level: None },
    Codec::Gzip { level: Some(1) },
    Codec::Lz4Raw,
    Codec::None,
];

fn footer() -> Vec<(String, String)> {
    [("destination_s3.stream", "orders"), ("destination_s3.sync_id", "42")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
}

fn layout(schema: &SchemaRef, codec: Codec) -> FileLayout {
    FileLayout::new(schema, codec, footer()).unwrap()
}

/// The rows from `first`, cut into arrays of `piece` rows, encoded.
fn group(
    layout: &FileLayout,
    table: &[ArrayRef],
    first: usize,
    rows: usize,
    piece: usize,
) -> EncodedRowGroup {
    let of_column = |(ix, array): (usize, &ArrayRef)| {
        let starts = (first..first + rows).step_by(piece);
        let pieces: Vec<ArrayRef> =
            starts.map(|start| array.slice(start, piece.min(first + rows - start))).collect();
        encode_column(layout, ix, pieces).unwrap()
    };
    let columns = table.iter().enumerate().map(of_column).collect();
    EncodedRowGroup::new(columns, rows).unwrap()
}

/// A file with row groups of these numbers of rows.
fn file(layout: &FileLayout, table: &[ArrayRef], groups: &[usize], piece: usize) -> Bytes {
    let mut file = FileAssembler::new(layout).unwrap();
    let (mut bytes, mut first) = (Vec::new(), 0);
    for rows in groups {
        let group = group(layout, table, first, *rows, piece);
        let (expected, before) = (group.encoded_bytes() as usize, bytes.len());
        bytes.extend(file.row_group(group).unwrap());
        assert_eq!(bytes.len(), before + expected + if before == 0 { 4 } else { 0 });
        first += rows;
    }
    bytes.extend(file.finish().unwrap());
    Bytes::from(bytes)
}

fn metadata(file: &Bytes) -> ParquetMetaData {
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
    let metadata = reader.parse_and_finish(file).unwrap();
    assert!(metadata.page_index().is_none(), "there is none");
    metadata
}

/// Compares some of a file's rows, or all, with what was written.
fn assert_reads(
    file: &Bytes,
    schema: &SchemaRef,
    table: &[ArrayRef],
    rows: std::ops::Range<usize>,
) {
    let policy = PageIndexPolicy::Optional;
    let options = ArrowReaderOptions::new().with_page_index_policy(policy);
    let builder =
        ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options).unwrap();
    assert_eq!(
        builder.schema().fields(),
        schema.fields(),
        "without the Arrow schema in the footer"
    );
    let selection = vec![RowSelector::skip(rows.start), RowSelector::select(rows.len())];
    let reader = builder
        .with_row_selection(RowSelection::from(selection))
        .with_batch_size(1000)
        .build()
        .unwrap();
    let mut at = rows.start;
    for batch in reader {
        let batch = batch.unwrap();
        for (ix, (read, written)) in batch.columns().iter().zip(table).enumerate() {
            let written = written.slice(at, batch.num_rows());
            assert_eq!(read.as_ref(), written.as_ref(), "column {ix} from row {at}");
        }
        at += batch.num_rows();
    }
    assert_eq!(at, rows.end);
}

/// Column chunks follow each other in the file without gaps.
fn assert_offsets(file: &Bytes) {
    let metadata = metadata(file);
    let mut expected = 4;
    for group in metadata.row_groups() {
        assert_eq!(group.file_offset(), Some(expected as i64));
        for chunk in group.columns() {
            let (start, length) = chunk.byte_range();
            assert_eq!(start, expected);
            expected += length;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn everything_is_read_back(
        groups in prop::collection::vec(0_usize..700, 0..4),
        piece in 1_usize..200,
        distinct in prop::sample::select(vec![1_u64, 9, 300, 1 << 30]),
        percent_null in prop::sample::select(vec![0_u64, 0, 20, 100]),
        codec in prop::sample::select(CODECS.to_vec()),
        seed: u64,
    ) {
        let schema = every_type();
        let rows = groups.iter().sum();
        let table = table(&schema, rows, distinct, percent_null, seed);
        let file = file(&layout(&schema, codec), &table, &groups, piece);
        assert_reads(&file, &schema, &table, 0..rows);
        assert_reads(&file, &schema, &table, rows / 3..rows / 2);
        assert_offsets(&file);
    }
}

#[test]
fn large_groups_have_many_pages_and_short_statistics() {
    let schema = Arc::new(Schema::new(vec![
        field("id", DataType::Int64),
        field("text", DataType::Utf8),
        field("items", list(DataType::Int64)),
        field("amount", DataType::Float64),
    ]));
    let mut table = table(&schema, 90_000, 1 << 30, 10, 3);
    table[1] = Arc::new(StringArray::from_iter_values(
        (0..90_000).map(|ix| format!("{}{ix:06}", "é".repeat(50))),
    ));
    let file = file(&layout(&schema, Codec::Snappy), &table, &[60_000, 30_000], 1_234);
    assert_reads(&file, &schema, &table, 0..90_000);
    assert_reads(&file, &schema, &table, 55_555..66_666);
    assert_offsets(&file);

    let metadata = metadata(&file);
    let Some(Statistics::ByteArray(text)) = metadata.row_group(0).column(1).statistics() else {
        panic!()
    };
    let [min, max] = [text.min_opt(), text.max_opt()].map(|bytes| bytes.unwrap().data().to_vec());
    assert_eq!(String::from_utf8(min).unwrap(), "é".repeat(32));
    assert!(String::from_utf8(max).unwrap().starts_with(&"é".repeat(31)));
    assert_eq!((text.min_is_exact(), text.max_is_exact()), (false, false));
    let Some(Statistics::Double(amount)) = metadata.row_group(0).column(3).statistics() else {
        panic!()
    };
    assert!(amount.min_opt() < amount.max_opt());
    assert!(amount.null_count_opt().is_some_and(|nulls| nulls > 0));
}

#[test]
fn the_footer_has_only_what_all_readers_know() {
    let schema = every_type();
    let table = table(&schema, 500, 3, 10, 1);
    for (groups, codec) in
        [(vec![], Codec::Snappy), (vec![0, 0], Codec::Snappy), (vec![300, 0, 200], Codec::Lz4Raw)]
    {
        let file = file(&layout(&schema, codec), &table, &groups, 50);
        assert_eq!((&file[..4], &file[file.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));
        let metadata = metadata(&file);
        let about = metadata.file_metadata();
        assert_eq!(metadata.num_row_groups(), groups.iter().filter(|rows| **rows > 0).count());
        assert_eq!(about.num_rows() as usize, groups.iter().sum::<usize>());
        assert_eq!(about.version(), 1);
        let named = about.key_value_metadata().unwrap().iter();
        let named: Vec<_> =
            named.map(|pair| (pair.key.clone(), pair.value.clone().unwrap())).collect();
        assert_eq!(named, footer(), "and no Arrow schema");
        let by = about.created_by().unwrap();
        let version = env!("CARGO_PKG_VERSION");
        assert!(
            by.starts_with(&format!(
                "destination-s3 version {version} (build parquet-rs version 6"
            )),
            "{by}"
        );
        assert!(by.ends_with(')') && by.matches('(').count() == 1, "{by}");
        for order in about.column_orders().unwrap() {
            assert!(matches!(order, ColumnOrder::TYPE_DEFINED_ORDER(_)), "{order:?}");
        }
        let mut printed = Vec::new();
        parquet::schema::printer::print_schema(&mut printed, about.schema());
        assert_eq!(String::from_utf8(printed).unwrap(), EVERY_TYPE);
        assert_reads(&file, &schema, &table, 0..groups.iter().sum());
    }
}

#[test]
fn the_order_of_columns_is_found_however_many_there_are() {
    for count in [1, 14, 15, 127, 128, 300] {
        let fields: Vec<Field> =
            (0..count).map(|ix| field(&format!("c{ix}"), DataType::Float64)).collect();
        let schema = Arc::new(Schema::new(fields));
        let table = table(&schema, 3, 100, 0, count as u64);
        let file = file(&layout(&schema, Codec::None), &table, &[3], 2);
        let orders = metadata(&file).file_metadata().column_orders().unwrap().clone();
        assert_eq!(orders.len(), count);
        assert!(orders.iter().all(|order| matches!(order, ColumnOrder::TYPE_DEFINED_ORDER(_))));
        assert_reads(&file, &schema, &table, 0..3);
    }
}

#[test]
fn each_column_has_its_dictionary_and_codec() {
    let schema = Arc::new(Schema::new(vec![
        field("_airbyte_raw_id", DataType::Utf8),
        field("few", DataType::Utf8),
        field("many", DataType::Utf8),
        field(
            "s",
            DataType::Struct(
                vec![field("few", DataType::Int64), field("many", DataType::Int64)].into(),
            ),
        ),
    ]));
    let mut table = table(&schema, 10_000, 5, 5, 1);
    let many = values(&DataType::Utf8, 10_000, 1 << 30, 5, &mut Draw(2));
    table[2] = many;
    let DataType::Struct(members) = schema.field(3).data_type() else { panic!() };
    let [few, many] =
        [5, 1 << 30].map(|distinct| values(&DataType::Int64, 10_000, distinct, 5, &mut Draw(3)));
    table[3] = Arc::new(StructArray::new(members.clone(), vec![few, many], None));
    let codecs = [
        (Codec::Snappy, Compression::SNAPPY),
        (Codec::Zstd { level: Some(5) }, Compression::ZSTD(Default::default())),
        (Codec::Gzip { level: Some(9) }, Compression::GZIP(Default::default())),
        (Codec::Lz4Raw, Compression::LZ4_RAW),
        (Codec::None, Compression::UNCOMPRESSED),
    ];
    for (codec, expected) in codecs {
        let file = file(&layout(&schema, codec), &table, &[10_000], 100);
        let metadata = metadata(&file);
        let chunks = metadata.row_group(0).columns();
        for (chunk, dictionary) in chunks.iter().zip([false, true, false, true, false]) {
            assert_eq!(chunk.compression_codec(), expected.into(), "{}", chunk.column_path());
            assert_eq!(
                chunk.dictionary_page_offset().is_some(),
                dictionary,
                "{}",
                chunk.column_path()
            );
            let encodings: Vec<Encoding> = chunk.encodings().collect();
            assert_eq!(encodings.contains(&Encoding::RLE_DICTIONARY), dictionary, "{encodings:?}");
            let of_pages = if dictionary { Encoding::RLE_DICTIONARY } else { Encoding::PLAIN };
            assert!(
                chunk.page_encoding_stats_mask().unwrap().is_only(of_pages),
                "{}",
                chunk.column_path()
            );
        }
        assert_reads(&file, &schema, &table, 0..10_000);
    }
}

#[test]
fn a_wrongly_chosen_dictionary_is_given_up_and_the_file_is_correct() {
    // The sample sees one value many times and misses the long ones.
    let schema = Arc::new(Schema::new(vec![field("text", DataType::Utf8)]));
    let text = |ix: usize| if ix < 58_000 { "a".repeat(100) } else { format!("{ix:02000}") };
    let table: Vec<ArrayRef> = vec![Arc::new(StringArray::from_iter_values((0..60_000).map(text)))];
    let file = file(&layout(&schema, Codec::Snappy), &table, &[60_000], 500);
    let metadata = metadata(&file);
    let of_pages = metadata.row_group(0).column(0).page_encoding_stats_mask().unwrap();
    for encoding in [Encoding::RLE_DICTIONARY, Encoding::PLAIN] {
        assert!(of_pages.is_set(encoding), "{of_pages:?}");
    }
    assert_reads(&file, &schema, &table, 0..60_000);
    assert_offsets(&file);
}

#[test]
fn columns_encoded_on_any_thread_give_the_same_bytes() {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<FileLayout>();
    sent::<EncodedColumn>();
    sent::<EncodedRowGroup>();
    sent::<FileAssembler>();
    let schema = every_type();
    let table = table(&schema, 3_000, 300, 5, 8);
    let layout = layout(&schema, Codec::Snappy);
    assert!(layout.column(14).is_ok() && layout.column(15).is_err(), "every_type has 15 columns");
    let alone = file(&layout, &table, &[2_000, 1_000], 100);
    let mut assembler = FileAssembler::new(&layout).unwrap();
    let mut bytes = Vec::new();
    let groups: Vec<EncodedRowGroup> = std::thread::scope(|scope| {
        let (layout, table) = (&layout, &table);
        let later = scope.spawn(move || group(layout, table, 2_000, 1_000, 100));
        let first = group(layout, table, 0, 2_000, 100);
        vec![first, later.join().unwrap()]
    });
    for group in groups {
        assert!(group.rows() > 0 && format!("{group:?} {assembler:?}").len() > 10);
        bytes.extend(assembler.row_group(group).unwrap());
    }
    bytes.extend(assembler.finish().unwrap());
    assert_eq!(bytes, alone);
}

#[test]
fn misuse_is_reported_as_a_defect() {
    let schema =
        Arc::new(Schema::new(vec![field("a", DataType::Int64), field("b", DataType::Utf8)]));
    let layout_of = layout(&schema, Codec::Snappy);
    let table = table(&schema, 10, 3, 0, 1);
    let column = |ix: usize| encode_column(&layout_of, ix, table[ix..=ix].to_vec()).unwrap();
    let join = |columns| {
        let group = EncodedRowGroup::new(columns, 10).unwrap();
        FileAssembler::new(&layout_of).unwrap().row_group(group).unwrap_err()
    };
    let level = |codec| FileLayout::new(&schema, codec, footer()).unwrap_err();
    let errors = [
        encode_column(&layout_of, 2, Vec::new()).unwrap_err(),
        encode_column(&layout_of, 1, table[..1].to_vec()).unwrap_err(),
        EncodedRowGroup::new(vec![column(0)], 11).unwrap_err(),
        join(vec![column(1), column(0)]),
        join(vec![column(0)]),
        join(vec![column(0), column(1), column(1)]),
        level(Codec::Zstd { level: Some(23) }),
        level(Codec::Gzip { level: Some(11) }),
        ParquetFileError::Footer,
    ];
    let expected = [
        "no column 2",
        "\"b\"",
        "10 rows instead of 11",
        "joined",
        "joined",
        "joined",
        "level",
        "level",
        "footer",
    ];
    for (error, expected) in errors.iter().zip(expected) {
        assert_eq!(error.failure_type(), FailureType::System);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.to_string().ends_with("please report this"), "{error}");
    }
}

#[test]
fn long_texts_are_read_back_from_pages_of_the_usual_size() {
    let schema = Arc::new(Schema::new(vec![field("a", DataType::Utf8)]));
    let long = "0123456789abcdef".repeat(100_000);
    let mut texts: Vec<Option<&str>> =
        vec![None, Some("short"), Some(&long), Some(""), None, None, Some(&long)];
    texts.extend(std::iter::repeat_n(Some("x"), 30_000));
    let table: Vec<ArrayRef> = vec![Arc::new(arrow_array::StringArray::from(texts.clone()))];
    for codec in CODECS {
        let layout = layout(&schema, codec);
        // In one piece, and in pieces that begin and end with nulls.
        for piece in [texts.len(), 2] {
            let rows = if piece == 2 { 8 } else { texts.len() };
            let file = file(&layout, &table, &[rows], piece);
            assert_reads(&file, &schema, &table, 0..rows);
            assert_offsets(&file);
            let metadata = metadata(&file);
            let chunk = metadata.row_group(0).column(0);
            assert_eq!(chunk.num_values(), rows as i64);
            assert_eq!(chunk.statistics().and_then(|found| found.null_count_opt()), Some(3));
            assert!(chunk.statistics().is_some_and(|found| found.min_bytes_opt().is_none()));
            assert!(chunk.uncompressed_size() as usize > 2 * long.len());
        }
    }
}
