-- Internal. Statistics that the views share.

-- Upper 97.5 % point of Student's t: for a two-sided 95 % interval. From tables up to 30 degrees of freedom (rounded down, so
-- that intervals are never too narrow), by the Cornish-Fisher expansion beyond (off by less than 0.0005). NULL below 1.
CREATE OR REPLACE MACRO t_quantile_975(df) AS CASE
    WHEN df < 1 THEN NULL
    WHEN df < 31 THEN [
        12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
        2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
        2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423
    ][floor(df)::BIGINT]::DOUBLE
    ELSE 1.959964 + 2.37227 / df + 2.82255 / (df * df)
END;

-- Degrees of freedom of the difference of two means (Welch-Satterthwaite). Where nothing varies any number serves.
CREATE OR REPLACE MACRO welch_df(variance_a, n_a, variance_b, n_b) AS CASE
    WHEN n_a < 2 OR n_b < 2 THEN NULL
    WHEN variance_a = 0 AND variance_b = 0 THEN n_a + n_b - 2
    ELSE pow(variance_a / n_a + variance_b / n_b, 2)
        / (pow(variance_a / n_a, 2) / (n_a - 1) + pow(variance_b / n_b, 2) / (n_b - 1))
END;

-- Distribution function of the standard normal distribution, off by less than 0.0002 (Page 1977; Bowling and others 2009).
CREATE OR REPLACE MACRO normal_cdf(z) AS 1 / (1 + exp(-(1.5976 * z + 0.07056 * pow(z, 3))));
