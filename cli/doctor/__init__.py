"""`onestack doctor`: looks at everything that an installation rests on, and says what to do about what it finds."""
