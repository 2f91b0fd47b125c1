"""Every statement of the book, one module each: its hypotheses checked, its conclusion measured, and what breaks it."""
