-- How many secrets of consumers are wrapped under each key-encrypting key.
SELECT x.kek_id, count(*) AS secrets FROM feed_secret x
WHERE x.log = %(log)s::smallint GROUP BY x.kek_id
