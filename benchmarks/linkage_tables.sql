-- The simulated tables of `linkage_bench.py`, one query a table; {braces} are filled in by
-- `linkage_tables.py`: {patient} is the number of patient p, {begin} the begin of admission k of
-- patient p, and `known` the laboratory tests that the package knows.

-- table: mimic-iv/hosp/patients
SELECT {patient} AS subject_id, CASE WHEN p % 2 = 0 THEN 'F' ELSE 'M' END AS gender,
    20 + p % 72 AS anchor_age, 2150 AS anchor_year, '2011 - 2013' AS anchor_year_group, NULL AS dod
FROM range({patients}) r(p)

-- table: mimic-iv/hosp/admissions
SELECT {patient} AS subject_id, 20000000 + p * 5 + k AS hadm_id, {begin} AS admittime,
    admittime + INTERVAL 75 HOUR AS dischtime,
    CASE WHEN p % 3 > 0 THEN admittime - INTERVAL 5 HOUR END AS edregtime
FROM range({patients}) r(p), range(5) s(k)

-- table: mimic-iv/icu/icustays
SELECT {patient} AS subject_id, 20000000 + p * 5 + k AS hadm_id, 30000000 + p * 5 + k AS stay_id,
    {begin} + INTERVAL 20 HOUR AS intime, intime + INTERVAL 30 HOUR AS outtime
FROM range({patients}) r(p), range(5) s(k) WHERE p % 4 = 0

-- table: mimic-iv-ed/ed/edstays
SELECT {patient} AS subject_id, 20000000 + p * 5 + k AS hadm_id, 30000000 + p * 5 + k AS stay_id,
    {begin} - INTERVAL 5 HOUR AS intime, {begin} + INTERVAL 10 MINUTE AS outtime
FROM range({patients}) r(p), range(5) s(k) WHERE p % 3 > 0

-- table: mimic-iv-ed/ed/triage
SELECT {patient} AS subject_id, 30000000 + p * 5 + k AS stay_id, 98.6 AS temperature,
    80 AS heartrate, 18 AS resprate, 97 AS o2sat, 120 AS sbp, 70 AS dbp
FROM range({patients}) r(p), range(5) s(k) WHERE p % 3 > 0

-- table: mimic-iv/hosp/d_labitems
SELECT coalesce(k.itemid, 60000 + i) AS itemid, coalesce(k.label, 'Test ' || i) AS label,
    'Blood' AS fluid, coalesce(k.category, 'Chemistry') AS category
FROM range(900) r(i) LEFT JOIN known k ON k.row = i

-- table: metadata
SELECT 'd' || f AS dicom_id, {patient} AS subject_id, 50000000 + f AS study_id,
    strftime(t, '%Y%m%d') AS StudyDate, CAST(strftime(t, '%H%M%S') AS INT) + 0.125 AS StudyTime
FROM (SELECT f, (f * 7 % {patients}) // 5 * 5 + f % 2 AS p, hash(f, 'k') % 5 AS k,
    {begin} + INTERVAL 1 MINUTE * ((hash(f, 't') % 5400)::BIGINT - 600) AS t
    FROM range({studies}) r(f))

-- table: mimic-iv/hosp/labevents
SELECT i AS labevent_id, {patient} AS subject_id,
    CASE WHEN hash(i, 'h') % 10 < 6 THEN 20000000 + p * 5 + k END AS hadm_id,
    10000000 + i // 8 AS specimen_id,
    coalesce(n.itemid, 60000 + item) AS itemid,
    CASE WHEN hash(i, 'o') % 3 = 0 THEN 'P' || (hash(i, 'p') % 90 + 10) || 'XHQ' END
        AS order_provider_id,
    {begin} + INTERVAL 1 MINUTE * ((i % 100) // 8 * 360 - 240) AS charttime,
    charttime + INTERVAL 1 MINUTE * (20 + hash(i, 's') % 200)::BIGINT AS storetime,
    CASE WHEN tiny THEN '<' || amount WHEN hash(i, 'v') % 12 = 0 THEN '___'
        ELSE amount::VARCHAR END AS value,
    CASE WHEN NOT tiny THEN amount END AS valuenum, coalesce(n.unit, 'mg/dL') AS valueuom,
    3.5 AS ref_range_lower, 11.0 AS ref_range_upper,
    CASE WHEN hash(i, 'f') % 3 = 0 THEN 'abnormal' END AS flag,
    CASE WHEN hash(i, 'r') % 2 = 0 THEN 'STAT' ELSE 'ROUTINE' END AS priority,
    CASE WHEN hash(i, 'c') % 8 = 0 THEN 'IF FASTING, 70-100 NORMAL, >125 PROVISIONAL DIABETES.' END
        AS comments
FROM (SELECT *,
        round(coalesce(low + (hash(i, 'a') % 1000) / 1000.0 * span, 50), 3) AS amount,
        hash(i, 'n') % 50 = 0 AS tiny
    FROM (SELECT i, i // 500 AS p, i % 500 // 100 AS k,
            CASE WHEN hash(i, 'x') % 100 < 16
                THEN hash(i, 'y') % {known} ELSE 100 + hash(i, 'z') % 800 END AS item
        FROM range({rows}) r(i))
    LEFT JOIN known n ON n.row = item) n
