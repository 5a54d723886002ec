"""What a failed write left behind, as far as its error tells."""

import psycopg
import pytest
from psycopg import errors
from psycopg_pool import PoolTimeout

from ledger.connections import Left, left_by


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (psycopg.OperationalError("server closed the connection"), Left.UNKNOWN),
        (psycopg.InterfaceError("the connection is closed"), Left.UNKNOWN),
        (errors.ConnectionFailure(), Left.UNKNOWN),
        (errors.AdminShutdown(), Left.UNKNOWN),
        (errors.CrashShutdown(), Left.UNKNOWN),
        (errors.InternalError_(), Left.UNKNOWN),
        (errors.DeadlockDetected(), Left.NOTHING_YET),
        (errors.SerializationFailure(), Left.NOTHING_YET),
        (errors.QueryCanceled(), Left.NOTHING),
        (errors.DiskFull(), Left.NOTHING),
        (errors.LockNotAvailable(), Left.NOTHING),
        (errors.ReadOnlySqlTransaction(), Left.NOTHING),
        (errors.CheckViolation(), Left.REFUSED),
        (errors.UniqueViolation(), Left.REFUSED),
        (errors.ProgramLimitExceeded(), Left.REFUSED),
        (errors.NoDataFound(), Left.REFUSED),
        (errors.InsufficientPrivilege(), Left.REFUSED),
        (psycopg.DataError("text cannot contain NUL"), Left.REFUSED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_tells_whether_a_write_may_have_been_committed(error, left):
    assert left_by(error) is left


def test_no_connection_in_time_counts_as_unknown_unless_it_is_told_apart_before():
    assert left_by(PoolTimeout()) is Left.UNKNOWN
