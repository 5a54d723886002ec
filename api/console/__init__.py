"""The console: pages for people who look rather than read JSON.

A page takes what a JSON route takes, from the same projections, and leaves the same rows in the
read audit. `routes` has every page; `viewing` says who looks, `shell` how a page is made, `tables`
how each table has its twins, `words` how things are said. Read `ops/docs/console.md` first.
"""
