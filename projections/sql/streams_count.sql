-- How many streams does one log have?
SELECT count(DISTINCT x.stream) AS streams FROM entry x WHERE x.log = %(log)s::smallint
