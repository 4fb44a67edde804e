use super::*;

/// Guarantees: only what comes after the last token goes, whatever quotes and comments stand before.
#[test]
fn the_end_of_a_query_is_found() {
    for (sql, expected) in [
        ("SELECT 1;", "SELECT 1"),
        ("SELECT 1 ; -- a note; \n ;; /* and ; /* one */ more */ ", "SELECT 1"),
        ("SELECT ';' ", "SELECT ';'"),
        ("SELECT 'it''s; --' -- x", "SELECT 'it''s; --'"),
        ("SELECT 1 AS \"a;--\";", "SELECT 1 AS \"a;--\""),
        ("SELECT $$ ; -- $$ ; ", "SELECT $$ ; -- $$"),
        ("SELECT $a$ $$; $a$;", "SELECT $a$ $$; $a$"),
        ("SELECT $1;", "SELECT $1"),
        ("SELECT $name ;", "SELECT $name"),
        ("SELECT 'ü' -- ü", "SELECT 'ü'"),
        ("-- only a note", ""),
        ("SELECT 'open ;", "SELECT 'open ;"),
        ("SELECT 1 /* open ;", "SELECT 1"),
    ] {
        assert_eq!(without_end(sql), expected);
    }
}

/// Guarantees: statements are told apart outside of quotes and comments only.
#[test]
fn statements_are_told_apart() {
    let text = "SELECT ';' ; -- one; two\n; SELECT $$;$$ AS a /* ; */ ;\n";
    assert_eq!(statements(text), ["SELECT ';'", "SELECT $$;$$ AS a"]);
    assert_eq!(statements(" ; -- nothing"), [""; 0]);
    for (text, expected) in
        [("SELECT 1; -- note", true), ("SELECT ';", false), ("SELECT 1", false), ("SELECT 1 -- ;", false), ("", false)]
    {
        assert_eq!(ends_with_semicolon(text), expected, "{text}");
    }
}
