-- Internal. Every target of every feedback item, bound to an attempt by the facts known now, or
-- unbound with the reason: `not_seen`, `outside_attempts`, `no_such_attempt`, `no_such_artifact`, `no_ok_attempt`,
-- `ambiguous_trace`, `ambiguous_response`, `ambiguous_lineage`, `ambiguous_cycle`, `whole_session`. The loader keeps them, so that
-- reading costs no search (`store/bindings.rs`).
CREATE OR REPLACE VIEW bound_targets AS FROM target_bindings;
