-- Ordered pairs by rule. Both sides are attempts with status `ok`; a correction's chosen side
-- is a text. All pairs are listed: one reviewer may say by score what another denies by ranking (`contested`).
-- `margin` is the difference of rank or score; locks, pairwise choices and corrections have none. The loader keeps them
-- (`store/pairs.rs`).
CREATE OR REPLACE VIEW preference_pairs AS FROM pair_rows;
