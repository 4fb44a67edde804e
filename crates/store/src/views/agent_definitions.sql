-- One row per agent definition: identity is the content, versions count by first start. Where what changes from run to run is
-- lifted out of the prompt, `prompt_template` is part of the identity, and `system_prompt` is the first that was sent. Agents
-- below a root agent stand in `sub_agents`.
CREATE OR REPLACE VIEW agent_definitions AS
WITH definition AS (
    SELECT
        project,
        agent_definition_id,
        any_value(agent_name) AS agent_name,
        list_sort(list_distinct(flatten(list(version_labels)))) AS version_labels,
        arg_min(system_prompt_pieces, definition_key) AS system_prompt_pieces,
        any_value(prompt_template_pieces) AS prompt_template_pieces,
        any_value(tools_pieces) AS tools_pieces,
        any_value(flow) AS flow,
        any_value(parameters) AS parameters,
        any_value(model) AS model,
        min(definition_key) AS first_key,
        min(definition_started_at) AS first_seen_at,
        max(recorded_at) AS recorded_at
    FROM attempt_rows
    WHERE agent_definition_id IS NOT NULL
    GROUP BY project, agent_definition_id
)
SELECT
    agent_definition_id, agent_name,
    row_number() OVER (
        -- The key's first 20 characters are the start time; its trace would order equal starts by chance.
        PARTITION BY project, agent_name ORDER BY left(first_key, 20), agent_definition_id
    ) AS version_number,
    to_json(version_labels) AS version_labels,
    shared_text(system_prompt_pieces) AS system_prompt, shared_json(tools_pieces) AS tools, flow, parameters, model, first_seen_at, project, recorded_at,
    shared_text(prompt_template_pieces) AS prompt_template
FROM definition;
