SELECT forget_requests(%(log)s::smallint, %(numbers)s::bigint[])
