"""From what has happened to what others are told: dispatcher (outbox to deliveries), deliverer, schedules.

Permissions of rules are checked by services/events; the languages are in clary.events. docs/architecture/events.md
tells the whole way of an event.
"""
