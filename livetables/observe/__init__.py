"""Progress to events, and events to what people see."""
