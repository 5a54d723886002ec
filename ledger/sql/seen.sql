-- Was a request accepted under this key, and which?
SELECT k.fingerprint FROM idempotency k
WHERE k.log = %(log)s::smallint AND k.client = %(client)s AND k.key = %(key)s
