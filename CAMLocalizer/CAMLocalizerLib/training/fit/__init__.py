"""The machinery of training: options, batches, the Lightning module and the folder from which a run can resume."""
