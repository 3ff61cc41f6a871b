"""Coefficients of the panel decision, written by `scripts/screening_fit.py`.

Fitted on 191 images that the separators cut (138 of several panels), of
2129 looked at; C = 0.03. In the order of `panels.FEATURES`.
"""

MEANS = (
    1.6277,
    0.7382,
    0.2880,
    0.7590,
    0.4939,
    0.6583,
    0.9457,
    0.0270,
    0.7373,
    2.8218,
    0.6470,
    0.4882,
    0.0405,
    0.0209,
)
SCALES = (
    0.8015,
    0.2931,
    0.1335,
    0.2330,
    0.4582,
    0.4326,
    0.1421,
    0.0287,
    0.4172,
    1.0124,
    0.3005,
    0.1987,
    0.1710,
    0.1208,
)
WEIGHTS = (
    0.2446,
    0.2808,
    0.1597,
    0.1561,
    0.2933,
    0.1896,
    0.1465,
    -0.2478,
    0.0926,
    0.0937,
    0.1524,
    -0.0680,
    0.0141,
    -0.0951,
)
INTERCEPT = 0.9968
