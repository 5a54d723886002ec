SELECT i.origin, i.logs, i.stream FROM ledger_identity i WHERE i.log = 0
