"""The shim: one small process beside every unit, which starts, watches, limits and records the user's process.

Run as `python -I -S shim UNIT_FOLDER` by the process runtime. Standard library only, and nothing of the rest of
Clary: it outlives the Clary that started it, also when that one is replaced by another version. So whatever it will
ever need is imported before the runtime is let go. What it is to do is in spec.json; deciding that (which mounts,
which limits) is the runtime's work, not done here.

Every import is paid at every start of a unit: no pathlib, contextlib or typing in here.

Files in the unit's folder, in the order in which they appear:

    spec.json      written by the runtime
    lock           flock held for the shim's whole life: held = alive
    started        durable; from here on the unit never starts again
    network.json   pid and start time of the shim, where other units are to join its network
    shim.json      pid, start time and token of the shim
    running.json   pid of the user's process, when it runs
    log            one line each: epoch milliseconds, tab, text
    stop           written by the runtime: the unit shall end (honoured also before it began)
    exit.json      durable; how it ended
"""
