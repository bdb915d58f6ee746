-- The statements of read/record.py and read/record_tables.py, by name. $values are bound; {names} of
-- tables and columns, which cannot be bound, come from constants of those modules.

-- name: csv
SELECT COLUMNS(lambda name: name IN $needed)
FROM read_csv($path, columns = $columns, header = true, auto_detect = false,
              delim = ',', quote = '"', escape = '"')

-- name: parquet
SELECT COLUMNS(lambda name: name IN $needed) FROM read_parquet($path)

-- name: copy
SET preserve_insertion_order = true;
COPY ({source}) TO $target (FORMAT parquet, ROW_GROUP_SIZE 100000)

-- name: macros
CREATE TEMP MACRO age_at(anchor_age, anchor_year, time) AS  -- MIMIC writes 91 for anyone over 89
    least(anchor_age, 90) + year(time) - anchor_year;
CREATE TEMP MACRO number_in(words) AS TRY_CAST(regexp_extract(words,
    '^\s*(?:<|>|LESS THAN|GREATER THAN)?\s*=?\s*(\d+(?:\.\d+)?)\s*\.?\s*$', 1, 'i') AS DOUBLE)

-- name: studies
CREATE TEMP TABLE studies AS
WITH read AS (
    SELECT study_id::VARCHAR AS study_id, subject_id::VARCHAR AS subject_id,
        CASE WHEN regexp_full_match(StudyDate::VARCHAR, '\d{8}(\.0*)?')
              AND regexp_full_match(StudyTime::VARCHAR, '\d{1,6}(\.\d*)?')
            THEN try_strptime(
                split_part(StudyDate::VARCHAR, '.', 1)
                    || lpad(split_part(StudyTime::VARCHAR, '.', 1), 6, '0'),
                '%Y%m%d%H%M%S') END AS time
    FROM images)
SELECT study_id, CASE WHEN count(DISTINCT subject_id) = 1 THEN min(subject_id) END AS subject_id,
    min(time) AS study_time, count(DISTINCT time) > 1 AS several
FROM read GROUP BY study_id

-- name: study_faults
SELECT study_id, unnest(list_filter([
    CASE WHEN subject_id IS NULL THEN 'belongs to no patient or to two; not linked' END,
    CASE WHEN study_time IS NULL
        THEN 'has no StudyDate and StudyTime that can be read; not linked' END,
    CASE WHEN several THEN 'has images of different times; the earliest is used' END
    ], lambda x: x IS NOT NULL))
FROM studies ORDER BY 1

-- name: study_times
SELECT study_id, subject_id, study_time FROM studies ORDER BY study_id

-- name: raw
CREATE OR REPLACE TEMP TABLE raw AS FROM ({source}) SEMI JOIN studies USING (subject_id)

-- name: repeated
SELECT {key} FROM raw GROUP BY 1 HAVING count(*) > 1 ORDER BY 1

-- name: bad_cells
SELECT '{key} ' || {key}, '{column} is ' || coalesce({column}, 'missing') FROM raw
WHERE TRY_CAST({column} AS {kind}) IS NULL AND ({column} IS NOT NULL OR NOT $optional)
ORDER BY 1

-- name: no_edstays
CREATE OR REPLACE TEMP TABLE raw (
    subject_id VARCHAR, stay_id VARCHAR, intime VARCHAR, outtime VARCHAR)

-- name: no_triage
CREATE OR REPLACE TEMP TABLE raw (
    subject_id VARCHAR, stay_id VARCHAR, temperature VARCHAR, heartrate VARCHAR, resprate VARCHAR,
    o2sat VARCHAR, sbp VARCHAR, dbp VARCHAR)

-- name: patients
CREATE TEMP TABLE patients AS SELECT subject_id, gender,
    TRY_CAST(anchor_age AS INT) AS anchor_age, TRY_CAST(anchor_year AS INT) AS anchor_year FROM raw

-- name: admissions
CREATE TEMP TABLE admissions AS SELECT subject_id, hadm_id,
    TRY_CAST(admittime AS TIMESTAMP) AS admittime, TRY_CAST(dischtime AS TIMESTAMP) AS dischtime,
    TRY_CAST(edregtime AS TIMESTAMP) AS edregtime FROM raw

-- name: icustays
CREATE TEMP TABLE icustays AS SELECT subject_id, stay_id,
    TRY_CAST(intime AS TIMESTAMP) AS intime, TRY_CAST(outtime AS TIMESTAMP) AS outtime FROM raw

-- name: edstays
CREATE TEMP TABLE edstays AS SELECT subject_id, stay_id,
    TRY_CAST(intime AS TIMESTAMP) AS intime, TRY_CAST(outtime AS TIMESTAMP) AS outtime FROM raw

-- name: triage
CREATE TEMP TABLE triage AS SELECT subject_id, stay_id,
    TRY_CAST(temperature AS DOUBLE) AS temperature, TRY_CAST(heartrate AS DOUBLE) AS heartrate,
    TRY_CAST(resprate AS DOUBLE) AS resprate, TRY_CAST(o2sat AS DOUBLE) AS o2sat,
    TRY_CAST(sbp AS DOUBLE) AS sbp, TRY_CAST(dbp AS DOUBLE) AS dbp FROM raw

-- name: count_patients
SELECT count(DISTINCT subject_id) FILTER (subject_id NOT IN (SELECT subject_id FROM patients)),
    count(DISTINCT subject_id)
FROM studies

-- name: missing_patients
SELECT DISTINCT 'subject_id ' || subject_id, 'a patient with films is missing; not linked'
FROM studies ANTI JOIN patients USING (subject_id) WHERE subject_id IS NOT NULL ORDER BY 1

-- name: negative_ages
SELECT 'study ' || study_id, 'the age at the film is '
    || age_at(anchor_age, anchor_year, study_time) || '; set to null'
FROM studies JOIN patients USING (subject_id)
WHERE age_at(anchor_age, anchor_year, study_time) < 0 ORDER BY 1

-- name: nearest
CREATE TEMP TABLE near_{name} AS
WITH stay AS (
    SELECT subject_id, {key}, {start} AS start, {stop} AS stop FROM {name} WHERE stop >= start),
gaps AS (
    SELECT study_id, {key}, start,
        epoch(greatest(start - study_time, study_time - stop, INTERVAL 0 HOUR)) AS gap
    FROM studies JOIN stay USING (subject_id)
    WHERE study_time BETWEEN start - INTERVAL ($before) HOUR AND stop + INTERVAL ($after) HOUR)
SELECT study_id, min(gap) AS gap,
    unnest(arg_min(struct_pack({key} := {key}, start := start), (gap, -epoch(start), {key})))
FROM gaps GROUP BY study_id

-- name: items
CREATE TEMP TABLE items AS SELECT d.*, k.* EXCLUDE (label, category) FROM ({source}) d
LEFT JOIN known k ON trim(d.label) = k.label AND d.category = k.category AND d.fluid = 'Blood'

-- name: taken
CREATE TEMP TABLE taken AS
SELECT study_id, study_time, e.* REPLACE (
        TRY_CAST(charttime AS TIMESTAMP) AS charttime,
        TRY_CAST(storetime AS TIMESTAMP) AS storetime),
    charttime AS chart_text, storetime AS store_text
FROM ({source}) e JOIN studies USING (subject_id)
WHERE itemid IN (SELECT itemid FROM items WHERE name IS NOT NULL) AND (
    TRY_CAST(charttime AS TIMESTAMP) BETWEEN study_time - INTERVAL ($hours) HOUR AND study_time
        AND (TRY_CAST(storetime AS TIMESTAMP) <= study_time
            OR itemid IN (SELECT itemid FROM items WHERE name = 'specimen'))
    OR TRY_CAST(charttime AS TIMESTAMP) IS NULL
    OR TRY_CAST(storetime AS TIMESTAMP) IS NULL AND storetime IS NOT NULL)

-- name: results
CREATE TEMP TABLE results AS
WITH kinds AS (
    SELECT study_id, specimen_id, max(nullif(upper(trim(value)), '___')) AS stated
    FROM taken JOIN items USING (itemid)
    WHERE name = 'specimen' AND specimen_id IS NOT NULL GROUP BY ALL),
read AS (
    SELECT *,
        coalesce(TRY_CAST(valuenum AS DOUBLE), number_in(value), number_in(comments)) AS number,
        coalesce(nullif(value, '___'), comments) AS said,
        CASE WHEN regexp_matches(said, '^\s*(<|LESS THAN)', 'i') THEN '<'
             WHEN regexp_matches(said, '^\s*(>|GREATER THAN)', 'i') THEN '>' END AS censored
    FROM taken JOIN items USING (itemid) LEFT JOIN factors USING (name, valueuom)
        LEFT JOIN kinds USING (study_id, specimen_id)
    WHERE name <> 'specimen'
        AND (specimen IN ('', stated) OR stated IS NULL AND specimen = 'ART.'))
SELECT *, number * factor AS amount, CASE
    WHEN charttime IS NULL THEN 'charttime is ' || coalesce(chart_text, 'missing')
    WHEN storetime IS NULL THEN 'storetime is ' || store_text
    WHEN specimen <> '' AND stated IS NULL THEN 'its specimen is not said to be arterial or venous'
    WHEN number IS NULL THEN 'value ' || coalesce(value, '(none)') || ' is not a number'
    WHEN factor IS NULL
        THEN 'unit ' || coalesce(valueuom, '(none)') || ' does not convert to ' || unit
    WHEN NOT amount BETWEEN low AND high
        THEN amount || ' ' || unit || ' is not a possible value' END AS fault
FROM read

-- name: result_faults
SELECT DISTINCT 'labevent_id ' || labevent_id, name || ': ' || fault
FROM results WHERE fault IS NOT NULL ORDER BY ALL

-- name: signed
CREATE TEMP TABLE signed AS
WITH long AS (
    UNPIVOT triage ON temperature, heartrate, resprate, o2sat, sbp, dbp
    INTO NAME name VALUE value)
SELECT study_id, name, unit, epoch(study_time - start) / 3600 AS hours_before, stay_id, low, high,
    CASE WHEN name = 'temperature' AND value > 50 THEN (value - 32) / 1.8 ELSE value END AS value
FROM studies JOIN near_edstays USING (study_id) JOIN long USING (stay_id, subject_id)
    JOIN signs USING (name)
WHERE hours_before BETWEEN 0 AND $hours

-- name: sign_faults
SELECT DISTINCT 'stay_id ' || stay_id, name || ' ' || value || ' ' || unit || ' is not possible'
FROM signed WHERE NOT value BETWEEN low AND high ORDER BY ALL

-- name: linked_studies
WITH aged AS (SELECT *, age_at(anchor_age, anchor_year, study_time) AS years
    FROM studies LEFT JOIN (SELECT *, true AS known FROM patients) USING (subject_id))
SELECT study_id, subject_id, study_time, known IS NOT NULL AS in_record,
    CASE WHEN years >= 0 THEN least(years, 90) END AS age,
    anchor_age > 89 OR years >= 90 AS age_capped, gender AS sex,
    CASE WHEN e.gap = 0 THEN 'ed' WHEN i.gap = 0 THEN 'icu' WHEN a.gap = 0 THEN 'admission'
        WHEN e.gap > 0 THEN 'ed' WHEN a.gap > 0 THEN 'pre-admission' ELSE 'none' END AS link_type,
    e.stay_id AS ed_stay_id, i.stay_id AS icu_stay_id, hadm_id
FROM aged LEFT JOIN near_edstays e USING (study_id) LEFT JOIN near_icustays i USING (study_id)
    LEFT JOIN near_admissions a USING (study_id)
ORDER BY study_id

-- name: linked_labs
SELECT study_id, name, last.amount AS value, unit,
    epoch(study_time - last.charttime) / 3600 AS hours_before,
    last.labevent_id AS labevent_id, last.charttime AS charttime, last.storetime AS storetime,
    last.censored AS censored
FROM (
    SELECT study_id, name, arg_max(r, (charttime, storetime, labevent_id::BIGINT)) AS last,
        any_value(unit) AS unit, any_value(study_time) AS study_time
    FROM results r WHERE fault IS NULL GROUP BY study_id, name)
ORDER BY study_id, name

-- name: linked_vitals
SELECT study_id, name, value, unit, hours_before, stay_id FROM signed
WHERE value BETWEEN low AND high ORDER BY ALL
