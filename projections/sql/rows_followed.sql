-- Up to which entry the rows of a log are followed, where they are all of this catalogue, which is
-- the last one.
SELECT f.n FROM follower f
WHERE f.log = %(log)s::smallint AND f.name = %(follower)s AND f.catalogue_n = %(catalogue_n)s
    AND %(catalogue_n)s = (
        SELECT own.n[array_upper(own.n, 1)] FROM dossier own
        WHERE own.log = 0 AND own.subject = %(own)s)
