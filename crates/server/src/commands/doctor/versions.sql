-- Agents of whose versions most were used once only, and words of the last version that the one before does not have.
WITH version AS (
    SELECT
        project, agent_name, agent_definition_id, version_number,
        string_split_regex(coalesce(prompt_template, system_prompt, ''), '\s+') AS words,
        [tools, parameters, to_json(model), to_json(flow)]::VARCHAR AS others
    FROM agent_definitions
),
used AS (
    SELECT project, agent_definition_id, count(*) AS attempts
    FROM attempts
    WHERE agent_definition_id IS NOT NULL
    GROUP BY project, agent_definition_id
),
agent AS (
    SELECT project, agent_name, count(*) AS versions, sum(attempts)::BIGINT AS attempts, max(version_number) AS last
    FROM version
    JOIN used USING (project, agent_definition_id)
    GROUP BY project, agent_name
    -- Versions that are made on purpose are used again, and are few.
    HAVING count(*) >= 8 AND count(*) FILTER (attempts = 1) >= 0.75 * count(*)
)
SELECT
    coalesce(agent.agent_name, '') AS agent, agent.versions, agent.attempts,
    list_filter(new.words, lambda word: NOT list_contains(old.words, word))[:6] AS changed_words,
    new.others <> old.others AS is_changed_otherwise
FROM agent
JOIN version new ON new.project = agent.project AND new.agent_name IS NOT DISTINCT FROM agent.agent_name
    AND new.version_number = agent.last
JOIN version old ON old.project = agent.project AND old.agent_name IS NOT DISTINCT FROM agent.agent_name
    AND old.version_number = agent.last - 1
ORDER BY agent.versions DESC, agent
LIMIT 20
