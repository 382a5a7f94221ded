"""The Hub: the HTTP API and the web app. It publishes like anyone, reads the history, and has no private way in."""
