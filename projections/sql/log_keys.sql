-- The keys with which the log has signed, in the order in which they were first seen.
SELECT k.vkey, k.use, k.first_seen_at
FROM log_key k
WHERE k.log = %(log)s::smallint
ORDER BY k.first_seen_at, k.vkey
