-- The questions of mining/ibis_kernels.py for DuckDB, written by `python -m mining.ibis_kernels`; change them there.

-- question: summary
SELECT
  "t9"."cases",
  "t9"."events",
  "t14"."activities",
  "t6"."variants",
  "t17"."dfg_edges",
  "t9"."first_event",
  "t9"."last_event",
  "t9"."mean_case_seconds",
  LIST_EXTRACT("t9"."quantiles", 1) AS "median_case_seconds",
  LIST_EXTRACT("t9"."quantiles", 2) AS "p90_case_seconds"
FROM (
  SELECT
    COUNT(*) AS "cases",
    CAST(CAST(COALESCE(SUM("t0"."events"), 0) AS DECIMAL(38, 0)) AS BIGINT) AS "events",
    MIN("t0"."started_at") AS "first_event",
    MAX("t0"."ended_at") AS "last_event",
    AVG("t0"."seconds") AS "mean_case_seconds",
    QUANTILE_CONT("t0"."seconds", [0.5, 0.9]) AS "quantiles"
  FROM "kept" AS "t0"
) AS "t9"
CROSS JOIN (
  SELECT
    COUNT(DISTINCT "t10"."activity_id") AS "activities"
  FROM (
    SELECT
      UNNEST("t7"."activity_ids") AS "activity_id"
    FROM "weights" AS "t3"
    INNER JOIN (
      SELECT
        "t2"."variant_id",
        "t2"."activity_ids"
      FROM "variants" AS "t2"
    ) AS "t7"
      ON "t3"."variant_id" = "t7"."variant_id"
  ) AS "t10"
) AS "t14"
CROSS JOIN (
  SELECT
    COUNT(*) AS "variants"
  FROM "weights" AS "t1"
) AS "t6"
CROSS JOIN (
  SELECT
    COUNT(*) AS "dfg_edges"
  FROM (
    SELECT
      "t13"."source_id",
      "t13"."target_id",
      CAST(CAST(SUM("t13"."cases" * "t13"."times") AS DECIMAL(38, 0)) AS BIGINT) AS "frequency",
      CAST(CAST(SUM("t13"."cases") AS DECIMAL(38, 0)) AS BIGINT) AS "cases"
    FROM (
      SELECT
        "t11"."variant_id",
        "t11"."source_id",
        "t11"."target_id",
        MAX("t11"."cases") AS "cases",
        COUNT(*) AS "times"
      FROM (
        SELECT
          "t3"."variant_id",
          "t3"."cases",
          UNNEST(LIST_SLICE("t7"."activity_ids", 1, -2)) AS "source_id",
          UNNEST(LIST_SLICE("t7"."activity_ids", 2, LENGTH("t7"."activity_ids"))) AS "target_id"
        FROM "weights" AS "t3"
        INNER JOIN (
          SELECT
            "t2"."variant_id",
            "t2"."activity_ids"
          FROM "variants" AS "t2"
        ) AS "t7"
          ON "t3"."variant_id" = "t7"."variant_id"
      ) AS "t11"
      GROUP BY
        1,
        2,
        3
    ) AS "t13"
    GROUP BY
      1,
      2
  ) AS "t15"
) AS "t17"

-- question: dfg
SELECT
  *
FROM (
  SELECT
    "t9"."source",
    "t10"."target",
    "t15"."frequency",
    "t15"."cases",
    "t4"."mean_seconds",
    "t4"."median_seconds",
    "t4"."p90_seconds"
  FROM (
    SELECT
      "t13"."source_id",
      "t13"."target_id",
      CAST(CAST(SUM("t13"."cases" * "t13"."times") AS DECIMAL(38, 0)) AS BIGINT) AS "frequency",
      CAST(CAST(SUM("t13"."cases") AS DECIMAL(38, 0)) AS BIGINT) AS "cases"
    FROM (
      SELECT
        "t12"."variant_id",
        "t12"."source_id",
        "t12"."target_id",
        MAX("t12"."cases") AS "cases",
        COUNT(*) AS "times"
      FROM (
        SELECT
          "t5"."variant_id",
          "t5"."cases",
          UNNEST(LIST_SLICE("t11"."activity_ids", 1, -2)) AS "source_id",
          UNNEST(LIST_SLICE("t11"."activity_ids", 2, LENGTH("t11"."activity_ids"))) AS "target_id"
        FROM "weights" AS "t5"
        INNER JOIN (
          SELECT
            "t3"."variant_id",
            "t3"."activity_ids"
          FROM "variants" AS "t3"
        ) AS "t11"
          ON "t5"."variant_id" = "t11"."variant_id"
      ) AS "t12"
      GROUP BY
        1,
        2,
        3
    ) AS "t13"
    GROUP BY
      1,
      2
  ) AS "t15"
  INNER JOIN (
    SELECT
      "t1"."activity_id" AS "source_id",
      "t1"."activity" AS "source"
    FROM "activities" AS "t1"
  ) AS "t9"
    ON "t15"."source_id" = "t9"."source_id"
  INNER JOIN (
    SELECT
      "t1"."activity_id" AS "target_id",
      "t1"."activity" AS "target"
    FROM "activities" AS "t1"
  ) AS "t10"
    ON "t15"."target_id" = "t10"."target_id"
  INNER JOIN "edge_times" AS "t4"
    ON "t15"."source_id" = "t4"."source_id" AND "t15"."target_id" = "t4"."target_id"
) AS "t16"
ORDER BY
  "t16"."frequency" DESC,
  "t16"."source" ASC,
  "t16"."target" ASC

-- question: dfg_counts
SELECT
  *
FROM (
  SELECT
    "t7"."source",
    "t8"."target",
    "t13"."frequency",
    "t13"."cases"
  FROM (
    SELECT
      "t11"."source_id",
      "t11"."target_id",
      CAST(CAST(SUM("t11"."cases" * "t11"."times") AS DECIMAL(38, 0)) AS BIGINT) AS "frequency",
      CAST(CAST(SUM("t11"."cases") AS DECIMAL(38, 0)) AS BIGINT) AS "cases"
    FROM (
      SELECT
        "t10"."variant_id",
        "t10"."source_id",
        "t10"."target_id",
        MAX("t10"."cases") AS "cases",
        COUNT(*) AS "times"
      FROM (
        SELECT
          "t3"."variant_id",
          "t3"."cases",
          UNNEST(LIST_SLICE("t9"."activity_ids", 1, -2)) AS "source_id",
          UNNEST(LIST_SLICE("t9"."activity_ids", 2, LENGTH("t9"."activity_ids"))) AS "target_id"
        FROM "weights" AS "t3"
        INNER JOIN (
          SELECT
            "t2"."variant_id",
            "t2"."activity_ids"
          FROM "variants" AS "t2"
        ) AS "t9"
          ON "t3"."variant_id" = "t9"."variant_id"
      ) AS "t10"
      GROUP BY
        1,
        2,
        3
    ) AS "t11"
    GROUP BY
      1,
      2
  ) AS "t13"
  INNER JOIN (
    SELECT
      "t0"."activity_id" AS "source_id",
      "t0"."activity" AS "source"
    FROM "activities" AS "t0"
  ) AS "t7"
    ON "t13"."source_id" = "t7"."source_id"
  INNER JOIN (
    SELECT
      "t0"."activity_id" AS "target_id",
      "t0"."activity" AS "target"
    FROM "activities" AS "t0"
  ) AS "t8"
    ON "t13"."target_id" = "t8"."target_id"
) AS "t14"
ORDER BY
  "t14"."frequency" DESC,
  "t14"."source" ASC,
  "t14"."target" ASC

-- question: variants
SELECT
  *
FROM (
  SELECT
    "t7"."variant_id",
    "t7"."rank",
    "t5"."activities",
    ARRAY_LENGTH("t5"."activity_ids") AS "length",
    "t7"."cases",
    "t7"."share",
    "t7"."cumulative_share",
    "t3"."mean_seconds",
    "t3"."median_seconds"
  FROM (
    SELECT
      "t0"."variant_id",
      "t0"."cases",
      (
        ROW_NUMBER() OVER (
          ORDER BY "t0"."cases" DESC, "t0"."variant_id" ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) - 1
      ) + 1 AS "rank",
      "t0"."cases" / SUM("t0"."cases") OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS "share",
      SUM("t0"."cases") OVER (
        ORDER BY "t0"."cases" DESC, "t0"."variant_id" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) / SUM("t0"."cases") OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS "cumulative_share"
    FROM "weights" AS "t0"
  ) AS "t7"
  INNER JOIN (
    SELECT
      "t2"."variant_id",
      "t2"."activity_ids",
      "t2"."activities"
    FROM "variants" AS "t2"
  ) AS "t5"
    ON "t7"."variant_id" = "t5"."variant_id"
  INNER JOIN "variant_times" AS "t3"
    ON "t7"."variant_id" = "t3"."variant_id"
) AS "t8"
ORDER BY
  "t8"."rank" ASC

-- question: activities
SELECT
  *
FROM (
  SELECT
    "t3"."activity",
    "t10"."events",
    "t10"."cases",
    "t10"."starts",
    "t10"."ends"
  FROM (
    SELECT
      "t8"."activity_id",
      CAST(CAST(SUM("t8"."cases" * "t8"."times") AS DECIMAL(38, 0)) AS BIGINT) AS "events",
      CAST(CAST(SUM("t8"."cases") AS DECIMAL(38, 0)) AS BIGINT) AS "cases",
      CAST(CAST(SUM("t8"."cases" * "t8"."starts") AS DECIMAL(38, 0)) AS BIGINT) AS "starts",
      CAST(CAST(SUM("t8"."cases" * "t8"."ends") AS DECIMAL(38, 0)) AS BIGINT) AS "ends"
    FROM (
      SELECT
        "t7"."variant_id",
        "t7"."activity_id",
        MAX("t7"."cases") AS "cases",
        COUNT(*) AS "times",
        MAX(CAST("t7"."first" = "t7"."activity_id" AS BIGINT)) AS "starts",
        MAX(CAST("t7"."last" = "t7"."activity_id" AS BIGINT)) AS "ends"
      FROM (
        SELECT
          "t4"."variant_id",
          "t4"."cases",
          LIST_EXTRACT("t6"."activity_ids", 1) AS "first",
          LIST_EXTRACT("t6"."activity_ids", -1) AS "last",
          UNNEST("t6"."activity_ids") AS "activity_id"
        FROM "weights" AS "t4"
        INNER JOIN (
          SELECT
            "t2"."variant_id",
            "t2"."activity_ids"
          FROM "variants" AS "t2"
        ) AS "t6"
          ON "t4"."variant_id" = "t6"."variant_id"
      ) AS "t7"
      GROUP BY
        1,
        2
    ) AS "t8"
    GROUP BY
      1
  ) AS "t10"
  INNER JOIN "activities" AS "t3"
    ON "t10"."activity_id" = "t3"."activity_id"
) AS "t11"
ORDER BY
  "t11"."events" DESC,
  "t11"."activity" ASC

-- question: start
SELECT
  *
FROM (
  SELECT
    "t3"."activity",
    "t9"."cases"
  FROM (
    SELECT
      "t7"."activity_id",
      CAST(CAST(SUM("t7"."cases") AS DECIMAL(38, 0)) AS BIGINT) AS "cases"
    FROM (
      SELECT
        "t4"."cases",
        LIST_EXTRACT("t6"."activity_ids", 1) AS "activity_id"
      FROM "weights" AS "t4"
      INNER JOIN (
        SELECT
          "t2"."variant_id",
          "t2"."activity_ids"
        FROM "variants" AS "t2"
      ) AS "t6"
        ON "t4"."variant_id" = "t6"."variant_id"
    ) AS "t7"
    GROUP BY
      1
  ) AS "t9"
  INNER JOIN "activities" AS "t3"
    ON "t9"."activity_id" = "t3"."activity_id"
) AS "t10"
ORDER BY
  "t10"."cases" DESC,
  "t10"."activity" ASC

-- question: end
SELECT
  *
FROM (
  SELECT
    "t3"."activity",
    "t9"."cases"
  FROM (
    SELECT
      "t7"."activity_id",
      CAST(CAST(SUM("t7"."cases") AS DECIMAL(38, 0)) AS BIGINT) AS "cases"
    FROM (
      SELECT
        "t4"."cases",
        LIST_EXTRACT("t6"."activity_ids", -1) AS "activity_id"
      FROM "weights" AS "t4"
      INNER JOIN (
        SELECT
          "t2"."variant_id",
          "t2"."activity_ids"
        FROM "variants" AS "t2"
      ) AS "t6"
        ON "t4"."variant_id" = "t6"."variant_id"
    ) AS "t7"
    GROUP BY
      1
  ) AS "t9"
  INNER JOIN "activities" AS "t3"
    ON "t9"."activity_id" = "t3"."activity_id"
) AS "t10"
ORDER BY
  "t10"."cases" DESC,
  "t10"."activity" ASC

-- question: case_durations
SELECT
  "t0"."case_id",
  "t0"."variant_id",
  "t0"."started_at",
  "t0"."ended_at",
  "t0"."seconds",
  "t0"."events"
FROM "kept" AS "t0"
ORDER BY
  "t0"."case_no" ASC

-- question: throughput_day
WITH "t1" AS (
  SELECT
    CAST(DATE_TRUNC('DAY', "t0"."started_at") AS DATE) AS "started",
    CAST(DATE_TRUNC('DAY', "t0"."ended_at") AS DATE) AS "completed"
  FROM "kept" AS "t0"
)
SELECT
  *
FROM (
  SELECT
    "t14"."period",
    "t14"."started",
    "t14"."completed",
    CAST(CAST(SUM("t14"."started" - "t14"."completed") OVER (ORDER BY "t14"."period" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS DECIMAL(38, 0)) AS BIGINT) AS "open_cases"
  FROM (
    SELECT
      "t13"."period",
      COALESCE("t13"."started", 0) AS "started",
      COALESCE("t5"."completed", 0) AS "completed"
    FROM (
      SELECT
        "t11"."period",
        "t11"."started"
      FROM (
        SELECT
          "t10"."period",
          "t6"."period" AS "period_right",
          "t6"."started"
        FROM (
          SELECT
            CAST(CAST("t8"."first" AS TIMESTAMP) + TO_DAYS("t8"."number") AS DATE) AS "period"
          FROM (
            SELECT
              "t7"."first",
              UNNEST(RANGE(0, DATE_DIFF('DAY', "t7"."first", "t7"."last") + 1, 1)) AS "number"
            FROM (
              SELECT
                MIN("t2"."started") AS "first",
                MAX("t2"."completed") AS "last"
              FROM "t1" AS "t2"
            ) AS "t7"
          ) AS "t8"
        ) AS "t10"
        LEFT OUTER JOIN (
          SELECT
            "t2"."started" AS "period",
            COUNT(*) AS "started"
          FROM "t1" AS "t2"
          GROUP BY
            1
        ) AS "t6"
          ON "t10"."period" = "t6"."period"
      ) AS "t11"
    ) AS "t13"
    LEFT OUTER JOIN (
      SELECT
        "t2"."completed" AS "period",
        COUNT(*) AS "completed"
      FROM "t1" AS "t2"
      GROUP BY
        1
    ) AS "t5"
      ON "t13"."period" = "t5"."period"
  ) AS "t14"
) AS "t15"
ORDER BY
  "t15"."period" ASC

-- question: throughput_week
WITH "t1" AS (
  SELECT
    CAST(DATE_TRUNC('WEEK', "t0"."started_at") AS DATE) AS "started",
    CAST(DATE_TRUNC('WEEK', "t0"."ended_at") AS DATE) AS "completed"
  FROM "kept" AS "t0"
)
SELECT
  *
FROM (
  SELECT
    "t14"."period",
    "t14"."started",
    "t14"."completed",
    CAST(CAST(SUM("t14"."started" - "t14"."completed") OVER (ORDER BY "t14"."period" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS DECIMAL(38, 0)) AS BIGINT) AS "open_cases"
  FROM (
    SELECT
      "t13"."period",
      COALESCE("t13"."started", 0) AS "started",
      COALESCE("t5"."completed", 0) AS "completed"
    FROM (
      SELECT
        "t11"."period",
        "t11"."started"
      FROM (
        SELECT
          "t10"."period",
          "t6"."period" AS "period_right",
          "t6"."started"
        FROM (
          SELECT
            CAST(CAST("t8"."first" AS TIMESTAMP) + TO_DAYS("t8"."number" * 7) AS DATE) AS "period"
          FROM (
            SELECT
              "t7"."first",
              UNNEST(
                RANGE(
                  0,
                  CAST(FLOOR((
                    DATE_DIFF('DAY', "t7"."first", "t7"."last")
                  ) / (
                    7
                  )) AS BIGINT) + 1,
                  1
                )
              ) AS "number"
            FROM (
              SELECT
                MIN("t2"."started") AS "first",
                MAX("t2"."completed") AS "last"
              FROM "t1" AS "t2"
            ) AS "t7"
          ) AS "t8"
        ) AS "t10"
        LEFT OUTER JOIN (
          SELECT
            "t2"."started" AS "period",
            COUNT(*) AS "started"
          FROM "t1" AS "t2"
          GROUP BY
            1
        ) AS "t6"
          ON "t10"."period" = "t6"."period"
      ) AS "t11"
    ) AS "t13"
    LEFT OUTER JOIN (
      SELECT
        "t2"."completed" AS "period",
        COUNT(*) AS "completed"
      FROM "t1" AS "t2"
      GROUP BY
        1
    ) AS "t5"
      ON "t13"."period" = "t5"."period"
  ) AS "t14"
) AS "t15"
ORDER BY
  "t15"."period" ASC

-- question: throughput_month
WITH "t1" AS (
  SELECT
    CAST(DATE_TRUNC('MONTH', "t0"."started_at") AS DATE) AS "started",
    CAST(DATE_TRUNC('MONTH', "t0"."ended_at") AS DATE) AS "completed"
  FROM "kept" AS "t0"
)
SELECT
  *
FROM (
  SELECT
    "t14"."period",
    "t14"."started",
    "t14"."completed",
    CAST(CAST(SUM("t14"."started" - "t14"."completed") OVER (ORDER BY "t14"."period" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS DECIMAL(38, 0)) AS BIGINT) AS "open_cases"
  FROM (
    SELECT
      "t13"."period",
      COALESCE("t13"."started", 0) AS "started",
      COALESCE("t5"."completed", 0) AS "completed"
    FROM (
      SELECT
        "t11"."period",
        "t11"."started"
      FROM (
        SELECT
          "t10"."period",
          "t6"."period" AS "period_right",
          "t6"."started"
        FROM (
          SELECT
            CAST(CAST("t8"."first" AS TIMESTAMP) + TO_MONTHS("t8"."number") AS DATE) AS "period"
          FROM (
            SELECT
              "t7"."first",
              UNNEST(
                RANGE(
                  0,
                  (
                    (
                      (
                        (
                          EXTRACT(year FROM "t7"."last") - EXTRACT(year FROM "t7"."first")
                        ) * 12
                      ) + EXTRACT(month FROM "t7"."last")
                    ) - EXTRACT(month FROM "t7"."first")
                  ) + 1,
                  1
                )
              ) AS "number"
            FROM (
              SELECT
                MIN("t2"."started") AS "first",
                MAX("t2"."completed") AS "last"
              FROM "t1" AS "t2"
            ) AS "t7"
          ) AS "t8"
        ) AS "t10"
        LEFT OUTER JOIN (
          SELECT
            "t2"."started" AS "period",
            COUNT(*) AS "started"
          FROM "t1" AS "t2"
          GROUP BY
            1
        ) AS "t6"
          ON "t10"."period" = "t6"."period"
      ) AS "t11"
    ) AS "t13"
    LEFT OUTER JOIN (
      SELECT
        "t2"."completed" AS "period",
        COUNT(*) AS "completed"
      FROM "t1" AS "t2"
      GROUP BY
        1
    ) AS "t5"
      ON "t13"."period" = "t5"."period"
  ) AS "t14"
) AS "t15"
ORDER BY
  "t15"."period" ASC

-- question: variant_multiset
SELECT
  *
FROM (
  SELECT
    "t2"."variant_id",
    "t4"."activity_ids",
    "t2"."cases"
  FROM "weights" AS "t2"
  INNER JOIN (
    SELECT
      "t1"."variant_id",
      "t1"."activity_ids",
      "t1"."activities"
    FROM "variants" AS "t1"
  ) AS "t4"
    ON "t2"."variant_id" = "t4"."variant_id"
) AS "t5"
ORDER BY
  "t5"."cases" DESC,
  "t5"."variant_id" ASC

-- question: edge_times
SELECT
  "t2"."source_id",
  "t2"."target_id",
  "t2"."mean_seconds",
  LIST_EXTRACT("t2"."quantiles", 1) AS "median_seconds",
  LIST_EXTRACT("t2"."quantiles", 2) AS "p90_seconds"
FROM (
  SELECT
    "t1"."activity_id" AS "source_id",
    "t1"."next_activity" AS "target_id",
    AVG("t1"."seconds_to_next") AS "mean_seconds",
    QUANTILE_CONT("t1"."seconds_to_next", [0.5, 0.9]) AS "quantiles"
  FROM (
    SELECT
      *
    FROM "events" AS "t0"
    WHERE
      "t0"."next_activity" IS NOT NULL
  ) AS "t1"
  GROUP BY
    1,
    2
) AS "t2"

-- question: variant_times
SELECT
  "t0"."variant_id",
  AVG("t0"."seconds") AS "mean_seconds",
  QUANTILE_CONT("t0"."seconds", 0.5) AS "median_seconds"
FROM "kept" AS "t0"
GROUP BY
  1
