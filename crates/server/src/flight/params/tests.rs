use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int32Array, LargeStringArray, ListArray, NullArray,
    TimestampNanosecondArray, UInt64Array,
};
use arrow::datatypes::Int32Type;

use super::*;

fn batch(columns: Vec<(&str, ArrayRef)>) -> Bytes {
    to_ipc(&RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap()).unwrap()
}

/// Guarantees: every type that drivers bind keeps its value, NULL stays NULL, and what cannot be bound is told with its name.
#[test]
fn values_keep_their_types() {
    let decimal = Decimal128Array::from(vec![12345]).with_precision_and_scale(10, 2).unwrap();
    let bytes = batch(vec![
        ("0", Arc::new(Int32Array::from(vec![Some(-7)]))),
        ("1", Arc::new(Int32Array::from(vec![None]))),
        ("2", Arc::new(UInt64Array::from(vec![u64::MAX]))),
        ("3", Arc::new(LargeStringArray::from(vec!["x'; --"]))),
        ("4", Arc::new(BooleanArray::from(vec![true]))),
        ("5", Arc::new(TimestampNanosecondArray::from(vec![1_000_001_000]).with_timezone("UTC"))),
        ("6", Arc::new(Date32Array::from(vec![3]))),
        ("7", Arc::new(decimal)),
        ("8", Arc::new(NullArray::new(1))),
    ]);
    let expected = vec![
        Param::Int(-7),
        Param::Null,
        Param::UInt(u64::MAX),
        Param::Text("x'; --".into()),
        Param::Bool(true),
        Param::Timestamp(1_000_001),
        Param::Date(3),
        Param::Text("123.45".into()),
        Param::Null,
    ];
    assert_eq!(from_ipc(&bytes, &[]).unwrap(), Params::Positional(expected));
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)])]);
    let error = from_ipc(&batch(vec![("v", Arc::new(list))]), &[]).unwrap_err();
    assert!(error.message().contains("parameter \"v\""), "{error}");
    assert_eq!(from_ipc(&Bytes::new(), &[]).unwrap(), Params::default());
}

/// Guarantees: columns named like the parameters are bound by name, whatever their order; numbers are places.
#[test]
fn names_decide_where_there_are_names() {
    let one = |value: i32| -> ArrayRef { Arc::new(Int32Array::from(vec![value])) };
    let bytes = batch(vec![("b", one(2)), ("a", one(1))]);
    let names = |names: [&str; 2]| names.map(str::to_owned);
    let named = Params::Named(vec![("b".into(), Param::Int(2)), ("a".into(), Param::Int(1))]);
    assert_eq!(from_ipc(&bytes, &names(["a", "b"])).unwrap(), named);
    let in_order = Params::Positional(vec![Param::Int(2), Param::Int(1)]);
    assert_eq!(from_ipc(&bytes, &names(["x", "y"])).unwrap(), in_order);
    assert_eq!(from_ipc(&batch(vec![("2", one(2)), ("1", one(1))]), &names(["1", "2"])).unwrap(), in_order);
}
