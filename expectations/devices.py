"""Rules of the device registry: name -> SQL predicate that is TRUE for a good row (NULL counts as broken)."""

# Over the columns of transformations.devices.parse_device_changes. A DELETE names its device; the rest may be missing.
DEVICE_CHANGE_RULES = {
    "well_formed": "value IS NOT NULL AND malformed_value IS NULL",
    "has_device_id": "trim(device_id) <> ''",
    "known_operation": "operation IN ('INSERT', 'UPDATE', 'DELETE')",
    # AUTO CDC fails on a change without a place in the order.
    "has_sequence": "sequence IS NOT NULL",
    "has_site": "operation = 'DELETE' OR trim(site) <> ''",
    "has_model": "operation = 'DELETE' OR trim(model) <> ''",
    "has_installed_at": "operation = 'DELETE' OR installed_at IS NOT NULL",
}
