-- The entries of a stream before this place that have no leaf.
SELECT e.n FROM entry e
WHERE e.log = %(log)s::smallint AND e.stream = %(stream)s AND e.n < %(until)s AND e.leaf = ''
