"""Makes the world match the store: one level-triggered reconcile loop, one controller per kind of resource.

A controller looks at the row (desired) and at the runtime (observed), decides in a pure `plan`, and acts
idempotently: every unit has a deterministic name, every status write is compare-and-set. Restart = look again at
everything that is not at rest. Nothing here answers clients; nothing here knows AWS's wire.
"""
