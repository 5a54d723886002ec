-- The same secret under another key-encrypting key.
UPDATE feed_secret s
SET kek_id = %(kek_id)s::text, wrapped = %(wrapped)s::bytea
WHERE s.log = %(log)s::smallint AND s.client = %(client)s::text AND s.name = %(name)s::text
    AND s.version = %(version)s::integer AND s.kek_id = %(was)s::text
