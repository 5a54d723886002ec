-- The checkpoint of this size.
SELECT c.note FROM checkpoint c WHERE c.log = %(log)s::smallint AND c.size = %(size)s::bigint
