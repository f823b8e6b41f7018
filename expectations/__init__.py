"""Named rule sets: plain dicts, rule name -> SQL predicate."""
