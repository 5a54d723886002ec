"""The checks that apply the law: each a function with one signature, facts in and findings out.

`case` says what a rule may look at and what it may find; `scope`, `lines`, `consent`, `rights` and
`conditions` hold the rules by question; `rulebook` holds the law they cite. The order in which
they are evaluated is law.md section 9.3 and stands in `ledger.answer`.
"""
