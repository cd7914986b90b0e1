"""Logins over HTTP: by the protocol itself, by a form, by what a script sends."""
