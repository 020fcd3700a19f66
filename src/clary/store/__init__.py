"""The only room that knows a database: resources, work queue, tags, principals, log events, objects.

Functions take a `Transaction` first and never open one themselves, so that a caller decides what is atomic.
SQLAlchemy Core is used synchronously; nothing outside this room imports SQLAlchemy.
"""
