//! Embeddings through pipes.
#![cfg(feature = "arrow")]

use std::io::Cursor;
use std::sync::Arc;

use crate::common::weights;
use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use arrow_array::{Array, ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use transfer::Backbone;

fn picture(seed: u32) -> Vec<u8> {
    let color = |x: u32, y: u32| image::Rgb([(x * seed) as u8, (y * 3) as u8, 9]);
    let mut png = Cursor::new(Vec::new());
    let image = image::RgbImage::from_fn(40, 30, color);
    image.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

fn stream(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).unwrap();
    batches
        .iter()
        .for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

fn batch(images: &[Option<&[u8]>], key: i64) -> RecordBatch {
    let keys: Int64Array = (0..images.len() as i64)
        .map(|row| Some(key + row))
        .collect();
    let images: BinaryArray = images.iter().copied().collect();
    let columns: [(&str, ArrayRef); 2] = [("image", Arc::new(images)), ("key", Arc::new(keys))];
    RecordBatch::try_from_iter(columns).unwrap()
}

#[test]
fn a_batch_in_is_a_batch_out() {
    let backbone = Backbone::new(weights(2, 32)).unwrap();
    let (a, b) = (picture(3), picture(7));
    let first = batch(&[Some(&a), Some(b"no picture"), None], 0);
    let second = batch(&[Some(&b)], 3);
    let mut output = Vec::new();
    let counts = backbone
        .embed_stream(&stream(&[first, second])[..], &mut output)
        .unwrap();
    assert_eq!((counts.rows, counts.failed), (4, 2));
    let reader = StreamReader::try_new(&output[..], None).unwrap();
    let schema = reader.schema();
    assert_eq!(schema.metadata()["recipe"].len(), 64);
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    assert_eq!(
        batches
            .iter()
            .map(RecordBatch::num_rows)
            .collect::<Vec<_>>(),
        [3, 1]
    );
    assert_eq!(
        schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect::<Vec<_>>(),
        ["key", "embedding", "error"]
    );
    let errors: &StringArray = batches[0].column(2).as_string();
    assert!(errors.is_null(0) && errors.is_valid(1) && errors.value(2).contains("null"));
    let row = |batch: &RecordBatch, row| batch.column(1).as_fixed_size_list().value(row);
    for (values, bytes) in [(row(&batches[0], 0), &a), (row(&batches[1], 0), &b)] {
        let expected = backbone.embed_bytes(&[bytes]).remove(0).unwrap();
        assert_eq!(values.as_primitive::<Float32Type>().values(), &expected[..]);
    }
}

#[test]
fn streams_that_cannot_be_used_are_refused() {
    let backbone = Backbone::new(weights(2, 32)).unwrap();
    let refused = |bytes: &[u8]| {
        let error = backbone.embed_stream(bytes, std::io::sink()).unwrap_err();
        error.to_string()
    };
    let column = |name: &str| {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        stream(&[RecordBatch::try_from_iter([(name, column)]).unwrap()])
    };
    assert!(refused(&column("picture")).contains("no column `image`, but picture"));
    assert!(refused(&column("image")).contains("bytes of images"));
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![&b"x"[..]]));
    let columns = [("image", Arc::clone(&bytes)), ("error", bytes)];
    assert!(
        refused(&stream(&[RecordBatch::try_from_iter(columns).unwrap()])).contains("rename it")
    );
    let picture = picture(3);
    let whole = stream(&[batch(&[Some(&picture)], 0)]);
    assert!(!refused(&whole[..whole.len() / 2]).is_empty());
    assert!(!refused(b"").is_empty());
}
