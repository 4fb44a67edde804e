"""Speaks to a running Gleaner with another implementation than ADBC's: Arrow's own C++ client under flightsql-dbapi (what Superset uses),
by DB API, SQLAlchemy, and pyarrow.flight alone.

    pip install flightsql-dbapi "sqlalchemy<2" pyarrow
    gleaner serve &
    python tests/clients/flight_sql_cpp.py [127.0.0.1 4319]

Guarantees: queries with and without rows, catalog, tables, columns, server info, refusals with their reason; commands of Flight SQL that
would write, transactions, savepoints and Substrait plans are refused, and an unknown ticket, action or descriptor is no crash. It changes
nothing in the store and needs no data in it.
"""

import sys

import pyarrow
import pyarrow.flight as flight
from checks import check, passed, refused
from flightsql import FlightSQLClient, connect

host, port = (sys.argv[1], int(sys.argv[2])) if len(sys.argv) > 2 else ("127.0.0.1", 4319)

client = FlightSQLClient(host=host, port=port, insecure=True)


def rows(info):
    return client.do_get(info.endpoints[0].ticket).read_all()


table = rows(client.execute("SELECT range AS n, 'x' || range AS t FROM range(300000)"))
check(table.num_rows == 300_000 and table["n"][299_999].as_py() == 299_999, "300,000 rows")
check(rows(client.execute("SELECT * FROM attempts WHERE false")).num_rows == 0, "no rows, with their columns")
tables = rows(client.get_tables(include_schema=True))
names = tables["table_name"].to_pylist()
check("attempts" in names and len(names) > 20, f"{len(names)} tables")
check(rows(client.get_catalogs())["catalog_name"].to_pylist() == ["store"], "catalogs")
check(rows(client.get_db_schemas())["db_schema_name"].to_pylist() == ["main"], "schemas")

connection = connect(FlightSQLClient(host=host, port=port, insecure=True))
cursor = connection.cursor()
cursor.execute("SELECT kind, count(*) AS n FROM execution_spans GROUP BY kind")
check([column[0] for column in cursor.description] == ["kind", "n"], "DB API: columns")
cursor.fetchall()

try:
    import flightsql.sqlalchemy  # noqa: F401: makes its dialect known
    import sqlalchemy

    engine = sqlalchemy.create_engine(f"datafusion+flightsql://{host}:{port}?insecure=true")
    with engine.connect() as through:
        check(through.execute(sqlalchemy.text("SELECT 40 + 2 AS n")).fetchone()[0] == 42, "SQLAlchemy")
except ImportError:
    print("no SQLAlchemy here")

refused("DROP", lambda: rows(client.execute("DROP TABLE attempts")), "DROP is not allowed")
refused("two statements", lambda: rows(client.execute("SELECT 1; SELECT 2")), "exactly one statement")
refused("a file", lambda: rows(client.execute("FROM '/etc/passwd'")), "no relation")
refused("an update", lambda: client.execute_update("DELETE FROM attempts"), "DELETE is not allowed", "only reads")
refused("a query as an update", lambda: client.execute_update("SELECT 1"), "only reads", "nimplemented")

raw = flight.FlightClient(f"grpc://{host}:{port}")
batch = pyarrow.record_batch({"a": [1]})


def put(descriptor):
    writer, reader = raw.do_put(descriptor, batch.schema)
    writer.write_batch(batch)
    writer.done_writing()
    reader.read()
    writer.close()


NO = ("nimplemented", "not implemented", "nvalid", "annot", "nable", "xpected", "no such", "not one of", "not known")
refused("DoPut of a path", lambda: put(flight.FlightDescriptor.for_path("attempts")), *NO)
refused("DoPut of bytes", lambda: put(flight.FlightDescriptor.for_command(b"\xff\xfe junk")), *NO)
refused("a ticket of junk", lambda: raw.do_get(flight.Ticket(b"\x00\x01\x02")).read_all(), *NO)
refused("an empty ticket", lambda: raw.do_get(flight.Ticket(b"")).read_all(), *NO)
refused("a path's info", lambda: raw.get_flight_info(flight.FlightDescriptor.for_path("/etc/passwd")), *NO)
refused("a listing", lambda: list(raw.list_flights()), *NO)
refused("an exchange", lambda: raw.do_exchange(flight.FlightDescriptor.for_path("x"))[1].read_chunk(), *NO)


def any_of(name, *fields):
    """A protobuf Any of a Flight SQL message that is given field by field, all of them bytes."""

    def length(n):
        return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + length(n >> 7)

    body = b"".join(bytes([number << 3 | 2]) + length(len(value)) + value for number, value in fields)
    url = b"type.googleapis.com/arrow.flight.protocol.sql." + name.encode()
    return b"\x0a" + length(len(url)) + url + b"\x12" + length(len(body)) + body


def command(name, *fields):
    return flight.FlightDescriptor.for_command(any_of(name, *fields))


for name in ["CommandStatementIngest", "CommandStatementSubstraitPlan", "CommandPreparedStatementUpdate"]:
    refused(f"DoPut of {name}", lambda: put(command(name, (1, b"attempts"))), *NO)
refused("DoPut of CommandStatementUpdate", lambda: put(command("CommandStatementUpdate", (1, b"DROP TABLE attempts"))), "DROP is not allowed")
refused("a Substrait plan", lambda: raw.get_flight_info(command("CommandStatementSubstraitPlan", (1, b"\x0a\x02hi"))), *NO)
refused("a query in a transaction", lambda: raw.get_flight_info(command("CommandStatementQuery", (1, b"SELECT 1"), (2, b"t"))), "no transactions")
refused("text that is not UTF-8", lambda: raw.get_flight_info(command("CommandStatementQuery", (1, b"SELECT '\xff\xfe'"))), *NO)
refused("a ticket with SQL that writes", lambda: raw.do_get(flight.Ticket(any_of("TicketStatementQuery", (1, b"\x0a\x01i\x12\x13DROP TABLE attempts")))).read_all(), "DROP is not allowed")
for name in ["BeginTransaction", "EndTransaction", "BeginSavepoint", "EndSavepoint", "CreatePreparedSubstraitPlan", "NoSuchAction"]:
    body = any_of(f"Action{name}Request", (1, b"x"))
    refused(f"action {name}", lambda: list(raw.do_action(flight.Action(name, body))), *NO)
prepare = lambda sql: list(raw.do_action(flight.Action("CreatePreparedStatement", any_of("ActionCreatePreparedStatementRequest", (1, sql)))))
refused("preparing a write", lambda: prepare(b"INSERT INTO attempts VALUES (1)"), "INSERT is not allowed")
refused("preparing two statements", lambda: prepare(b"CREATE TEMP TABLE t AS SELECT 1; SELECT 1"), "CREATE is not allowed")

check(rows(client.execute("SELECT 1 AS one"))["one"].to_pylist() == [1], "the server goes on")
passed()
