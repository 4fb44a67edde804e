-- Feedback that does not reach what it speaks of.
SELECT kind, reason, count(*) AS count FROM unbound_feedback GROUP BY ALL ORDER BY count DESC, kind, reason
