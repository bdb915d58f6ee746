-- The statements of read/record.py and read/record_tables.py, by name. $values are bound; {names} of
-- tables and columns, which cannot be bound, come from constants of those modules.

-- name: csv
SELECT COLUMNS(lambda name: name IN $needed)
FROM read_csv($path, columns = $columns, header = true, auto_detect = false,
              compression = $compression, delim = ',', quote = '"', escape = '"', hive_partitioning = false,
              store_rejects = true, rejects_limit = $most)

-- name: bad_lines
SELECT 'line ' || line, lower(any_value(error_type)::VARCHAR) || ': ' || any_value(error_message)
    || CASE any_value(length(csv_line) - length(replace(trim(csv_line, E'\n'), E'\n', '')))
        WHEN 0 THEN '' ELSE ' The lines up to the next quote are lost with it.' END
FROM reject_errors GROUP BY line ORDER BY line

-- name: count_bad_lines
SELECT count(*) FROM reject_errors

-- name: forget_lines
DELETE FROM reject_errors

-- name: parquet
SELECT COLUMNS(lambda name: name IN $needed)::VARCHAR
FROM read_parquet($path, hive_partitioning = false)

-- name: parquet_columns
SELECT column_name FROM (DESCRIBE FROM read_parquet($path, hive_partitioning = false))

-- name: copy
SET preserve_insertion_order = true;
COPY ({source}) TO $target (FORMAT parquet, ROW_GROUP_SIZE 100000, USE_TMP_FILE false)

-- name: macros
CREATE TEMP MACRO age_at(anchor_age, anchor_year, time) AS  -- MIMIC writes 91 for anyone over 89
    CASE WHEN anchor_age > 90 THEN 90 ELSE anchor_age END + year(time) - anchor_year;
CREATE TEMP MACRO trimmed(words) AS
    nullif(trim(words::VARCHAR, ' ' || chr(9) || chr(10) || chr(13) || chr(160)), '');
CREATE TEMP MACRO id_in(words) AS  -- as a number is written: no blanks, no .0, no 0 before it
    CASE WHEN words < '1' OR contains(words, '.') OR contains(words, chr(9))
            OR contains(words, chr(160))
        THEN regexp_replace(regexp_replace(trimmed(words), '\.0*$', ''), '^0+(\d)', '\1')
        ELSE nullif(trim(words), '') END;
CREATE TEMP MACRO is_time(time) AS year(time) BETWEEN 1900 AND 2299;
CREATE TEMP MACRO time_in(words) AS TRY_CAST(  -- of no time zone, in years that can be believed
    CASE WHEN words LIKE '____-__-__ __:__:__' AND words BETWEEN '1900' AND '23' THEN words
        WHEN regexp_full_match(trimmed(words),
            '(19|2[0-2])\d\d-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d*)?)?)?')
        THEN trimmed(words) END AS TIMESTAMP);
CREATE TEMP MACRO amount_in(words) AS
    CASE WHEN isfinite(TRY_CAST(words AS DOUBLE)) THEN TRY_CAST(words AS DOUBLE) END;
CREATE TEMP MACRO whole_in(words, low, high) AS
    CASE WHEN regexp_full_match(trimmed(words), '\d+(\.0*)?')
          AND TRY_CAST(words AS DOUBLE) BETWEEN low AND high THEN TRY_CAST(words AS INT) END;
CREATE TEMP MACRO age_in(words) AS whole_in(words, 0, 120);
CREATE TEMP MACRO year_in(words) AS whole_in(words, 1900, 2299);
CREATE TEMP MACRO sex_in(words) AS CASE upper(trimmed(words))
    WHEN 'F' THEN 'F' WHEN 'FEMALE' THEN 'F' WHEN 'M' THEN 'M' WHEN 'MALE' THEN 'M' END;
CREATE TEMP MACRO number_in(words) AS TRY_CAST(regexp_extract(words,
    '^\s*(?:<|>|LESS THAN|GREATER THAN)?\s*=?\s*(\d+(?:\.\d+)?)\s*\.?\s*$', 1, 'i') AS DOUBLE)

-- name: studies
CREATE TEMP TABLE studies AS
WITH read AS (
    SELECT study_id::VARCHAR AS study_id, id_in(subject_id::VARCHAR) AS subject_id,
        CASE WHEN regexp_full_match(StudyDate::VARCHAR, '\d{8}(\.0*)?')
              AND regexp_full_match(StudyTime::VARCHAR, '\d{1,6}(\.\d*)?')
            THEN try_strptime(
                split_part(StudyDate::VARCHAR, '.', 1)
                    || lpad(split_part(StudyTime::VARCHAR, '.', 1), 6, '0'),
                '%Y%m%d%H%M%S') END AS time
    FROM images)
SELECT study_id, CASE WHEN count(DISTINCT subject_id) = 1 THEN min(subject_id) END AS subject_id,
    min(time) AS study_time, count(DISTINCT time) > 1 AS several
FROM (SELECT * REPLACE (CASE WHEN is_time(time) THEN time END AS time) FROM read)
GROUP BY study_id

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
CREATE OR REPLACE TEMP TABLE raw AS
SELECT * FROM (SELECT * REPLACE ({ids}) FROM ({source}))
WHERE subject_id IS NULL OR subject_id IN (
    SELECT subject_id FROM studies WHERE subject_id IS NOT NULL)

-- name: is_keyed
SELECT count(*) = count(DISTINCT {key}) AND count(*) = count(subject_id) FROM raw

-- name: no_key
SELECT '{key} ' || coalesce({key}, 'missing'), 'subject_id or {key} is missing' FROM raw
WHERE subject_id IS NULL OR {key} IS NULL ORDER BY 1

-- name: repeated
SELECT '{key} ' || {key}, CASE count(DISTINCT r) WHEN 1 THEN 'comes twice; one row is used'
    ELSE 'comes with different rows; none is used' END
FROM raw r WHERE subject_id IS NOT NULL GROUP BY {key} HAVING count(*) > 1 ORDER BY 1

-- name: keyed
CREATE OR REPLACE TEMP TABLE raw AS SELECT DISTINCT * FROM raw
WHERE subject_id IS NOT NULL AND {key} IS NOT NULL;
DELETE FROM raw WHERE {key} IN (SELECT {key} FROM raw GROUP BY 1 HAVING count(*) > 1)

-- name: bad_cells
SELECT '{key} ' || {key} AS row, '{column} is ' || coalesce({column}, 'missing') AS fault FROM raw
WHERE {kind}({column}) IS NULL AND NOT ({optional} AND trimmed({column}) IS NULL)

-- name: coverage
WITH wanted AS (SELECT DISTINCT TRY_CAST(subject_id AS BIGINT) AS id FROM studies),
    seen AS (SELECT DISTINCT TRY_CAST(subject_id AS BIGINT) AS id FROM {name})
SELECT '{name}', count(*) FILTER (id IN (FROM seen)),
    count(*) FILTER (id > coalesce((SELECT max(id) FROM seen), -1)), count(*)
FROM wanted WHERE id IS NOT NULL

-- name: no_edstays
CREATE OR REPLACE TEMP TABLE raw (
    subject_id VARCHAR, stay_id VARCHAR, intime VARCHAR, outtime VARCHAR)

-- name: no_triage
CREATE OR REPLACE TEMP TABLE raw (
    subject_id VARCHAR, stay_id VARCHAR, temperature VARCHAR, heartrate VARCHAR, resprate VARCHAR,
    o2sat VARCHAR, sbp VARCHAR, dbp VARCHAR)

-- name: patients
CREATE TEMP TABLE patients AS SELECT subject_id, sex_in(gender) AS gender,
    age_in(anchor_age) AS anchor_age, year_in(anchor_year) AS anchor_year FROM raw

-- name: admissions
CREATE TEMP TABLE admissions AS SELECT subject_id, hadm_id,
    time_in(admittime) AS admittime, time_in(dischtime) AS dischtime,
    time_in(edregtime) AS edregtime FROM raw

-- name: icustays
CREATE TEMP TABLE icustays AS SELECT subject_id, stay_id,
    time_in(intime) AS intime, time_in(outtime) AS outtime FROM raw

-- name: edstays
CREATE TEMP TABLE edstays AS SELECT subject_id, stay_id,
    time_in(intime) AS intime, time_in(outtime) AS outtime FROM raw

-- name: triage
CREATE TEMP TABLE triage AS SELECT subject_id, stay_id,
    amount_in(temperature) AS temperature, amount_in(heartrate) AS heartrate,
    amount_in(resprate) AS resprate, amount_in(o2sat) AS o2sat,
    amount_in(sbp) AS sbp, amount_in(dbp) AS dbp FROM raw

-- name: count_patients
SELECT count(DISTINCT subject_id) FILTER (subject_id NOT IN (SELECT subject_id FROM patients)),
    count(DISTINCT subject_id)
FROM studies

-- name: missing_patients
SELECT DISTINCT 'subject_id ' || subject_id, 'a patient with films is missing; not linked'
FROM studies ANTI JOIN patients USING (subject_id) WHERE subject_id IS NOT NULL ORDER BY 1

-- name: impossible_ages
SELECT 'study ' || study_id, 'the age at the film is '
    || age_at(anchor_age, anchor_year, study_time) || '; set to null'
FROM studies JOIN patients USING (subject_id)
WHERE NOT age_at(anchor_age, anchor_year, study_time) BETWEEN 0 AND 120 ORDER BY 1

-- name: backwards
SELECT '{name}', '{key} ' || {key}, 'ends (' || {stop} || ') before it begins (' || {start} || ')'
FROM {name} WHERE {stop} < {start}

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
CREATE TEMP TABLE items AS SELECT DISTINCT d.*, k.* EXCLUDE (label, category)
FROM (SELECT id_in(itemid) AS itemid, trimmed(label) AS label, trimmed(fluid) AS fluid,
    trimmed(category) AS category FROM ({source})) d
LEFT JOIN known k ON d.label = k.label AND d.category = k.category AND d.fluid = 'Blood'

-- name: repeated_items
SELECT 'itemid ' || coalesce(itemid, 'missing'),
    CASE WHEN itemid IS NULL THEN 'a row has no number' ELSE 'has two meanings; none is used' END
FROM items GROUP BY itemid HAVING itemid IS NULL OR count(DISTINCT (label, fluid, category)) > 1
ORDER BY 1

-- name: single_items
DELETE FROM items WHERE itemid IS NULL OR itemid IN (
    SELECT itemid FROM items GROUP BY 1 HAVING count(DISTINCT (label, fluid, category)) > 1)

-- name: taken
CREATE TEMP TABLE taken AS
WITH events AS (
    SELECT * REPLACE (id_in(subject_id) AS subject_id, id_in(itemid) AS itemid) FROM ({source})),
known_events AS (
    SELECT * FROM events
    WHERE (itemid IS NULL OR itemid IN (SELECT itemid FROM items WHERE name IS NOT NULL))
        AND (subject_id IS NULL OR subject_id IN (
            SELECT subject_id FROM studies WHERE subject_id IS NOT NULL))),
timed AS (
    SELECT * REPLACE (id_in(labevent_id) AS labevent_id, time_in(charttime) AS charttime,
            time_in(storetime) AS storetime),
        charttime AS chart_text, storetime AS store_text
    FROM known_events)
SELECT study_id, study_time, e.* FROM timed e LEFT JOIN studies USING (subject_id)
WHERE subject_id IS NULL OR itemid IS NULL OR charttime IS NULL
    OR charttime BETWEEN study_time - INTERVAL ($hours) HOUR AND study_time
        AND (storetime <= study_time
            OR itemid IN (SELECT itemid FROM items WHERE name = 'specimen'))
    OR storetime IS NULL AND store_text IS NOT NULL

-- name: results
CREATE TEMP TABLE results AS
WITH kinds AS (
    SELECT study_id, specimen_id, max(nullif(upper(trim(value)), '___')) AS stated
    FROM taken JOIN items USING (itemid)
    WHERE name = 'specimen' AND specimen_id IS NOT NULL GROUP BY ALL),
repeated AS (SELECT study_id, labevent_id FROM taken GROUP BY ALL HAVING count(*) > 1),
versions AS (
    SELECT study_id, labevent_id, count(DISTINCT t) AS versions
    FROM taken t SEMI JOIN repeated USING (study_id, labevent_id) GROUP BY ALL),
read AS (
    SELECT *,
        coalesce(TRY_CAST(valuenum AS DOUBLE), number_in(value), number_in(comments)) AS number,
        coalesce(nullif(value, '___'), comments) AS said,
        CASE WHEN regexp_matches(said, '^\s*(<|LESS THAN)', 'i') THEN '<'
             WHEN regexp_matches(said, '^\s*(>|GREATER THAN)', 'i') THEN '>' END AS censored
    FROM taken LEFT JOIN items USING (itemid) LEFT JOIN factors USING (name, valueuom)
        LEFT JOIN versions USING (study_id, labevent_id)
        LEFT JOIN kinds USING (study_id, specimen_id)
    WHERE name IS NULL OR name <> 'specimen'
        AND (specimen IN ('', stated) OR stated IS NULL AND specimen = 'ART.'))
SELECT *, number * factor AS amount, CASE
    WHEN subject_id IS NULL THEN 'subject_id is missing'
    WHEN itemid IS NULL THEN 'itemid is missing'
    WHEN TRY_CAST(labevent_id AS BIGINT) IS NULL THEN 'labevent_id is not a number'
    WHEN versions > 1 THEN 'labevent_id comes with different values'
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
SELECT DISTINCT 'labevent_id ' || coalesce(labevent_id, 'missing'), coalesce(name || ': ', '') || fault
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
    CASE WHEN years BETWEEN 0 AND 120 THEN least(years, 90) END AS age,
    anchor_age > 89 OR years BETWEEN 90 AND 120 AS age_capped, gender AS sex,
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
