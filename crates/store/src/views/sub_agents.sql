-- Agents below the root agents of attempts, with what they are: no attempts of their own. The id is that of `agent_definitions`
-- where the same agent also runs as a root agent.
CREATE OR REPLACE VIEW sub_agents AS
SELECT
    attempt_id, trace_id, span_id, agent_definition_id, agent_name, to_json(version_labels) AS version_labels,
    shared_text(system_prompt_pieces) AS system_prompt, shared_text(prompt_template_pieces) AS prompt_template,
    shared_json(tools_pieces) AS tools, parameters, model, started_at, project, recorded_at
FROM sub_agent_rows;
