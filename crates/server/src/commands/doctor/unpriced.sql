-- Models whose calls tell their tokens and have no cost.
SELECT coalesce(response_model, model, '') AS model, coalesce(provider, '') AS provider, count(*) AS calls
FROM execution_spans
WHERE kind = 'llm' AND duplicate_of IS NULL AND status <> 'error' AND cost_usd IS NULL AND input_tokens IS NOT NULL
GROUP BY ALL
ORDER BY calls DESC, model, provider
LIMIT 20
