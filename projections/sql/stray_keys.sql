-- The first entry under an idempotency key that does not lead back to it.
SELECT min(x.n) AS n FROM entry x
WHERE x.log = %(log)s::smallint AND x.idempotency_key IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM idempotency k
        WHERE k.log = x.log AND k.client = x.client AND k.key = x.idempotency_key
            AND x.n BETWEEN k.first_n AND k.last_n)
