-- Internal. The text that a list of pieces makes; see `texts.rs`. This program's readers put a function of the same name before it, which
-- costs queries that ask for no text nothing.
CREATE OR REPLACE MACRO shared_text(ids) AS (
    SELECT string_agg(texts.text, '' ORDER BY piece.place)
    FROM (SELECT unnest(ids) AS id, generate_subscripts(ids, 1) AS place) piece
    JOIN texts ON texts.id = piece.id
);

-- Internal. A list of short texts, each of which is kept with a comma behind it.
CREATE OR REPLACE MACRO shared_texts(ids) AS string_split(shared_text(ids), ',')[:-2];

-- Internal. The same where it is JSON.
CREATE OR REPLACE MACRO shared_json(ids) AS shared_text(ids)::JSON;
