"""The languages around events: patterns, input transformers, schedule expressions, envelopes. Pure.

Used by services/events and services/scheduler (checks) and engine/events (matching and delivery).
"""
