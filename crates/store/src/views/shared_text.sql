-- Internal. The text that a list of pieces makes; see `texts.rs`. This program's readers put a function of the same name before it, which
-- costs queries that ask for no text nothing.
CREATE OR REPLACE MACRO shared_text(ids) AS (
    SELECT string_agg(texts.text, '' ORDER BY piece.place)
    FROM (SELECT unnest(ids) AS id, generate_subscripts(ids, 1) AS place) piece
    JOIN texts ON texts.id = piece.id
);

-- Internal. A list of short texts, each of which is kept with a comma behind it.
CREATE OR REPLACE MACRO shared_texts(ids) AS string_split(shared_text(ids), ',')[:-2];

-- Internal. The text that JSON is: of a string what it says, of anything else itself. In a list of one, so that the text is put together once.
CREATE OR REPLACE MACRO shared_result(ids) AS
    list_transform([shared_text(ids)], lambda text: CASE WHEN starts_with(text, '"') THEN text::JSON ->> '$' ELSE text END)[1];

-- Internal. The same where it is JSON.
CREATE OR REPLACE MACRO shared_json(ids) AS shared_text(ids)::JSON;
