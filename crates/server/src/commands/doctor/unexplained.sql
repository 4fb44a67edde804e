SELECT coalesce(scope_name, '') AS scope, coalesce(name, '') AS name, reason, count(*) AS count
FROM unmapped_spans
GROUP BY ALL
ORDER BY count DESC, scope, name, reason
LIMIT 50
