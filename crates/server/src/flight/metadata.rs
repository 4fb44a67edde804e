//! What the server tells of itself and of its relations: `GetSqlInfo`, type info, tables with their columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{
    SqlInfoData, SqlInfoDataBuilder, XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder,
};
use arrow_flight::sql::{
    Nullable, Searchable, SqlInfo, SqlNullOrdering, SqlSupportedCaseSensitivity, SqlSupportedTransaction, XdbcDataType,
};
use gleaner_query::{QueryError, QueryLimits};
use gleaner_store::{PUBLIC_RELATIONS, Params, Reader};

/// DuckDB names the database after its file, `store.duckdb`.
pub(super) const CATALOG: &str = "store";
/// Where all public relations are.
pub(super) const SCHEMA: &str = "main";
/// What all public relations are.
pub(super) const TABLE_TYPE: &str = "VIEW";

/// What clients ask about the server.
pub(super) fn sql_info(limits: &QueryLimits) -> Result<SqlInfoData, FlightError> {
    let mut info = SqlInfoDataBuilder::new();
    let mut say = |name: SqlInfo, value: bool| info.append(name, value);
    say(SqlInfo::FlightSqlServerReadOnly, true);
    say(SqlInfo::FlightSqlServerSql, true);
    say(SqlInfo::FlightSqlServerSubstrait, false);
    say(SqlInfo::FlightSqlServerCancel, true);
    say(SqlInfo::FlightSqlServerBulkIngestion, false);
    say(SqlInfo::SqlAllTablesAreSelectable, true);
    say(SqlInfo::SqlSupportsColumnAliasing, true);
    say(SqlInfo::SqlNullPlusNullIsNull, true);
    say(SqlInfo::SqlSupportsTableCorrelationNames, true);
    say(SqlInfo::SqlSupportsExpressionsInOrderBy, true);
    say(SqlInfo::SqlSupportsOrderByUnrelated, true);
    say(SqlInfo::SqlSupportsLikeEscapeClause, true);
    say(SqlInfo::SqlCorrelatedSubqueriesSupported, true);
    say(SqlInfo::SqlSelectForUpdateSupported, false);
    say(SqlInfo::SqlStoredProceduresSupported, false);
    say(SqlInfo::SqlTransactionsSupported, false);
    say(SqlInfo::SqlBatchUpdatesSupported, false);
    say(SqlInfo::SqlSavepointsSupported, false);
    say(SqlInfo::SqlNamedParametersSupported, true);
    info.append(SqlInfo::FlightSqlServerName, "Gleaner");
    info.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    info.append(SqlInfo::FlightSqlServerArrowVersion, "58");
    info.append(SqlInfo::FlightSqlServerTransaction, SqlSupportedTransaction::None as i32);
    info.append(SqlInfo::FlightSqlServerStatementTimeout, i32::try_from(limits.deadline_ms).unwrap_or(i32::MAX));
    info.append(SqlInfo::FlightSqlServerTransactionTimeout, 0_i32);
    info.append(SqlInfo::SqlIdentifierCase, SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i64);
    info.append(
        SqlInfo::SqlQuotedIdentifierCase,
        SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i64,
    );
    info.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    info.append(SqlInfo::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedAtEnd as i64);
    info.append(SqlInfo::SqlSchemaTerm, "schema");
    info.append(SqlInfo::SqlCatalogTerm, "database");
    info.append(SqlInfo::SqlMaxStatementLength, i64::try_from(limits.max_sql_bytes).unwrap_or(i64::MAX));
    info.build()
}

/// The types that columns of answers have.
pub(super) fn type_info() -> Result<XdbcTypeInfoData, FlightError> {
    use XdbcDataType as X;
    let types: [(&str, X, Option<i32>, Option<&str>); 19] = [
        ("BOOLEAN", X::XdbcBit, Some(1), None),
        ("TINYINT", X::XdbcTinyint, Some(3), None),
        ("SMALLINT", X::XdbcSmallint, Some(5), None),
        ("INTEGER", X::XdbcInteger, Some(10), None),
        ("BIGINT", X::XdbcBigint, Some(19), None),
        ("UTINYINT", X::XdbcTinyint, Some(3), None),
        ("USMALLINT", X::XdbcSmallint, Some(5), None),
        ("UINTEGER", X::XdbcInteger, Some(10), None),
        ("UBIGINT", X::XdbcBigint, Some(20), None),
        ("HUGEINT", X::XdbcDecimal, Some(38), None),
        ("DECIMAL", X::XdbcDecimal, Some(38), None),
        ("FLOAT", X::XdbcReal, Some(24), None),
        ("DOUBLE", X::XdbcDouble, Some(53), None),
        ("VARCHAR", X::XdbcVarchar, None, Some("'")),
        ("JSON", X::XdbcVarchar, None, Some("'")),
        ("BLOB", X::XdbcVarbinary, None, Some("'")),
        ("DATE", X::XdbcDate, Some(10), Some("'")),
        ("TIME", X::XdbcTime, Some(15), Some("'")),
        ("TIMESTAMP", X::XdbcTimestamp, Some(26), Some("'")),
    ];
    let mut info = XdbcTypeInfoDataBuilder::new();
    for (name, data_type, column_size, quote) in types {
        let is_number = quote.is_none() && data_type != X::XdbcBit;
        info.append(XdbcTypeInfo {
            type_name: name.into(),
            data_type,
            column_size,
            literal_prefix: quote.map(str::to_owned),
            literal_suffix: quote.map(str::to_owned),
            create_params: None,
            nullable: Nullable::NullabilityNullable,
            case_sensitive: quote.is_some(),
            searchable: Searchable::Full,
            unsigned_attribute: is_number.then(|| name.starts_with('U')),
            fixed_prec_scale: false,
            auto_increment: is_number.then_some(false),
            local_type_name: Some(name.into()),
            minimum_scale: None,
            maximum_scale: None,
            sql_data_type: data_type,
            datetime_subcode: None,
            num_prec_radix: is_number.then_some(10),
            interval_precision: None,
        });
    }
    info.build()
}

/// The public relations with their columns: what they are called in SQL, and what they mean.
pub(super) fn relations(reader: &Reader, limits: &QueryLimits) -> Result<Vec<(&'static str, SchemaRef)>, QueryError> {
    let mut relations = Vec::with_capacity(PUBLIC_RELATIONS.len());
    for &relation in PUBLIC_RELATIONS {
        // The names are constants of ours.
        let schema =
            gleaner_query::describe(reader, None, &["FROM ", relation].concat(), &Params::default(), limits)?.schema;
        let types = reader.rows(&["DESCRIBE ", relation].concat(), &[]).map_err(QueryError::Store)?;
        let fields = schema.fields().iter().zip(types).map(|(field, told)| {
            let sql_type = told.get("column_type").and_then(|t| t.as_str()).unwrap_or_default();
            let about = gleaner_store::column_documentation(relation, field.name());
            let mut metadata = HashMap::new();
            let mut say = |key: &str, value: &str| metadata.insert(format!("ARROW:FLIGHT:SQL:{key}"), value.to_owned());
            say("CATALOG_NAME", CATALOG);
            say("SCHEMA_NAME", SCHEMA);
            say("TABLE_NAME", relation);
            say("TYPE_NAME", sql_type);
            say("IS_AUTO_INCREMENT", "0");
            say("IS_CASE_SENSITIVE", if field.data_type() == &DataType::Utf8 { "1" } else { "0" });
            say("IS_READ_ONLY", "1");
            say("IS_SEARCHABLE", "1");
            if let Some(about) = about {
                say("REMARKS", &about.description());
            }
            field.as_ref().clone().with_metadata(metadata)
        });
        relations.push((relation, Arc::new(Schema::new(fields.collect::<Vec<_>>()))));
    }
    Ok(relations)
}
